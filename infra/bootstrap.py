"""Makes `.venv` hold exactly what a lock says. Runs before anything is installed: stdlib only.

`python -m infra.bootstrap runtime|dev`, called by the launcher where the stamp is not the lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Final, TextIO

from infra.errors import ExitCode, MachineError, WatchfloorError
from infra.secrets import scrub

ROOT: Final = Path(__file__).resolve().parents[1]
PROFILES: Final = ("runtime", "dev")
"""Each holds all of those before it."""

PIP: Final = (
    "install",
    "--require-hashes",
    "--only-binary=:all:",
    # Web push's message encryption: pure Python, and published as source alone.
    "--no-binary=http-ece",
    # The lock is complete; resolving it again would take a minute and could change nothing.
    "--no-deps",
    # Modules are compiled when they are first imported: most never are.
    "--no-compile",
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=off",
    "--no-color",
)
LOG_LINES: Final = 15


def stamp(venv: Path, profile: str) -> Path:
    """The copy of the lock that was installed; written last, so it is there only when all is."""
    return venv / f"watchfloor-{profile}.lock"


def in_step(root: Path, profile: str) -> bool:
    """Whether what is installed is what the lock says."""
    try:
        installed = stamp(root / ".venv", profile).read_bytes()
    except OSError:
        return False
    runs = os.access(root / ".venv" / "bin" / "python", os.X_OK)
    return runs and installed == lock_of(root, profile).read_bytes()


def lock_of(root: Path, profile: str) -> Path:
    """The lock of a profile."""
    return root / "infra" / "locks" / f"{profile}.txt"


class Line:
    """One line that says what happens: rewritten on a terminal, a few lines elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._begun = monotonic()
        self._width = 0
        self._last = ""

    def say(self, text: str, *, detail: str = "") -> None:
        """Show it. detail: what changes often, for a terminal only."""
        if self._live:
            seconds = f"{monotonic() - self._begun:3.0f} s"
            line = f"watchfloor: {text}{detail and ' ' + detail} ({seconds})"
            line = line[: shutil.get_terminal_size().columns - 1]
            self._out.write("\r" + line.ljust(self._width))
            self._width = len(line)
            self._out.flush()
        elif text != self._last:
            self._out.write(f"watchfloor: {text}\n")
            self._out.flush()
        self._last = text

    def clear(self) -> None:
        """Leave the line."""
        if self._live and self._width:
            self._out.write("\r" + " " * self._width + "\r")
            self._out.flush()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return monotonic() - self._begun


@contextlib.contextmanager
def only_one(root: Path, line: Line) -> Iterator[None]:
    """Wait until no other launcher works on this checkout. Ends with the process, however it ends.

    The lock is on the folder itself, so that nothing is left lying about in it.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            line.say("waiting for another start that is installing")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def install(root: Path, profile: str, line: Line) -> None:
    """Make `.venv` and install the profile's lock into it.

    Raises MachineError where this machine cannot, WatchfloorError where pip did not.
    """
    venv, lock = root / ".venv", lock_of(root, profile)
    python = venv / "bin" / "python"
    total = sum(1 for row in lock.read_text(encoding="utf-8").splitlines() if "==" in row)
    for name in PROFILES:
        stamp(venv, name).unlink(missing_ok=True)
    if not _works(python):
        line.say("making .venv")
        _make_venv(venv)
    first = f"installing {total} locked packages into .venv (first start: up to a minute)"
    line.say(first)
    log = venv / "watchfloor-install.log"
    command = [str(python), "-m", "pip", *PIP, "--requirement", str(lock)]
    seen = 0
    with log.open("w", encoding="utf-8") as copy:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            # pip in an isolated folder must not see our PYTHONPATH.
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        )
        assert process.stdout is not None
        for row in process.stdout:
            copy.write(scrub(row))
            if row.startswith(("Collecting ", "Requirement already satisfied: ")):
                seen += 1
                name = row.removeprefix("Collecting ").removeprefix(
                    "Requirement already satisfied: "
                )
                line.say(first, detail=f"{seen}/{total} {name.split('==')[0].strip()}")
            elif row.startswith("Installing collected packages"):
                line.say(first, detail="unpacking")
        code = process.wait()
    if code:
        raise _failure(log, code)
    for name in PROFILES[: PROFILES.index(profile) + 1]:
        _write_stamp(root, name)


def _write_stamp(root: Path, profile: str) -> None:
    target = stamp(root / ".venv", profile)
    fresh = target.with_suffix(".new")
    shutil.copyfile(lock_of(root, profile), fresh)
    fresh.replace(target)


def _works(python: Path) -> bool:
    """Whether the environment's interpreter is there, runs, is new enough and has pip."""
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        done = subprocess.run([python, "-c", check], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _make_venv(venv: Path) -> None:
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise MachineError(
                f"{sys.executable} has no '{module}' module",
                hint="Install it (Debian and Ubuntu: apt install python3-venv), or name another "
                "Python in WATCHFLOOR_PYTHON.",
            )
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise MachineError(
            f"{venv}: cannot be made: {' '.join(said)}",
            hint="Is the checkout writable, and is there space? (Debian: apt install python3-venv)",
        )


def _failure(log: Path, code: int) -> WatchfloorError:
    rows = log.read_text(encoding="utf-8").strip().splitlines()
    text = "\n".join(rows)
    end = "\n".join("            " + row for row in rows[-LOG_LINES:])
    if "No space left on device" in text:
        return MachineError(f"{log.parent}: the disk is full", hint="The packages need 1.5 GB.")
    if "DO NOT MATCH THE HASHES" in text:
        hint = "What was downloaded is not what was locked: nothing of it was installed."
    elif "No matching distribution" in text or "Could not find a version" in text:
        hint = "Is there a way to the package index, and does it have wheels for this machine?"
    else:
        hint = "The next start tries again."
    return WatchfloorError(f"{log}: pip ended with exit status {code}:\n{end}", hint=hint)


def main(argv: Sequence[str]) -> int:
    """Install what is missing; 0 when the environment is in step with its lock."""
    profile = argv[0] if argv else PROFILES[0]
    line = Line(sys.stderr)
    try:
        with only_one(ROOT, line):
            if not in_step(ROOT, profile):
                install(ROOT, profile, line)
                line.say(f"installed, in {line.seconds:.0f} s")
    except WatchfloorError as error:
        line.clear()
        sys.stderr.write(f"watchfloor: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"            {error.hint}\n")
        return error.exit_code
    except OSError as error:
        line.clear()
        sys.stderr.write(f"watchfloor: {error.filename or ROOT}: {error.strerror}\n")
        sys.stderr.write("            Is the checkout writable?\n")
        return ExitCode.MACHINE
    except KeyboardInterrupt:
        line.clear()
        sys.stderr.write("watchfloor: interrupted; the next start goes on\n")
        return ExitCode.INTERRUPTED
    line.clear()
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
