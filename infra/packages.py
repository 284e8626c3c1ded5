"""The locks, and whether what is installed is what they say."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

from infra.setting_values import ROOT

__all__ = ["installed_problems", "lock_problems", "locked", "wanted"]

LOCKS: Final = ROOT / "infra" / "locks"
_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>[^\\]*)")


def normal(name: str) -> str:
    """A distribution's name as the packaging standard compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(path: Path) -> dict[str, str]:
    """Name to version, of those that this Python and machine need."""
    from packaging.markers import Marker

    pins = {}
    for row in path.read_text(encoding="utf-8").splitlines():
        match = _PIN.match(row)
        if match is None:
            continue
        marker = match["rest"].partition(";")[2].strip()
        if not marker or Marker(marker).evaluate():
            pins[normal(match["name"])] = match["version"]
    return pins


def wanted(project: Path = ROOT / "pyproject.toml") -> tuple[set[str], set[str]]:
    """The names that pyproject.toml asks for: to run, and to develop as well."""
    table = tomllib.loads(project.read_text(encoding="utf-8"))

    def names(rows: list[str]) -> set[str]:
        found = (re.match(r"[A-Za-z0-9._-]+", row) for row in rows)
        return {normal(match.group()) for match in found if match}

    runtime = names(table["project"]["dependencies"])
    return runtime, runtime | names(table["dependency-groups"]["dev"])


def installed_problems(path: Path) -> list[str]:
    """What is installed otherwise than this lock says, a sentence each."""
    have = {normal(item.metadata["Name"]): item.version for item in metadata.distributions()}
    problems = []
    for name, version in locked(path).items():
        if name not in have:
            problems.append(f"{name} {version} is not installed")
        elif have[name] != version:
            problems.append(f"{name} is {have[name]}, the lock says {version}")
    return problems


def lock_problems(folder: Path = LOCKS, project: Path = ROOT / "pyproject.toml") -> list[str]:
    """What is wrong with the locks themselves, a sentence each."""
    from infra.embedded.jars import read_lock
    from infra.errors import WatchfloorError

    runtime, dev = locked(folder / "runtime.txt"), locked(folder / "dev.txt")
    need_runtime, need_dev = wanted(project)
    problems = [f"runtime.txt lacks {name}" for name in sorted(need_runtime - set(runtime))]
    problems += [f"dev.txt lacks {name}" for name in sorted(need_dev - set(dev))]
    problems += [
        f"{name} is {version} in runtime.txt and {dev.get(name, 'missing')} in dev.txt"
        for name, version in runtime.items()
        if dev.get(name) != version
    ]
    for path in sorted(folder.iterdir()):
        text = path.read_text(encoding="utf-8")
        if "://" in text:
            problems.append(f"{path.name} names a registry's address")
        if path.suffix == ".txt":
            pins = sum(1 for row in text.splitlines() if _PIN.match(row))
            if text.count("--hash=sha256:") < pins:
                problems.append(f"{path.name} has pins without a hash")
    try:
        read_lock(folder / "kafka.lock")
    except WatchfloorError as error:
        problems.append(error.message)
    return problems
