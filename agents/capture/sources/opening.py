"""From an address to its source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from agents.capture.sources.address import Address, Credentials, SourceKind, parse_address
from agents.capture.sources.base import Limits, Source

__all__ = ["open_source"]


def open_source(
    address: str | Address,
    credentials: Credentials | None = None,
    *,
    now: Callable[[], datetime],
    start: datetime | None = None,
    speed: float = 1.0,
    limits: Limits | None = None,
) -> Source:
    """The source at that address; nothing is opened until its frames are asked for.

    start: capture time of frame 0 of a file, a folder and the simulator; None: when it is opened.
    speed: 0 is as fast as it goes, 1 is real time; for those only. Raises SourceError.
    """
    if isinstance(address, str):
        address = parse_address(address, credentials)
    limits = limits or Limits()
    match address.kind:
        case SourceKind.RTSP:
            from agents.capture.sources.rtsp import RtspSource

            return RtspSource(address, limits)
        case SourceKind.HTTP:
            from agents.capture.sources.mjpeg import MjpegSource

            return MjpegSource(address, limits)
        case SourceKind.FILE:
            from agents.capture.sources.file import FileSource

            return FileSource(address, limits, start=start or now(), speed=speed)
        case SourceKind.IMAGES:
            from agents.capture.sources.images import ImagesSource

            return ImagesSource(address, limits, start=start or now(), speed=speed)
        case SourceKind.SIMULATOR:
            from agents.capture.sources.simulated import SimulatedSource

            return SimulatedSource(address, now=now, start=start, speed=speed)
