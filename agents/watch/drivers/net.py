"""Connections to devices: checked addresses, a limit for each step, failures by name.

Devices are on internal networks by their nature, so that those are allowed here; where clouds
hand out credentials is not, and what no single machine answers at.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from agents.notify.errors import ChannelError
from agents.notify.targets import Policy, resolve
from agents.notify.web import trust
from agents.watch.drivers.base import DriverError, Fault, Limits, Target

__all__ = [
    "Place",
    "Stream",
    "addresses_of",
    "connected",
    "fault_of",
    "host_of",
    "place_of",
    "tls_context",
]

DEVICES: Final = Policy(internal=True)

OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""What this machine has too little of says nothing of a device."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a device is. path: with its query; empty where the address has none."""

    scheme: str
    host: str
    port: int
    path: str = ""


PORTS: Final = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322, "tls": 443}


def place_of(address: str, scheme: str) -> Place:
    """An address, `host`, `host:port` or a URL, as a place. scheme: where it names none.

    Raises DriverError for what is none, and for a URL with a user in it.
    """
    text = address.strip()
    try:
        parts = urlsplit(text if "://" in text else f"{scheme}://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or any(c.isspace() or not c.isprintable() for c in text):
        raise DriverError(Fault.ADDRESS, "no host")
    if parts.username is not None or parts.password is not None:
        raise DriverError(Fault.ADDRESS, "a user belongs into the credentials")
    found = port if port is not None else PORTS.get(parts.scheme)
    if not found:
        raise DriverError(Fault.ADDRESS, "no port")
    query = f"?{parts.query}" if parts.query else ""
    return Place(scheme=parts.scheme, host=host, port=found, path=parts.path + query)


def host_of(address: str) -> str:
    """The host of an address, for who counts what is under way there; no port is asked for."""
    text = address.strip()
    try:
        host = urlsplit(text if "://" in text else f"tcp://{text}").hostname
    except ValueError:
        host = None
    return host or text


async def addresses_of(place: Place) -> list[str]:
    """The addresses of a place that may be asked. Raises DriverError where there is none."""
    try:
        return await resolve(place.host, place.port, DEVICES)
    except ChannelError as error:
        unknown = "not found" in str(error)
        fault = Fault.UNREACHABLE if unknown else Fault.FORBIDDEN
        detail = "its name is not found" if unknown else "such an address is not asked"
        raise DriverError(fault, detail) from None


def tls_context(target: Target) -> ssl.SSLContext:
    """Whose certificates are believed. Raises DriverError for a file that holds none."""
    try:
        return trust(target.ca_file)
    except ChannelError:
        raise DriverError(Fault.CERTIFICATE, "its ca_file is no readable PEM file") from None


def fault_of(error: BaseException) -> DriverError:
    """The failure that an error of the network is; its text may quote anything, so it is left."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, ssl.SSLCertVerificationError):
            # Errors that Python makes itself have no such attributes.
            why = getattr(at, "verify_message", None) or "it is not believed"
            return DriverError(Fault.CERTIFICATE, str(why))
        if isinstance(at, ssl.SSLError):
            why = getattr(at, "reason", None) or "no handshake"
            return DriverError(Fault.TLS, str(why))
        if isinstance(at, TimeoutError):
            return DriverError(Fault.TIMEOUT)
        if isinstance(at, ConnectionRefusedError):
            return DriverError(Fault.REFUSED, "nobody listens there")
        if isinstance(at, (ConnectionError, EOFError)):
            return DriverError(Fault.REFUSED, "the connection was cut")
        if isinstance(at, OSError) and at.errno in OURS:
            return DriverError(Fault.DEFECT, at.strerror or "")
        # One without a number is a library's own, and its cause says more.
        if isinstance(at, OSError) and at.errno is not None:
            return DriverError(Fault.UNREACHABLE, at.strerror or "")
        at = at.__cause__ or at.__context__
    if isinstance(error, OSError):
        return DriverError(Fault.UNREACHABLE)
    return DriverError(Fault.GARBAGE, type(error).__name__)


@dataclass(frozen=True)
class Stream:
    """A connection. latency_ms: how long it took to be made, its handshake included."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    latency_ms: float


@asynccontextmanager
async def connected(
    place: Place, limits: Limits, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Stream]:
    """A connection to a place, cut at the end. Raises DriverError where it cannot be made."""
    loop = asyncio.get_running_loop()
    addresses = await addresses_of(place)
    for position, address in enumerate(addresses):
        begun = loop.time()
        try:
            async with asyncio.timeout(limits.step_s):
                reader, writer = await asyncio.open_connection(
                    address,
                    place.port,
                    limit=limits.headers,
                    ssl=tls,
                    server_hostname=place.host if tls is not None else None,
                )
            break
        except (OSError, EOFError, TimeoutError) as error:
            failure = fault_of(error)
            last = position + 1 == len(addresses)
            if last or failure.fault in (Fault.CERTIFICATE, Fault.TLS):
                raise failure from None
    try:
        yield Stream(reader, writer, 1000 * (loop.time() - begun))
    finally:
        # What it still has to say interests nobody, and a polite end waits for the other side.
        writer.transport.abort()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await writer.wait_closed()
