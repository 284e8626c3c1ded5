"""Lines of the log: in UTC, without anything that looks like a secret, as text or as JSON.

A JSON line is one object: what was logged, and what it belongs to. Whoever handles a request says
so in `ABOUT`; every line that is logged meanwhile carries its ids.
"""

from __future__ import annotations

import logging
import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from infra.secrets import mask_url, scrub

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["ABOUT", "REQUESTS", "About", "JsonFormatter", "ScrubbedFormatter", "log_to_stderr"]

REQUESTS: Final = "watchfloor.api.request"
"""The logger of a line a request: JSON's, or for who debugs."""

MAX_TEXT: Final = 16_384

NOISY: Final = ("faust", "mode", "aiokafka", "kafka", "asyncio", "urllib3", "httpx")
"""These say at INFO what happens a thousand times an hour."""


class About(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a line belongs to. route: the address as it is declared, without what was asked for.

    status, duration_ms: of the line that ends a request. principal: the name of who asked.
    """

    request_id: str | None = None
    trace_id: str | None = None
    method: str | None = None
    route: str | None = None
    status: int | None = None
    duration_ms: float | None = None
    principal: str | None = None


ABOUT: Final[ContextVar[About]] = ContextVar("watchfloor-about", default=About())  # noqa: B039


class _Line(About, frozen=True, kw_only=True, omit_defaults=True):
    """error: the traceback, where there is one."""

    time: str
    level: str
    logger: str
    message: str
    process: str
    error: str | None = None


def _time(record: logging.LogRecord) -> str:
    at = time.gmtime(record.created)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', at)}.{record.msecs:03.0f}Z"


class ScrubbedFormatter(logging.Formatter):
    """Lines in UTC, without anything that looks like a password: also a library's own lines."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _time(record)

    def format(self, record: logging.LogRecord) -> str:
        return mask_url(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line. process: which of our processes says it."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        about = getattr(record, "about", None)
        if not isinstance(about, About):
            about = ABOUT.get()
        error = self.formatException(record.exc_info) if record.exc_info else None
        line = _Line(
            **{name: getattr(about, name) for name in About.__struct_fields__},
            time=_time(record),
            level=record.levelname.lower(),
            logger=record.name,
            message=_safe(record.getMessage()),
            process=self._process,
            error=None if error is None else _safe(error),
        )
        return msgspec.json.encode(line).decode()


def _safe(text: str) -> str:
    # What cannot be written as UTF-8 must not lose the line that says it.
    return scrub(text[:MAX_TEXT]).encode("utf-8", "replace").decode()


def formatter(settings: Settings, process: str) -> logging.Formatter:
    """What the settings ask for."""
    if settings.log_format == "json":
        return JsonFormatter(process)
    return ScrubbedFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")


def log_to_stderr(settings: Settings, process: str) -> None:
    """Log to standard error as the settings say. process: for example `api`, `decide`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(settings, process))
    level = settings.log_level.upper()
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings.log_format != "json" and level != "DEBUG":
        logging.getLogger(REQUESTS).setLevel(logging.WARNING)
