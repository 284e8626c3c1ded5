"""A stream's address as a device names it, made one that a document may have. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from agents.watch.drivers.base import DriverError, Fault

__all__ = ["own_stream", "stream_url"]

MOST: Final = 1_500
PASSWORDS: Final = frozenset(
    {"password", "passwd", "pwd", "pass", "passphrase", "passwort", "user", "username"}
)
PORTS: Final = {"rtsp": 554, "rtsps": 322}


def own_stream(uri: str, host: str) -> str:
    """The address that a device names for a stream, with its own host and without a log-in.

    host: the device's, as it was named. A device behind a router names the address that it has
    inside; a hostile one names somebody else's: both are asked at their own. Raises DriverError
    for what is no RTSP address.
    """
    try:
        parts = urlsplit(uri.strip())
        port = parts.port
    except ValueError:
        raise DriverError(Fault.NO_STREAM, "its stream's address is none") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise DriverError(Fault.NO_STREAM, "its stream is no RTSP")
    if len(uri) > MOST or not uri.isprintable() or any(c.isspace() for c in uri.strip()):
        raise DriverError(Fault.GARBAGE, "its stream's address is too long, or has blanks")
    query = "&".join(
        one
        for one in parts.query.split("&")
        if one and one.partition("=")[0].lower() not in PASSWORDS
    )
    path = parts.path + (f"?{query}" if query else "")
    return stream_url(host, port, path, scheme=parts.scheme)


def stream_url(host: str, port: int | None, path: str, *, scheme: str = "rtsp") -> str:
    """A stream's address. port: left out where it is the scheme's own."""
    shown = f"[{host}]" if ":" in host else host
    place = shown if port in (None, PORTS[scheme]) else f"{shown}:{port}"
    return f"{scheme}://{place}/{path.lstrip('/')}"
