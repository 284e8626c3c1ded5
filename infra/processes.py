"""What every long-running process of ours does first."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from infra.logs import log_to_stderr

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["become_process"]


def become_process(settings: Settings, process: str) -> None:
    """Log to standard error as the settings say; under a supervisor, end when it ends."""
    log_to_stderr(settings, process)
    if os.environ.get("WATCHFLOOR_SUPERVISED") == "1":
        from infra.embedded.process import die_with_parent

        die_with_parent(signal.SIGTERM, os.getppid())
