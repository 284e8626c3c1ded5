"""What every long-running process of ours does first."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["ScrubbedFormatter", "become_process"]


class ScrubbedFormatter(logging.Formatter):
    """Lines in UTC, without anything that looks like a password: also a library's own lines."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        at = time.gmtime(record.created)
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', at)}.{record.msecs:03.0f}Z"

    def format(self, record: logging.LogRecord) -> str:
        from infra.secrets import mask_url

        return mask_url(super().format(record))


def become_process(settings: Settings) -> None:
    """Log to standard error as the settings say; under a supervisor, end when it ends."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ScrubbedFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for name in ("faust", "mode", "aiokafka", "kafka", "asyncio", "urllib3", "httpx"):
        # These say at INFO what happens a thousand times an hour.
        logging.getLogger(name).setLevel(logging.WARNING)
    if os.environ.get("WATCHFLOOR_SUPERVISED") == "1":
        from infra.embedded.process import die_with_parent

        die_with_parent(signal.SIGTERM, os.getppid())
