"""Builds the dashboard: `api/dashboard/` into `api/dashboard/dist/`.

1. Nothing is done where `dist` was built from the sources as they are (a digest of them).
2. Node comes from the PATH where it is new enough, else from a wheel, in an environment of its own.
3. `npm ci` runs where the lock changed, `vite build` into a folder beside `dist`.
4. The new build takes the old one's place only when it is whole.

What fails leaves the old build, and says so: without a package registry everything else runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.bench.stream.rival import rival_python
from infra.errors import MachineError
from infra.packages import LOCKS
from infra.secrets import scrub
from infra.setting_values import ROOT

__all__ = ["FOLDER", "Node", "build", "check", "digest", "find_node", "new_enough"]

FOLDER: Final = ROOT / "api" / "dashboard"
NODE_LOCK: Final = LOCKS / "node.txt"
LEAST: Final = (20, 19)
"""What Vite 8 asks for."""
STAMP: Final = "sources.sha256"
"""In `dist` and in `node_modules`: what they were made from; written last."""
INSTALL_S: Final = 900.0
BUILD_S: Final = 600.0
SAID: Final = 1000
CHECKS: Final = ("lint", "types", "test")

OUTSIDE: Final = frozenset({"node_modules", "dist", "dist.new", "dist.old", "__pycache__"})
"""Folders that are no source of the build."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Node:
    """A Node that can build. folder: where `node` and `npm` are; version: as it says it."""

    folder: Path
    version: str


def new_enough(said: str) -> bool:
    """Whether what `node --version` says is a version that can build."""
    match = re.match(r"v?(\d+)\.(\d+)\.", said.strip())
    return match is not None and (int(match[1]), int(match[2])) >= LEAST


def find_node(cache: Path, say: Say) -> Node:
    """Node from the PATH, else from the wheel. Raises MachineError where neither is to be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None:
        said = _output([node, "--version"])
        if new_enough(said):
            return Node(Path(node).parent, said.strip())
    folder = rival_python(cache, say, NODE_LOCK, name="Node.js").parent
    return Node(folder, _output([str(folder / "node"), "--version"]).strip())


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def digest(folder: Path = FOLDER) -> str:
    """A digest of everything that the build is made from, names and bytes."""
    total = hashlib.sha256()
    for path in sorted(_sources(folder)):
        data = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        total.update(f"{len(name)} {name} {len(data)} ".encode())
        total.update(data)
    return total.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if path.name not in OUTSIDE and not path.is_symlink():
                yield from _sources(path)
        elif path.suffix not in {".py", ".md", ".pyc"} and not path.name.startswith(".build"):
            yield path


def build(cache: Path, say: Say, *, folder: Path = FOLDER) -> str | None:
    """Build where the sources changed; what somebody should know, or None where all is well.

    Raises nothing: a machine that cannot build still watches.
    """
    try:
        wanted = digest(folder)
        if _stamp(folder / "dist") == wanted:
            return None
        with _only_one(folder):
            # Whoever had the lock before may have built it.
            if _stamp(folder / "dist") != wanted:
                _build(cache, say, folder, wanted)
    except MachineError as error:
        return _excuse(folder, error.message)
    except OSError as error:
        return _excuse(folder, str(error.strerror or error))
    except subprocess.TimeoutExpired as error:
        return _excuse(folder, f"it took longer than {error.timeout:.0f} s")
    return None


def _excuse(folder: Path, why: str) -> str:
    stands = "The one that was built before is served."
    none = "Its pages say so; the API and everything else work."
    there = (folder / "dist" / "index.html").exists()
    return f"The dashboard was not built: {why}\n{stands if there else none}"


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    with (folder / ".build.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stamp(folder: Path) -> str:
    try:
        return (folder / STAMP).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _build(cache: Path, say: Say, folder: Path, wanted: str) -> None:
    node = find_node(cache, say)
    _install(node, say, folder)
    say("Building the dashboard")
    fresh, old = folder / "dist.new", folder / "dist.old"
    shutil.rmtree(fresh, ignore_errors=True)
    vite = folder / "node_modules" / "vite" / "bin" / "vite.js"
    command = [str(node.folder / "node"), str(vite), "build", "--outDir", fresh.name]
    _call(node, command, folder, BUILD_S)
    (fresh / STAMP).write_text(wanted, encoding="utf-8")
    shutil.rmtree(old, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        (folder / "dist").rename(old)
    fresh.rename(folder / "dist")
    shutil.rmtree(old, ignore_errors=True)


def _install(node: Node, say: Say, folder: Path) -> None:
    """The packages of the lock. A package's own install scripts are not run: none is needed."""
    lock = (folder / "package-lock.json").read_bytes()
    wanted = hashlib.sha256(lock).hexdigest()
    modules = folder / "node_modules"
    if _stamp(modules) == wanted:
        return
    say("Installing the dashboard's packages, once")
    command = [str(node.folder / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _call(node, command, folder, INSTALL_S)
    (modules / STAMP).write_text(wanted, encoding="utf-8")


def _call(node: Node, command: list[str], folder: Path, limit_s: float) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environment(node),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=limit_s,
    )
    if done.returncode:
        # npm tells the reason first and its usage after it; Vite tells it last.
        said = scrub((done.stderr or done.stdout).strip())
        said = said if len(said) <= SAID else f"{said[: SAID // 2]}\n…\n{said[-SAID // 2 :]}"
        name = " ".join(Path(part).name for part in command[:2])
        raise MachineError(f"{name}: {said or f'ended with {done.returncode}'}")


def _environment(node: Node) -> dict[str, str]:
    """Node first in the PATH: what npm starts finds the same one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PATH": f"{node.folder}{os.pathsep}{kept.get('PATH', '')}", "CI": "1"}


def check(cache: Path, say: Say, *, folder: Path = FOLDER) -> list[str]:
    """Lint, types and tests of the dashboard; what failed, or why it could not be run."""
    failed = []
    try:
        node = find_node(cache, say)
        with _only_one(folder):
            _install(node, say, folder)
        for name in CHECKS:
            say(f"dashboard: {name}")
            try:
                _call(node, [str(node.folder / "npm"), "run", name], folder, BUILD_S)
            except MachineError as error:
                failed.append(f"dashboard {name}: {error.message}")
    except (MachineError, OSError, subprocess.TimeoutExpired) as error:
        failed.append(f"dashboard: {error}")
    return failed
