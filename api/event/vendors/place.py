"""Where a device's message belongs: its site, its camera and its zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from agents.runtime.configuration import SiteConfig
from agents.watch.channels import channel_of
from api.event.vendors.message import VendorMessage
from api.problems import FieldError, Invalid, NotFound, SiteAmbiguous

__all__ = ["Named", "Place", "locate", "locate_input"]

MAX_NAMED: Final = 20


@dataclass(frozen=True)
class Named:
    """What the address that the device posts to says: `?site_id=…&camera_id=…&zone_id=…`, or
    `device_id` for a recorder, whose inputs are meant."""

    site_id: str | None = None
    camera_id: str | None = None
    zone_id: str | None = None
    device_id: str | None = None


@dataclass(frozen=True)
class Place:
    """A camera of a site, and its zone where the event is a zone's."""

    site_id: str
    camera_id: str
    zone_id: str | None


def locate(
    message: VendorMessage, named: Named, sites: Mapping[str, SiteConfig], *, zone: bool
) -> Place:
    """The camera that the message is about.

    By the address first, then by the channel's name, then by the device's own address and channel.
    zone: whether the event is a zone's: `zone_id`, or the camera's only one. Raises NotFound for a
    site that does not exist, SiteAmbiguous, and Invalid where the camera or the zone is not clear;
    each says what there is.
    """
    if named.site_id is not None and named.site_id not in sites:
        raise NotFound("site", named.site_id)
    among = {named.site_id: sites[named.site_id]} if named.site_id is not None else sites
    found = list(_cameras(message, named, among))
    if not found:
        raise Invalid([FieldError(field="query.camera_id", detail=_unknown(message, among))])
    if len(found) > 1:
        if len({site for site, _ in found}) > 1:
            names = sorted({site for site, _ in found})
            raise SiteAmbiguous(
                f"{len(names)} sites have such a camera: put ?site_id= into the address that the "
                f"device posts to. Sites: {', '.join(names[:MAX_NAMED])}.",
                sites=names[:MAX_NAMED],
            )
        known = ", ".join(camera for _, camera in found[:MAX_NAMED])
        detail = f"several cameras may be meant: put ?camera_id= into the address. {known}"
        raise Invalid([FieldError(field="query.camera_id", detail=detail)])
    site_id, camera_id = found[0]
    return Place(site_id, camera_id, _zone(sites[site_id], camera_id, named) if zone else None)


def locate_input(
    message: VendorMessage, named: Named, sites: Mapping[str, SiteConfig]
) -> tuple[str, str]:
    """The site and the device whose input the message is about.

    By `device_id` or `camera_id` of the address, else the recorder or service at the address that
    the message gives, else the camera there. Raises as `locate` does.
    """
    if named.site_id is not None and named.site_id not in sites:
        raise NotFound("site", named.site_id)
    among = {named.site_id: sites[named.site_id]} if named.site_id is not None else sites
    wanted = named.device_id or named.camera_id
    if wanted is not None:
        found = [
            (site, wanted)
            for site, config in among.items()
            if wanted in config.devices or wanted in config.cameras
        ]
    else:
        found = [
            (site, device.device_id)
            for site, config in among.items()
            for device in config.devices.values()
            if device.kind != "camera"
            and device.address
            and message.address is not None
            and _host(device.address) == message.address
        ]
        found = found or list(dict.fromkeys(_cameras(message, named, among)))
    if len(found) == 1:
        return found[0]
    names = sorted({site for site, _ in found})
    if len(names) > 1:
        raise SiteAmbiguous(
            f"{len(names)} sites have such a device: put ?site_id= into the address that the "
            f"device posts to. Sites: {', '.join(names[:MAX_NAMED])}.",
            sites=names[:MAX_NAMED],
        )
    known = ", ".join(device for _, device in found[:MAX_NAMED]) or ", ".join(
        f"{site}/{device}" for site, config in among.items() for device in config.devices
    )
    detail = (
        f"{'several devices' if found else 'no device'} may be meant: put ?site_id=…&device_id=… "
        f"into the address that the device posts to. Devices: {known[:300] or 'none'}"
    )
    raise Invalid([FieldError(field="query.device_id", detail=detail)])


def _cameras(
    message: VendorMessage, named: Named, sites: Mapping[str, SiteConfig]
) -> Iterator[tuple[str, str]]:
    every = [(site_id, camera) for site_id, config in sites.items() for camera in _ids(config)]
    if named.camera_id is not None:
        yield from ((site, camera) for site, camera in every if camera == named.camera_id)
        return
    if named.zone_id is not None:
        mapped = [
            (site, camera)
            for site, camera in every
            if named.zone_id in sites[site].zones
            and camera in sites[site].zones[named.zone_id].camera_ids
        ]
        if len(mapped) == 1:
            yield from mapped
            return
        every = mapped or every
    if message.channel_name is not None:
        by_name = [
            (site, camera)
            for site, camera in every
            if message.channel_name in (camera, _name(sites[site], camera))
        ]
        if len(by_name) == 1:
            yield from by_name
            return
    if message.address is not None:
        here = [
            (site, camera)
            for site, camera in every
            if message.address in _hosts(sites[site], camera)
        ]
        exact = [
            (site, camera)
            for site, camera in here
            if message.channel is not None and _channel(sites[site], camera) == message.channel
        ]
        yield from exact if exact and len(here) > 1 else here


def _ids(config: SiteConfig) -> Iterator[str]:
    yield from config.cameras
    for device in config.devices.values():
        if device.kind == "camera":
            yield device.device_id


def _name(config: SiteConfig, camera: str) -> str | None:
    found = config.cameras.get(camera)
    if found is not None:
        return found.name
    device = config.devices.get(camera)
    return None if device is None else device.name


def _hosts(config: SiteConfig, camera: str) -> set[str]:
    """The hosts under which the camera, or its recorder, is known."""
    found: set[str] = set()
    given = config.cameras.get(camera)
    device = config.devices.get(camera)
    recorder = given.nvr_id if given is not None else (device.parent if device else None)
    addresses = [given.stream if given is not None else None]
    addresses += [d.address for d in (device, config.devices.get(recorder or "")) if d is not None]
    for address in addresses:
        if address:
            found.add(_host(address))
    return found - {""}


def _host(address: str) -> str:
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def _channel(config: SiteConfig, camera: str) -> int | None:
    given = config.cameras.get(camera)
    return None if given is None else channel_of(given.stream or "")


def _zone(config: SiteConfig, camera: str, named: Named) -> str:
    if named.zone_id is not None:
        # One that the site does not have is decide's to reject, as for our own JSON.
        return named.zone_id
    zones = [zone.zone_id for zone in config.zones_by_camera.get(camera, ())]
    if len(zones) == 1:
        return zones[0]
    known = ", ".join(zones[:MAX_NAMED]) or "it has none"
    detail = f"camera {camera} has {len(zones)} zones: put ?zone_id= into the address. {known}"
    raise Invalid([FieldError(field="query.zone_id", detail=detail)])


def _unknown(message: VendorMessage, sites: Mapping[str, SiteConfig]) -> str:
    known = ", ".join(
        f"{site}/{camera}" for site, config in sites.items() for camera in _ids(config)
    )
    what = message.channel_name or message.address or "no name and no address"
    return (
        f"no camera is known by {what[:80]!r}: put ?site_id=…&camera_id=… into the address that "
        f"the device posts to. Cameras: {known[:300] or 'none is configured'}"
    )
