"""A device in its site's document: the one that it is already, or a new one. Pure.

What a person wrote stays: names, rates, zones, and ids above all. What the device said of itself
is new each time: its address, its streams.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from agents.watch.drivers.base import DriverError
from agents.watch.drivers.net import place_of
from infra.errors import WatchfloorError
from infra.onboard.described import Channel, Described
from schemas.document import Camera, Device, Site

__all__ = [
    "IdTakenError",
    "camera_of",
    "recorder_of",
    "secret_of",
    "with_camera",
    "with_recorder",
]

MOST_ID: Final = 63
NVR: Final = "nvr"
CAMERA: Final = "camera"


class IdTakenError(WatchfloorError):
    """An id that something else of the site has."""

    def __init__(self, name: str, noun: str) -> None:
        super().__init__(
            f"id '{name}': a {noun} of the site has it",
            hint="Ids of cameras, zones and devices are unique within a site; choose another.",
        )


def camera_of(
    site: Site, found: Described, address: str, wanted: str | None, name: str | None
) -> str:
    """The id that a camera has or gets.

    It is the site's camera with the same serial number, else at the same address, whatever id is
    wanted; else the wanted one, or one made of its name, serial number or address. Raises
    IdTakenError for a wanted one that is of something else.
    """
    known = _known(
        [(one.camera_id, one.serial, one.address) for one in site.cameras]
        + [(d.device_id, d.serial, d.address) for d in site.devices if d.kind == CAMERA],
        found.serial,
        address,
    )
    if known is not None:
        return known
    cameras = {one.camera_id for one in site.cameras}
    cameras |= {one.device_id for one in site.devices if one.kind == CAMERA}
    return _new_id(site, wanted, cameras, _own_words("cam", found, address, name))


def recorder_of(
    site: Site, found: Described, address: str, wanted: str | None, name: str | None
) -> str:
    """The id that a recorder has or gets; as `camera_of`."""
    recorders = [one for one in site.devices if one.kind == NVR]
    known = _known(
        [(one.device_id, one.serial, one.address) for one in recorders], found.serial, address
    )
    if known is not None:
        return known
    return _new_id(
        site,
        wanted,
        {one.device_id for one in recorders},
        _own_words("nvr", found, address, name),
    )


def with_camera(
    site: Site,
    camera_id: str,
    found: Described,
    *,
    address: str,
    driver: str,
    credentials: str | None,
    name: str | None,
) -> Site:
    """The site with that camera taken on. One that was only watched is captured from now on."""
    channel = found.channels[0]
    watched = next((one for one in site.devices if one.device_id == camera_id), None)
    before = next((one for one in site.cameras if one.camera_id == camera_id), None)
    if before is None:
        before = Camera(camera_id=camera_id)
        if watched is not None:
            before = replace(before, name=watched.name, nvr_id=watched.parent)
    after = replace(
        before,
        name=name or before.name or _title(found),
        stream=channel.main.url,
        substream=channel.sub.url if channel.sub is not None else None,
        credentials=credentials,
        address=address,
        driver=driver,
        serial=found.serial or before.serial,
    )
    return replace(
        site,
        devices=tuple(one for one in site.devices if one is not watched),
        cameras=_put(site.cameras, after),
    )


def with_recorder(
    site: Site,
    device_id: str,
    found: Described,
    *,
    address: str,
    driver: str,
    credentials: str | None,
    name: str | None,
    channels: Collection[str] | None,
) -> tuple[Site, tuple[str, ...]]:
    """The site with that recorder and its cameras, and the cameras' ids in order.

    channels: which of them; None: all. A camera of it is known again by its stream's path, also
    under an id that a person gave it, and keeps its name. One that the recorder has no more stays:
    to take it away is a person's decision.
    """
    before = next((one for one in site.devices if one.device_id == device_id), None)
    device = replace(
        before or Device(device_id=device_id, kind=NVR),
        name=name or (before.name if before is not None else None) or _title(found),
        address=address,
        driver=driver,
        credentials=credentials,
        serial=found.serial or (before.serial if before is not None else None),
    )
    site = replace(site, devices=_put_device(site.devices, device))
    own = {
        key: one.camera_id
        for one in site.cameras
        if one.nvr_id == device_id and (key := _path(one.stream)) is not None
    }
    ids = []
    for channel in found.channels:
        if channels is not None and channel.key not in channels:
            continue
        camera_id = own.get(_path(channel.main.url) or "")
        if camera_id is None:
            camera_id = _channel_id(device_id, channel.key)
            taken = _taken(site).get(camera_id)
            if taken is not None and not _is_of(site, device_id, camera_id):
                raise IdTakenError(camera_id, taken)
        site = _with_channel(site, device_id, camera_id, channel, credentials)
        ids.append(camera_id)
    return site, tuple(ids)


def secret_of(device_id: str) -> str:
    """The name of a device's own secret, within its site."""
    name = f"device.{device_id}"
    return name if len(name) <= MOST_ID else f"device.{sha256(device_id.encode()).hexdigest()[:40]}"


def _is_of(site: Site, device_id: str, camera_id: str) -> bool:
    """Whether that camera is the recorder's, captured or only watched."""
    return any(one.camera_id == camera_id and one.nvr_id == device_id for one in site.cameras) or (
        any(
            one.device_id == camera_id and one.kind == CAMERA and one.parent == device_id
            for one in site.devices
        )
    )


def _with_channel(
    site: Site, device_id: str, camera_id: str, channel: Channel, credentials: str | None
) -> Site:
    before = next((one for one in site.cameras if one.camera_id == camera_id), None)
    watched = next((one for one in site.devices if one.device_id == camera_id), None)
    name = channel.name if watched is None or watched.name is None else watched.name
    after = replace(
        before or Camera(camera_id=camera_id, name=name),
        nvr_id=device_id,
        stream=channel.main.url,
        substream=channel.sub.url if channel.sub is not None else None,
        credentials=credentials,
    )
    return replace(
        site,
        devices=tuple(one for one in site.devices if one is not watched),
        cameras=_put(site.cameras, after),
    )


def _put(cameras: tuple[Camera, ...], camera: Camera) -> tuple[Camera, ...]:
    """In the place that it has, else at the end."""
    if any(one.camera_id == camera.camera_id for one in cameras):
        return tuple(camera if one.camera_id == camera.camera_id else one for one in cameras)
    return (*cameras, camera)


def _put_device(devices: tuple[Device, ...], device: Device) -> tuple[Device, ...]:
    if any(one.device_id == device.device_id for one in devices):
        return tuple(device if one.device_id == device.device_id else one for one in devices)
    return (*devices, device)


def _known(
    listed: list[tuple[str, str | None, str | None]], serial: str | None, address: str
) -> str | None:
    if telling(serial):
        for name, its, _ in listed:
            if its == serial:
                return name
    at = _host_port(address)
    # Another serial number at the same address is another device in its place: the place counts.
    return next((name for name, _, its in listed if its and _host_port(its) == at), None)


def telling(serial: str | None) -> bool:
    """Whether a serial number tells devices apart: cheap ones all have `000000` or `123456`."""
    if serial is None or len(serial) < 6 or serial in "0123456789012345678901234567890":
        return False
    return len(set(serial)) >= 3


def _host_port(address: str) -> tuple[str, int] | None:
    try:
        place = place_of(address, "http")
    except DriverError:
        return None
    return place.host.lower(), place.port


def _path(stream: str | None) -> str | None:
    """What of a stream's address stays when its host gets another."""
    if not stream:
        return None
    parts = urlsplit(stream)
    return f"{parts.path}?{parts.query}"


def _taken(site: Site) -> dict[str, str]:
    return {
        **{one.camera_id: "camera" for one in site.cameras},
        **{one.device_id: "device" for one in site.devices},
        **{one.zone_id: "zone" for one in site.zones},
    }


def _new_id(site: Site, wanted: str | None, own: Collection[str], made: str) -> str:
    taken = _taken(site)
    if wanted is not None:
        if wanted in taken and wanted not in own:
            raise IdTakenError(wanted, taken[wanted])
        return wanted
    name, number = made, 1
    while name in taken:
        number += 1
        name = f"{made[: MOST_ID - 4]}-{number}"
    return name


def _own_words(prefix: str, found: Described, address: str, name: str | None) -> str:
    if name is not None and (slug := _slug(name)):
        return slug
    if telling(found.serial) and (slug := _slug(found.serial or "")):
        return f"{prefix}-{slug}"[:MOST_ID]
    at = _host_port(address)
    return f"{prefix}-{_slug(f'{at[0]}-{at[1]}' if at is not None else address)}"[:MOST_ID]


def _channel_id(device_id: str, key: str) -> str:
    """The same for the same channel, whatever is imported when.

    Two channels must not become one camera: a key that is written otherwise in the id, or looks
    like a number's, gets its hash.
    """
    if re.fullmatch(r"[1-9][0-9]{0,3}", key, re.ASCII):
        tail = f"ch{int(key):02d}"
    else:
        tail = _slug(key)
        if tail != key or re.fullmatch(r"ch[0-9]+", tail):
            tail = f"{tail[:10]}-{_hash(key)}".strip("-")
    name = f"{device_id}-{tail}"
    return name if len(name) <= MOST_ID else f"{device_id[:40]}-{_hash(f'{device_id}/{key}')}"


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[: MOST_ID - 8].strip("-")


def _title(found: Described) -> str | None:
    words = " ".join(word for word in (found.manufacturer, found.model) if word)
    return words[:200] or None
