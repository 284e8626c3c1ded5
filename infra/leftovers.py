"""Processes of a state directory that outlived their supervisor."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import psutil

__all__ = ["end_leftovers", "ours"]

MARKS: Final = (
    "supervisor.supervisord",
    "infra.embedded.kafka",
    "infra.embedded.postgres",
    "kafka.Kafka",
    "worker",
    "api",
)
"""Words of the command lines of what `up` starts; a `status` or `diag` has none of them."""

PATIENCE_S: Final = 5


def is_ours(arguments: list[str], state_dir: Path) -> bool:
    """Whether a command line is one of a process that `up` started for this state directory."""
    if not arguments:
        return False
    state = str(state_dir)
    # A path alone, or the value of an option: `--dir=/srv/wf/kafka`.
    values = [word.partition("=")[2] if "=" in word else word for word in arguments[1:]]
    if not any(value == state or value.startswith(f"{state}/") for value in values):
        return False
    program = os.path.basename(arguments[0])
    if program == "postgres":
        return "-D" in arguments
    return any(mark in arguments for mark in MARKS)


def ours(state_dir: Path) -> Iterator[psutil.Process]:
    """Running processes of this state directory, not ourselves."""
    import psutil

    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error):
            if is_ours(process.cmdline(), state_dir) and process.status() != "zombie":
                yield process


def end_leftovers(state_dir: Path) -> list[str]:
    """End them: asked first, made to after 5 s. What was ended, as `name (pid N)`."""
    import psutil

    found = list(ours(state_dir))
    told = []
    for process in found:
        with contextlib.suppress(psutil.Error):
            told.append(f"{process.name()} (pid {process.pid})")
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=PATIENCE_S)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    return told
