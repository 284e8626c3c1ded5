"""Dahua's HTTP API, which Intelbras' recorders and cameras speak as well.

Paths are those of "DAHUA HTTP API for IPC and NVR". `getSystemInfo` must be answered; the rest is
asked as far as a model has it. Facts: `model`, `firmware`; of the second driver
`channels`, `channels_online`, `channels_lost` (from 1), `disks`, `disks_failed`, `disk_free_mib`,
`missing_recording` and `missing_channels` (channels whose recording is switched off).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from agents.watch.drivers.asking import Device, Reply, asking
from agents.watch.drivers.base import Driver, DriverError, Fact, Fault, Limits, Outcome, Target
from agents.watch.drivers.facts import ids, outcome_of, text
from schemas.device import ProbeKind

__all__ = ["DRIVERS", "Dahua", "DahuaChannels", "pairs"]

INFO: Final = "/cgi-bin/magicBox.cgi?action=getSystemInfo"
FIRMWARE: Final = "/cgi-bin/magicBox.cgi?action=getSoftwareVersion"
CHANNELS: Final = "/cgi-bin/api/LogicDeviceManager/getCameraState"
LOSS: Final = "/cgi-bin/eventManager.cgi?action=getEventIndexes&code=VideoLoss"
STORAGE: Final = "/cgi-bin/storageDevice.cgi?action=getDeviceAllInfo"
MODES: Final = "/cgi-bin/configManager.cgi?action=getConfig&name=RecordMode"

CAMERA: Final = "camera"
MOST_LINES: Final = 20_000
OFF: Final = "2"
"""RecordMode: 0 by the schedule, 1 always, 2 off."""

UNUSED: Final = frozenset({"empty", "disable", "disabled"})
"""States of a channel that nobody has put a camera on."""

_PAIR: Final = re.compile(r"([^=\r\n]{1,200})=([^\r\n]{0,2000})")
_DISK: Final = re.compile(r"list\.info\[(\d{1,4})\]\.(.+)")
_DETAIL: Final = re.compile(r"Detail\[\d{1,4}\]\.(\w+)")
_LOST: Final = re.compile(r"channels\[\d{1,4}\]")
_MODE: Final = re.compile(r"table\.RecordMode\[(\d{1,4})\]\.Mode")


class _State(msgspec.Struct, frozen=True, rename="camel"):
    channel: int
    connection_state: str = ""


class _States(msgspec.Struct, frozen=True):
    states: tuple[_State, ...] = ()


class Dahua:
    """Asks a Dahua or Intelbras device what it is."""

    name = "dahua"
    probe = ProbeKind.DAHUA

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """Ask once. Raises DriverError where the device failed."""
        facts: dict[str, Fact] = {}
        async with asking(target, limits) as device:
            info = _pairs_of(await device.get(INFO), needed=True)
            model = info.get("deviceType") or info.get("updateSerial") or ""
            if not model and "serialNumber" not in info:
                raise DriverError(Fault.GARBAGE, "no device's information in what it answered")
            facts |= text("model", model)
            version = _pairs_of(await device.get(FIRMWARE)).get("version", "")
            facts |= text("firmware", version.partition(",")[0])
        return Outcome(ok=True, latency_ms=device.latency_ms, facts=facts)


class DahuaChannels:
    """Asks the same device for its channels, its disks, and what it records."""

    name = "dahua"
    probe = ProbeKind.CHANNELS

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """Ask once. Raises DriverError where the device failed."""
        facts: dict[str, Fact] = {}
        async with asking(target, limits) as device:
            if target.kind != CAMERA:
                facts |= await _channels(device)
                facts |= _modes(_pairs_of(await device.get(MODES)))
            facts |= _disks(_pairs_of(await device.get(STORAGE)))
        return outcome_of(facts, device.latency_ms)


DRIVERS: Final[tuple[Driver, ...]] = (Dahua(), DahuaChannels())


def pairs(body: bytes) -> Mapping[str, str]:
    """The `name=value` lines of an answer.

    Raises DriverError, `garbage` for anything else than such lines, `too_large` for too many.
    """
    try:
        lines = [one for one in body.decode().splitlines() if one.strip()]
    except UnicodeDecodeError:
        raise DriverError(Fault.GARBAGE, "its answer is no text") from None
    if len(lines) > MOST_LINES:
        raise DriverError(Fault.TOO_LARGE, f"an answer of more than {MOST_LINES} lines")
    found = {}
    for line in lines:
        match = _PAIR.fullmatch(line.strip())
        if match is None:
            raise DriverError(Fault.GARBAGE, "a line of its answer is no name=value")
        found[match[1].strip()] = match[2].strip()
    return found


def _pairs_of(reply: Reply, *, needed: bool = False) -> Mapping[str, str]:
    """The lines of a reply; none of one that says that the model has it not."""
    if reply.fine:
        # Some say so with 200 and the word alone.
        if not needed and reply.body.lstrip()[:5].lower() == b"error":
            return {}
        return pairs(reply.body)
    if needed:
        raise DriverError(Fault.STATUS, f"it answered {reply.status} to getSystemInfo")
    return {}


async def _channels(device: Device) -> dict[str, Fact]:
    reply = await device.post(CHANNELS, b'{"uniqueChannels":[-1]}', "application/json")
    if reply.fine:
        try:
            states = msgspec.json.decode(reply.body, type=_States).states
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise DriverError(Fault.GARBAGE, "its channels' states are no such JSON") from None
        used = [one for one in states if one.connection_state.lower() not in UNUSED]
        lost = [one for one in used if one.connection_state.lower() != "connected"]
        return {
            "channels": len(used),
            "channels_online": len(used) - len(lost),
            **ids("channels_lost", (str(one.channel + 1) for one in lost)),
        }
    # Before that interface came, a device told only of the channels without a picture.
    without = sorted(
        int(value) + 1
        for name, value in _pairs_of(await device.get(LOSS)).items()
        if _LOST.fullmatch(name) and value.isdecimal() and len(value) <= 4
    )
    return dict(ids("channels_lost", map(str, without)))


def _disks(found: Mapping[str, str]) -> dict[str, Fact]:
    failed: dict[int, bool] = {}
    free = 0.0
    for name, value in found.items():
        match = _DISK.fullmatch(name)
        if match is None:
            continue
        disk = int(match[1])
        failed.setdefault(disk, False)
        detail = _DETAIL.fullmatch(match[2])
        if match[2] == "State":
            failed[disk] |= value.lower() not in ("success", "running", "initializing")
        elif detail is not None and detail[1] == "IsError":
            failed[disk] |= value.lower() == "true"
        elif detail is not None and detail[1] in ("TotalBytes", "UsedBytes"):
            size = _bytes(value)
            free += size if detail[1] == "TotalBytes" else -size
    if not failed:
        return {}
    return {
        "disks": len(failed),
        "disks_failed": sum(failed.values()),
        "disk_free_mib": max(0, int(free) >> 20),
    }


def _bytes(value: str) -> float:
    """Bytes of a partition, which some firmware writes with a fraction; 0 where it is no number."""
    return float(value) if re.fullmatch(r"\d{1,18}(\.\d{1,6})?", value) else 0.0


def _modes(found: Mapping[str, str]) -> dict[str, Fact]:
    off = []
    known = False
    for name, value in found.items():
        match = _MODE.fullmatch(name)
        if match is not None:
            known = True
            if value == OFF:
                off.append(int(match[1]) + 1)
    if not known:
        return {}
    return {"missing_recording": bool(off), **ids("missing_channels", map(str, sorted(off)))}
