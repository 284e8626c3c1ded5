"""A recorder read by its vendor's interface: what it is, and the cameras on it.

Their streams are at paths that the vendors give: Hikvision's `/Streaming/Channels/<channel>0<1|2>`
(ISAPI guide, "RTSP"), Dahua's and Intelbras' `/cam/realmonitor?channel=<n>&subtype=<0|1>` (HTTP API
guide, "Get real-time stream"). Lists that a model has not are no failure; a recorder on which no
camera is found is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from agents.watch.drivers.asking import Device, Reply, asking
from agents.watch.drivers.base import DriverError, Fault, Limits, Target
from agents.watch.drivers.dahua import UNUSED, pairs
from agents.watch.drivers.facts import text
from agents.watch.drivers.markup import Element, parse
from infra.onboard.described import Channel, Described, OnboardError, Step, Stream
from infra.onboard.onvif import MOST_CHANNELS, read_onvif
from infra.onboard.streams import stream_url

__all__ = ["DRIVERS", "read_recorder"]

LIMITS: Final = Limits(step_s=8.0, body=2 * 1_048_576, answers=16)
DRIVERS: Final[Mapping[str, str]] = {
    "isapi": "isapi",
    "hikvision": "isapi",
    "dahua": "dahua",
    "intelbras": "dahua",
    "onvif": "onvif",
}
"""What may be asked for, and which interface that is."""

_INFO: Final = "/ISAPI/System/deviceInfo"
_ACCESSES: Final = "/ISAPI/Security/adminAccesses"
_LISTS: Final = (
    ("/ISAPI/ContentMgmt/InputProxy/channels", "InputProxyChannelList", "InputProxyChannel"),
    ("/ISAPI/System/Video/inputs/channels", "VideoInputChannelList", "VideoInputChannel"),
)
"""Cameras on the network, and those on a cable."""
_SYSTEM: Final = "/cgi-bin/magicBox.cgi?action=getSystemInfo"
_VERSION: Final = "/cgi-bin/magicBox.cgi?action=getSoftwareVersion"
_CONFIG: Final = "/cgi-bin/configManager.cgi?action=getConfig&name="
_STATES: Final = "/cgi-bin/api/LogicDeviceManager/getCameraState"
_TITLE: Final = re.compile(r"table\.ChannelTitle\[(\d{1,3})\]\.Name")


async def read_recorder(target: Target, driver: str, host: str) -> Described:
    """Read a recorder. driver: a name of DRIVERS; host: under which its streams are had.

    Raises OnboardError with the step that failed and why.
    """
    kind = DRIVERS[driver]
    if kind == "onvif":
        return await read_onvif(target, host)
    step = Step.INFORMATION
    try:
        async with asking(target, LIMITS) as device:
            if kind == "isapi":
                found = await _isapi_info(device)
                step = Step.CHANNELS
                channels = await _isapi_channels(device, host)
            else:
                found = await _dahua_info(device)
                step = Step.CHANNELS
                channels = await _dahua_channels(device, host)
            if not channels:
                raise DriverError(Fault.NO_STREAM, "it tells of no camera on it")
    except DriverError as error:
        raise OnboardError.of(target.address, step, error) from None
    return msgspec.structs.replace(found, channels=tuple(channels))


def _word(said: str) -> str | None:
    return str(text("it", said).get("it", "")) or None


def _root(reply: Reply, name: str) -> Element | None:
    """The root of an answer; None where the model has no such thing. Raises DriverError."""
    if not reply.fine:
        return None
    root = parse(reply.body, LIMITS)
    if root.name != name:
        raise DriverError(Fault.GARBAGE, f"no {name} in what it answered")
    return root


async def _isapi_info(device: Device) -> Described:
    info = _root(await device.get(_INFO), "DeviceInfo")
    if info is None:
        raise DriverError(Fault.STATUS, "it does not say what it is")
    return Described(
        manufacturer="Hikvision",
        model=_word(info.said("model")),
        firmware=_word(info.said("firmwareVersion")),
        serial=_word(info.said("serialNumber")),
    )


async def _isapi_channels(device: Device, host: str) -> list[Channel]:
    port = None
    accesses = _root(await device.get(_ACCESSES), "AdminAccessProtocolList")
    for one in accesses.all("AdminAccessProtocol") if accesses is not None else ():
        if one.said("protocol").upper() == "RTSP":
            port = _port(one.said("portNo"))
    found: dict[int, str | None] = {}
    for path, root, name in _LISTS:
        listed = _root(await device.get(path), root)
        for one in listed.children if listed is not None else ():
            number = one.said("id")
            if one.name == name and re.fullmatch(r"[1-9][0-9]{0,2}", number):
                found.setdefault(int(number), _word(one.said("name")))
    return _numbered(found, lambda n, k: stream_url(host, port, f"Streaming/Channels/{n}0{k + 1}"))


async def _dahua_info(device: Device) -> Described:
    reply = await device.get(_SYSTEM)
    if not reply.fine:
        raise DriverError(Fault.STATUS, "it does not say what it is")
    info = pairs(reply.body)
    if "serialNumber" not in info and "deviceType" not in info:
        raise DriverError(Fault.GARBAGE, "no device's information in what it answered")
    version = _lines(await device.get(_VERSION)).get("version", "")
    return Described(
        manufacturer="Dahua",
        model=_word(info.get("deviceType", "") or info.get("updateSerial", "")),
        firmware=_word(version.partition(",")[0]),
        serial=_word(info.get("serialNumber", "")),
    )


async def _dahua_channels(device: Device, host: str) -> list[Channel]:
    port = _port(_lines(await device.get(f"{_CONFIG}RTSP")).get("table.RTSP.Port", ""))
    titles: dict[int, str | None] = {}
    for name, value in _lines(await device.get(f"{_CONFIG}ChannelTitle")).items():
        match = _TITLE.fullmatch(name)
        if match is not None:
            titles[int(match[1]) + 1] = _word(value)
    states = await _dahua_states(device)
    unused = {number for number, state in states.items() if state.lower() in UNUSED}
    found = {n: titles.get(n) for n in {*titles, *states} if n not in unused}
    return _numbered(
        found,
        lambda n, k: stream_url(host, port, f"cam/realmonitor?channel={n}&subtype={k}"),
    )


class _State(msgspec.Struct, frozen=True, rename="camel"):
    channel: int
    connection_state: str = ""


class _States(msgspec.Struct, frozen=True):
    states: tuple[_State, ...] = ()


async def _dahua_states(device: Device) -> dict[int, str]:
    """Channels from 1 and their states, as far as a model tells them."""
    reply = await device.post(_STATES, b'{"uniqueChannels":[-1]}', "application/json")
    if not reply.fine:
        return {}
    try:
        states = msgspec.json.decode(reply.body, type=_States).states
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DriverError(Fault.GARBAGE, "its channels' states are no such JSON") from None
    return {one.channel + 1: one.connection_state for one in states if 0 <= one.channel < 999}


def _lines(reply: Reply) -> Mapping[str, str]:
    if not reply.fine or reply.body.lstrip()[:5].lower() == b"error":
        return {}
    return pairs(reply.body)


def _port(said: str) -> int | None:
    return int(said) if re.fullmatch(r"[1-9][0-9]{0,4}", said) and int(said) < 65_536 else None


def _numbered(found: Mapping[int, str | None], url_of: Callable[[int, int], str]) -> list[Channel]:
    """url_of: the stream of a channel, 0 for the main one and 1 for the other."""
    return [
        Channel(
            key=str(number),
            name=found[number],
            main=Stream(url=url_of(number, 0)),
            sub=Stream(url=url_of(number, 1)),
        )
        for number in sorted(found)[:MOST_CHANNELS]
    ]
