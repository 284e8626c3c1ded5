"""The packages of others, in an environment of their own: they never enter the product's.

It lies in the cache, under the digest of its lock, and is made when a bench first needs it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from infra.bootstrap import PIP
from infra.errors import MachineError
from infra.packages import LOCKS
from infra.secrets import scrub

__all__ = ["LOCK", "rival_python", "step_of"]

LOCK: Final = LOCKS / "bench.txt"
DONE: Final = "watchfloor-bench.lock"
"""The copy of the lock that was installed; written last, so it is there only when all is."""
LIMIT_S: Final = 600.0
SAID: Final = 12

Say = Callable[[str], None]


def rival_python(cache: Path, say: Say, lock: Path = LOCK, *, name: str = "Quix Streams") -> Path:
    """The interpreter that has what the lock says; installs it where it is not there yet.

    name: what it is for. Raises MachineError where it cannot be had: no registry, no disk, no
    wheel for this machine.
    """
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / "bench" / f"python{version}-{digest}"
    python = folder / "bin" / "python"
    if (folder / DONE).exists() and os.access(python, os.X_OK):
        return python
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        say(f"making an environment for {name}")
        _call([sys.executable, "-m", "venv", str(folder)], folder)
        _install(python, lock, say, name)
        shutil.copyfile(lock, folder / DONE)
    except OSError as error:
        raise MachineError(f"bench: {folder}: {error.strerror or error}") from None
    return python


def _call(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=LIMIT_S, env=_environment()
    )
    if done.returncode:
        said = scrub((done.stderr or done.stdout).strip()[-800:])
        raise MachineError(f"bench: {folder}: cannot be made: {said}")


def _environment() -> dict[str, str]:
    # The interpreter of another environment must not see ours.
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _install(python: Path, lock: Path, say: Say, name: str) -> None:
    total = sum(1 for row in lock.read_text(encoding="utf-8").splitlines() if "==" in row)
    rows: list[str] = []
    seen = 0
    with subprocess.Popen(
        [str(python), "-m", "pip", *PIP, "--requirement", str(lock)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=_environment(),
    ) as process:
        assert process.stdout is not None
        for row in process.stdout:
            rows = [*rows[-SAID:], scrub(row.rstrip())]
            step = step_of(row)
            if step is not None:
                seen += 1
                say(f"installing {name}: {seen} of {total}, {step}")
    if process.returncode:
        raise MachineError(
            f"{name} cannot be installed:\n" + "\n".join(rows),
            hint="Is there a way to the package index, and does it have wheels for this machine? "
            "What is compared with it is not measured without it.",
        )


def step_of(row: str) -> str | None:
    """The package that a line of pip's begins with, or None for another line."""
    if not row.startswith("Collecting "):
        return None
    return row.removeprefix("Collecting ").partition("==")[0].strip()
