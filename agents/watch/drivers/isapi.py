"""Hikvision's ISAPI: is a recorder well, which channels does it see, do its disks record?

Paths and names are those of the "Intelligent Security API" guide (core protocol, system, and
content management). `System/status` must be answered; the rest is asked as far as a model has it,
and what it has not is no failure.

Facts: `model`, `firmware`, `uptime_s`, `clock_offset_s` (above 0: its clock is ahead); of the
second driver `channels`, `channels_online`, `channels_lost` (ids with commas between), `disks`,
`disks_failed`, `disk_free_mib`, `missing_recording`, `missing_channels`, `recording_asked`
(how many channels were looked for: some a poll, all in turn) and `asked_channels`, which ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import uuid5

from agents.runtime.clock import wall
from agents.watch.drivers.asking import Device, Reply, asking
from agents.watch.drivers.base import Driver, DriverError, Fact, Fault, Limits, Outcome, Target
from agents.watch.drivers.facts import count, ids, mib, offset_s, outcome_of, text
from agents.watch.drivers.markup import Element, parse
from agents.watch.drivers.recording import covered, missing, window_before
from schemas.device import ProbeKind
from schemas.ids import NAMESPACE

__all__ = ["DRIVERS", "Isapi", "IsapiChannels"]

STATUS: Final = "/ISAPI/System/status"
INFO: Final = "/ISAPI/System/deviceInfo"
CHANNELS: Final = "/ISAPI/ContentMgmt/InputProxy/channels/status"
STORAGE: Final = "/ISAPI/ContentMgmt/Storage"
TRACKS: Final = "/ISAPI/ContentMgmt/record/tracks"
SEARCH: Final = "/ISAPI/ContentMgmt/search"

HEALTHY_DISKS: Final = frozenset({"ok", "idle", "normal", "sleeping", "sleep"})
"""`idle` and asleep disks are fine; `error`, `unformatted`, `offline`, `SMARTFailed` are not."""

MOST_SEARCHED: Final = 3
"""Channels whose recording one poll looks for; the others have their turn in later polls."""

CAMERA: Final = "camera"
XML: Final = 'application/xml; charset="UTF-8"'


class Isapi:
    """Asks a Hikvision device whether it is there and what it is. now: the time in UTC."""

    name = "isapi"
    probe = ProbeKind.ISAPI

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """Ask once. Raises DriverError where the device failed."""
        facts: dict[str, Fact] = {}
        async with asking(target, limits) as device:
            before = self._now()
            status = _needed(await device.get(STATUS), "DeviceStatus", limits)
            local = _time(status.said("currentDeviceTime"))
            facts |= count("uptime_s", status.said("deviceUpTime"))
            facts |= offset_s(local, before, self._now())
            if (info := _found(await device.get(INFO), "DeviceInfo", limits)) is not None:
                facts |= text("model", info.said("model"))
                facts |= text("firmware", info.said("firmwareVersion"))
        return Outcome(ok=True, latency_ms=device.latency_ms, facts=facts)


class IsapiChannels:
    """Asks the same device for its channels, its disks, and whether they recorded."""

    name = "isapi"
    probe = ProbeKind.CHANNELS

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """Ask once. Raises DriverError where the device failed."""
        facts: dict[str, Fact] = {}
        async with asking(target, limits) as device:
            status = _needed(await device.get(STATUS), "DeviceStatus", limits)
            local = _time(status.said("currentDeviceTime"))
            if target.kind != CAMERA:
                facts |= await _channels(device, limits)
            facts |= await _disks(device, limits)
            if target.kind != CAMERA and local is not None:
                facts |= await _recording(device, limits, local)
        return outcome_of(facts, device.latency_ms)


DRIVERS: Final[tuple[Driver, ...]] = (Isapi(wall), IsapiChannels())


def _needed(reply: Reply, name: str, limits: Limits) -> Element:
    if not reply.fine:
        raise DriverError(Fault.STATUS, f"it answered {reply.status} to its {name}")
    root = parse(reply.body, limits)
    if root.name != name:
        raise DriverError(Fault.GARBAGE, f"no {name} in what it answered")
    return root


def _found(reply: Reply, name: str, limits: Limits) -> Element | None:
    """The same of what a model may lack. Raises DriverError for what is no answer at all."""
    return _needed(reply, name, limits) if reply.fine else None


def _time(said: str) -> datetime | None:
    """Device time with its offset from UTC; older firmware leaves that out, and says too little."""
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


async def _channels(device: Device, limits: Limits) -> dict[str, Fact]:
    found = _found(await device.get(CHANNELS), "InputProxyChannelStatusList", limits)
    if found is None:
        return {}
    channels = [one for one in found.children if one.name == "InputProxyChannelStatus"]
    lost = [one.said("id") for one in channels if one.said("online").lower() != "true"]
    return {
        "channels": len(channels),
        "channels_online": len(channels) - len(lost),
        **ids("channels_lost", lost),
    }


async def _disks(device: Device, limits: Limits) -> dict[str, Fact]:
    found = _found(await device.get(STORAGE), "storage", limits)
    if found is None:
        return {}
    disks = [*found.all("hdd"), *found.all("nas")]
    failed = [one for one in disks if one.said("status").lower() not in HEALTHY_DISKS]
    return {
        "disks": len(disks),
        "disks_failed": len(failed),
        **mib("disk_free_mib", [one.said("freeSpace") for one in disks]),
    }


async def _recording(device: Device, limits: Limits, local: datetime) -> dict[str, Fact]:
    """Whether what should have been recorded a while ago is there.

    Judged are the tracks whose schedule has them record all the time in that window; one that
    records motion has gaps by design. A device takes and gives its own local time in a search,
    whatever letter stands behind it.
    """
    window = window_before(local.replace(tzinfo=None))
    if window is None:
        return {}
    found = _found(await device.get(TRACKS), "TrackList", limits)
    if found is None:
        return {}
    judged = [
        track
        for track in found.children
        if track.name == "Track"
        and track.said("Enable").lower() == "true"
        # The main stream's: tracks are numbered channel x 100 + stream.
        and track.said("id").endswith("01")
        and _continuous(track, window)
    ]
    turn = int(window[1].timestamp() // 300)
    asked = [judged[(turn * MOST_SEARCHED + k) % len(judged)] for k in range(len(judged))]
    gone: list[str] = []
    searched: list[str] = []
    for track in asked[:MOST_SEARCHED]:
        try:
            spans = await _spans(device, limits, track.said("id"), window)
        except DriverError as error:
            if error.fault is not Fault.TIMEOUT:
                raise
            # To search is work; a busy recorder that answered everything else is not down.
            break
        if spans is None:
            continue
        searched.append(track.said("Channel") or track.said("id"))
        if missing(spans, window):
            gone.append(searched[-1])
    if not searched:
        return {}
    return {
        "missing_recording": bool(gone),
        "recording_asked": len(searched),
        **ids("asked_channels", searched),
        **ids("missing_channels", gone),
    }


def _continuous(track: Element, window: tuple[datetime, datetime]) -> bool:
    blocks = []
    for action in track.all("ScheduleAction"):
        if action.said("Actions", "ActionRecordingMode").upper() != "CMR":
            continue
        if action.said("Actions", "Record").lower() == "false":
            continue
        blocks.append(
            (
                action.said("ScheduleActionStartTime", "DayOfWeek"),
                action.said("ScheduleActionStartTime", "TimeOfDay"),
                action.said("ScheduleActionEndTime", "DayOfWeek"),
                action.said("ScheduleActionEndTime", "TimeOfDay"),
            )
        )
    return covered(blocks, window)


async def _spans(
    device: Device, limits: Limits, track: str, window: tuple[datetime, datetime]
) -> Sequence[tuple[datetime, datetime]] | None:
    if not (track.isascii() and track.isdecimal()):
        return None
    start, end = (at.strftime("%Y-%m-%dT%H:%M:%SZ") for at in window)
    search = uuid5(NAMESPACE, f"isapi/{track}/{start}")
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><CMSearchDescription>'
        f"<searchID>{str(search).upper()}</searchID>"
        f"<trackList><trackID>{track}</trackID></trackList>"
        f"<timeSpanList><timeSpan><startTime>{start}</startTime><endTime>{end}</endTime>"
        "</timeSpan></timeSpanList><maxResults>64</maxResults>"
        "<searchResultPostion>0</searchResultPostion>"
        "<metadataList><metadataDescriptor>//recordType.meta.std-cgi.com</metadataDescriptor>"
        "</metadataList></CMSearchDescription>"
    )
    found = _found(await device.post(SEARCH, body.encode(), XML), "CMSearchResult", limits)
    if found is None or found.said("responseStatusStrg").upper() == "MORE":
        return None
    spans = []
    for one in found.all("searchMatchItem"):
        begins = _local(one.said("timeSpan", "startTime"))
        ends = _local(one.said("timeSpan", "endTime"))
        if begins is None or ends is None:
            raise DriverError(Fault.GARBAGE, "a recording without its times")
        spans.append((begins, ends))
    return spans


def _local(said: str) -> datetime | None:
    try:
        return datetime.fromisoformat(said).replace(tzinfo=None)
    except ValueError:
        return None
