"""What is asked of a scan, how far it is, and what it found."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from infra.onboard.discovery import Found
from schemas.base import UtcTime

__all__ = ["ScanBody", "ScanState", "ScanView"]


class ScanBody(Struct, frozen=True, kw_only=True):
    """Where to look. subnet: IPv4, CIDR, a /22 at most, each host of it by itself; none: whoever
    hears multicast.
    """

    subnet: Annotated[str, Meta(max_length=18, description="a subnet as 192.168.1.0/24")] | None = (
        None
    )


class ScanState(StrEnum):
    """Where a scan is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The server that ran it ended; what it had found is kept."""


class ScanView(Struct, frozen=True, kw_only=True):
    """A scan. asked, total: questions sent, of how many. devices: who answered so far, by address.

    error: why it failed.
    """

    scan_id: str
    state: ScanState
    location: str
    asked_at: UtcTime
    asked_by: str
    subnet: str | None = None
    asked: int = 0
    total: int = 0
    devices: tuple[Found, ...] = ()
    error: str | None = None
    finished_at: UtcTime | None = None
