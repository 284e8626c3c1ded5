"""An ONVIF device read with `onvif-zeep-async`: what it is, its profiles, its streams.

The library makes the messages and reads the answers, by the WSDLs inside its wheel. It sends
nothing: its own transport follows redirects, reads without end and goes wherever a device points.
What carries its messages here is the drivers' connection: one host that was checked, bounded in
bytes, time and number, and every answer is examined before the library's parser sees it. Of the
addresses that a device names, its services' and its streams', only port and path are taken.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

from agents.watch.drivers.asking import Device, asking
from agents.watch.drivers.base import DriverError, Fault, Limits, Target
from agents.watch.drivers.facts import text
from agents.watch.drivers.markup import parse
from agents.watch.drivers.onvif import REFUSALS
from infra.onboard.described import Channel, Described, OnboardError, Step, Stream
from infra.onboard.streams import own_stream

__all__ = ["LIMITS", "MOST_CHANNELS", "read_onvif"]

DEVICE: Final = "http://www.onvif.org/ver10/device/wsdl"
MEDIA: Final = "http://www.onvif.org/ver10/media/wsdl"
DEVICE_PATH: Final = "/onvif/device_service"
MEDIA_PATH: Final = "/onvif/media_service"
"""Where the media service is with those who do not say."""
MOST_CHANNELS: Final = 256
MOST_PROFILES: Final = 4 * MOST_CHANNELS
LIMITS: Final = Limits(step_s=5.0, body=4 * 1_048_576, answers=8 + 2 * MOST_CHANNELS)
MOST_TOKEN: Final = 200


@dataclass(frozen=True)
class _Profile:
    token: str
    source: str
    name: str
    codec: str
    width: int
    height: int


async def read_onvif(target: Target, host: str, limits: Limits = LIMITS) -> Described:
    """Read a device. host: whose streams its streams are taken for.

    Raises OnboardError with the step that failed and why.
    """
    step = Step.INFORMATION
    try:
        async with asking(target, limits) as device:
            carrier = _Carrier(device, limits)
            async with _service(carrier, "devicemgmt", DEVICE_PATH, target, None) as service:
                ahead = await _ahead(service)
            async with _service(carrier, "devicemgmt", DEVICE_PATH, target, ahead) as service:
                info = await _call(service, "GetDeviceInformation")
                path = await _media_path(service)
            step = Step.PROFILES
            async with _service(carrier, "media", path, target, ahead) as service:
                profiles = _profiles(await _call(service, "GetProfiles"))
                step = Step.STREAM
                channels = await _channels(service, profiles, host)
    except DriverError as error:
        raise OnboardError.of(target.address, step, error) from None
    return Described(
        manufacturer=_said(info, "Manufacturer"),
        model=_said(info, "Model"),
        firmware=_said(info, "FirmwareVersion"),
        serial=_said(info, "SerialNumber"),
        channels=tuple(channels),
    )


class _Carrier:
    """Carries the library's messages to one device: what it takes for its transport."""

    cache = None

    def __init__(self, device: Device, limits: Limits) -> None:
        self._device = device
        self._limits = limits

    @property
    def refused(self) -> bool:
        """See `Device`."""
        return self._device.refused

    async def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> Any:
        """Send an envelope, and give back the answer. Raises DriverError."""
        from zeep.wsdl.utils import etree_to_string

        content: bytes = etree_to_string(envelope)  # type: ignore[no-untyped-call]
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        reply = await self._device.post(path, content, headers["Content-Type"])
        # A refusal comes with 400 or 500, as XML as well; it is the library that reads it.
        if not reply.fine and not reply.body.lstrip().startswith(b"<"):
            raise DriverError(Fault.STATUS, f"it answered {reply.status}")
        if parse(reply.body, self._limits).name != "Envelope":
            raise DriverError(Fault.GARBAGE, "its answer is no SOAP")
        return SimpleNamespace(
            status_code=reply.status,
            content=reply.body,
            # Whatever it says of itself: no attachments, no encoding that nobody asked for.
            headers={"Content-Type": "application/soap+xml"},
            encoding="utf-8",
        )

    async def aclose(self) -> None:
        """The connection is not the library's to close."""


@asynccontextmanager
async def _service(
    carrier: _Carrier, name: str, path: str, target: Target, ahead: timedelta | None
) -> AsyncIterator[Any]:
    client = _library()
    binding = {
        "devicemgmt": f"{{{DEVICE}}}DeviceBinding",
        "media": f"{{{MEDIA}}}MediaBinding",
    }
    service = client.ONVIFService(
        f"http://device{path}",
        target.username,
        target.password or "",
        f"{client._WSDL_PATH}/{name}.wsdl",
        no_cache=True,
        dt_diff=ahead,
        binding_name=binding[name],
    )
    try:
        service.transport = carrier
        await service.setup()
        yield service
    finally:
        await service.close()


def _library() -> Any:
    """The library; it is of no use to anybody before a device is taken on, and large.

    It gives the root logger a handler as it is imported, which is not its own to have.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    from onvif import client

    for one in [one for one in root.handlers if one not in handlers]:
        root.removeHandler(one)
    root.setLevel(level)
    return client


async def _call(service: Any, name: str, given: dict[str, Any] | None = None) -> Any:
    """What an operation answers; asked without a log-in where there is none. Raises DriverError."""
    from lxml.etree import LxmlError
    from zeep.exceptions import Error
    from zeep.exceptions import Fault as Refusal

    try:
        if service.user is None and not name.startswith("authless_"):
            name = f"authless_{name}"
        return await getattr(service, name)(given)
    except DriverError:
        raise
    except Refusal as error:
        codes = {str(one).rpartition("}")[2].rpartition(":")[2] for one in error.subcodes or ()}
        if codes & REFUSALS:
            raise DriverError(Fault.CREDENTIALS, "it refuses the name and the password") from None
        raise DriverError(Fault.STATUS, "it answered with a fault") from None
    except (Error, LxmlError, ValueError, TypeError, AttributeError, LookupError, OverflowError):
        # What the library says of an answer that it cannot read quotes the answer.
        raise DriverError(Fault.GARBAGE, "its answer is not what its protocol says") from None


async def _ahead(service: Any) -> timedelta | None:
    """How far the device's clock is ahead; None where it does not say. Asked without a log-in."""
    before = datetime.now(UTC)
    try:
        told = (await _call(service, "authless_GetSystemDateAndTime")).UTCDateTime
        at = datetime(
            *(told.Date.Year, told.Date.Month, told.Date.Day),
            *(told.Time.Hour, told.Time.Minute, min(told.Time.Second, 59)),
            tzinfo=UTC,
        )
    except DriverError as error:
        # Some tell the time to nobody without a log-in; one that was sent and refused is the end.
        if error.fault is Fault.STATUS or (
            error.fault is Fault.CREDENTIALS and not service.transport.refused
        ):
            return None
        raise
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None
    return at - before


async def _media_path(service: Any) -> str:
    """The path of its media service. Its host is the device's, whatever it names."""
    try:
        listed = await _call(service, "GetServices", {"IncludeCapability": False})
        named = [one.XAddr for one in listed or () if one.Namespace == MEDIA]
    except DriverError as error:
        if error.fault is not Fault.STATUS:
            raise
        # Devices from before there was GetServices.
        found = await _call(service, "GetCapabilities", {"Category": "Media"})
        named = [getattr(getattr(found, "Media", None), "XAddr", None)]
    except (AttributeError, TypeError):
        raise DriverError(Fault.GARBAGE, "its services have no names") from None
    for one in named:
        try:
            path = urlsplit(str(one or "")).path
        except ValueError:
            continue
        if path.startswith("/") and len(path) <= MOST_TOKEN and path.isprintable():
            return path
    return MEDIA_PATH


def _profiles(listed: Any) -> list[_Profile]:
    """The profiles that have video. Raises DriverError where there is none."""
    found = []
    for one in list(listed or ())[:MOST_PROFILES]:
        source = getattr(one, "VideoSourceConfiguration", None)
        encoder = getattr(one, "VideoEncoderConfiguration", None)
        token = getattr(one, "token", None)
        if source is None or encoder is None or not isinstance(token, str):
            continue
        size = getattr(encoder, "Resolution", None)
        found.append(
            _Profile(
                token=token[:MOST_TOKEN],
                source=str(getattr(source, "SourceToken", "") or "")[:MOST_TOKEN],
                name=str(getattr(source, "Name", "") or ""),
                codec=str(getattr(encoder, "Encoding", "") or "")[:20],
                width=_pixels(size, "Width"),
                height=_pixels(size, "Height"),
            )
        )
    if not found:
        raise DriverError(Fault.NO_STREAM, "none of its profiles has video")
    return found


def _pixels(size: Any, name: str) -> int:
    value = getattr(size, name, 0)
    return value if isinstance(value, int) and 0 < value <= 100_000 else 0


async def _channels(service: Any, profiles: Sequence[_Profile], host: str) -> list[Channel]:
    """A channel a source: its largest profile is the main stream, its smallest the other one."""
    sources: dict[str, list[_Profile]] = {}
    for one in profiles:
        sources.setdefault(one.source, []).append(one)
    channels = []
    for key, listed in list(sources.items())[:MOST_CHANNELS]:
        ordered = sorted(listed, key=lambda one: -one.width * one.height)
        main = await _stream(service, ordered[0], host)
        sub = await _stream(service, ordered[-1], host) if len(ordered) > 1 else None
        channels.append(
            Channel(
                key=key,
                name=str(text("it", ordered[0].name).get("it", "")) or None,
                main=main,
                sub=sub if sub is not None and sub.url != main.url else None,
            )
        )
    return channels


async def _stream(service: Any, profile: _Profile, host: str) -> Stream:
    """A profile's stream, at the device's own host. Raises DriverError."""
    found = await _call(
        service,
        "GetStreamUri",
        {
            "StreamSetup": {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}},
            "ProfileToken": profile.token,
        },
    )
    return Stream(
        url=own_stream(str(getattr(found, "Uri", None) or ""), host),
        codec=profile.codec,
        width=profile.width,
        height=profile.height,
    )


def _said(info: Any, name: str) -> str | None:
    value = getattr(info, name, None)
    return str(text("it", str(value)).get("it", "")) or None if value is not None else None
