"""A stream's first picture: what shows a person that it is the right camera, and that it works."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from agents.capture.sources.address import Credentials
from agents.capture.sources.base import (
    BrokenSourceError,
    CorruptFrameError,
    CredentialsError,
    Limits,
    Source,
    SourceError,
    UnreachableError,
)
from agents.capture.sources.opening import open_source
from agents.runtime.clock import wall
from agents.watch.drivers.base import Fault
from infra.onboard.described import OnboardError, Step

__all__ = ["Picture", "first_picture"]

SIDE: Final = 640
"""Pixels of the longer side."""
LIMITS: Final = Limits(connect=timedelta(seconds=5), silence=timedelta(seconds=8))
WHOLE_S: Final = 20.0
"""Seconds for all of it: to connect twice, and to wait for a key frame."""
TRIES: Final = 30
"""Frames that may be corrupt before one is whole: a stream is joined between two key frames."""


@dataclass(frozen=True)
class Picture:
    """jpeg: the picture; width, height: pixels of the stream, not of the JPEG."""

    jpeg: bytes
    width: int
    height: int


async def first_picture(
    url: str,
    address: str,
    username: str | None,
    password: str | None,
    *,
    limits: Limits = LIMITS,
    whole_s: float = WHOLE_S,
) -> Picture:
    """The first picture of a stream. address: that of its host, checked; url is asked there.

    Raises OnboardError; no longer than `whole_s` seconds and what one read takes.
    """
    credentials = Credentials(username, password or "") if username is not None else None
    source = open_source(_at(url, address), credentials, now=wall, limits=limits)
    work = asyncio.ensure_future(asyncio.to_thread(_first, source))
    try:
        async with asyncio.timeout(whole_s):
            return await asyncio.shield(work)
    except TimeoutError:
        raise _failed(url, Fault.TIMEOUT, f"no picture within {whole_s:g} s") from None
    except CredentialsError:
        raise _failed(
            url, Fault.CREDENTIALS, "the stream refuses the name or the password"
        ) from None
    except SourceError as error:
        raise _failed(url, _fault(error), str(error)[:300]) from None
    finally:
        # The thread ends by itself then, at its next look or its own limit; nobody waits for it.
        source.close()
        work.add_done_callback(lambda done: done.cancelled() or done.exception())


def _first(source: Source) -> Picture:
    from agents.capture.encode import jpeg

    broken = 0
    frames = source.frames()
    try:
        for frame in frames:
            try:
                shown = frame.picture(SIDE)
            except CorruptFrameError:
                broken += 1
                if broken >= TRIES:
                    break
                continue
            return Picture(jpeg(shown), frame.width, frame.height)
    finally:
        frames.close()  # type: ignore[attr-defined]  # every source's are a generator
    raise BrokenSourceError("none of its frames can be decoded")


def _at(url: str, address: str) -> str:
    parts = urlsplit(url)
    host = f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    return urlunsplit(parts._replace(netloc=netloc))


def _fault(error: SourceError) -> Fault:
    if isinstance(error, BrokenSourceError):
        return Fault.GARBAGE
    # Its kinds say what capture does about it; which of the two it is, only its words say.
    if isinstance(error, UnreachableError) and "in time" in str(error):
        return Fault.TIMEOUT
    if isinstance(error, UnreachableError) and "no such stream" in str(error):
        return Fault.NO_STREAM
    return Fault.UNREACHABLE


def _failed(url: str, fault: Fault, detail: str) -> OnboardError:
    return OnboardError(urlsplit(url).netloc, Step.STREAM, fault, detail)
