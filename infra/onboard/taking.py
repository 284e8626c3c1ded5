"""A device taken on, from its address to its site's document. What the API and the command do.

In this order: the address is checked, the device is read, its stream is tried, the secret is kept,
the document is written. Whatever fails before that leaves nothing behind; what dies in between
leaves a secret that nobody names, and the next time writes it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from agents.watch.drivers.base import DriverError, Fault, Target
from infra.db.documents import amend, site_of
from infra.errors import WatchfloorError
from infra.onboard import document
from infra.onboard.described import Described, OnboardError, Step
from infra.onboard.onvif import read_onvif
from infra.onboard.picture import Picture, first_picture
from infra.onboard.places import Networks, Spot, address_text, spot_of
from infra.onboard.recorders import DRIVERS, read_recorder
from infra.secrets import Secret
from schemas.document import Document, Site
from schemas.document_reader import DocumentError, read_value

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = [
    "Asked",
    "NoSiteError",
    "TakenCamera",
    "TakenRecorder",
    "connect_recorder",
    "onboard_camera",
]

WHOLE_S: Final = 45.0
"""Seconds that reading a device may take; a recorder of 64 cameras is some 130 requests."""
CAMERA: Final = "camera"
NVR: Final = "nvr"
DRIVER: Final = "onvif"


class NoSiteError(WatchfloorError):
    """A site that there is not."""

    def __init__(self, site_id: str) -> None:
        super().__init__(
            f"site '{site_id}': there is none",
            hint="A device is taken on for a site of the document: watchfloor apply",
        )


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be taken on, for whom. id, name: None: as it has them, else made of its own words.

    password: never shown. driver, channels: of a recorder; None: every channel.
    """

    site_id: str
    address: str
    username: str | None
    password: Secret | None
    author: str
    id: str | None = None
    name: str | None = None
    driver: str = DRIVER
    channels: tuple[str, ...] | None = None


class TakenCamera(Struct, frozen=True, kw_only=True):
    """A camera that was taken on. created: it is new to the site."""

    camera_id: str
    created: bool
    revision: int
    name: str
    described: Described
    picture: Picture


class TakenRecorder(Struct, frozen=True, kw_only=True):
    """A recorder that was taken on. cameras: the ids of those imported; new: which are new."""

    device_id: str
    created: bool
    revision: int
    name: str
    described: Described
    cameras: tuple[str, ...]
    new: tuple[str, ...]


async def onboard_camera(
    settings: Settings, asked: Asked, *, told: Callable[[str], None] = lambda _: None
) -> TakenCamera:
    """Take a camera on by ONVIF, or take up what changed of it. told: hears what is being done.

    Raises OnboardError with what failed, NoSiteError, IdTakenError, and DatabaseError.
    """
    before = await _site(settings, asked)
    spot = await _spot(settings, asked)
    told("Reading the camera")
    described = await read_onvif(_target(asked, spot, CAMERA), spot.place.host)
    told("Waiting for its first picture")
    stream = described.channels[0].main.url
    password = asked.password.reveal() if asked.password is not None else None
    picture = await first_picture(stream, spot.address, asked.username, password)
    address = address_text(spot.place)
    camera_id = document.camera_of(before, described, address, asked.id, asked.name)
    named = [(one.camera_id, one.credentials) for one in before.cameras]
    named += [(one.device_id, one.credentials) for one in before.devices]
    credentials = await asyncio.to_thread(_keep, settings, asked, camera_id, dict(named))

    def change(site: Site) -> Site:
        return _checked(
            document.with_camera(
                site,
                camera_id,
                described,
                address=address,
                driver=DRIVER,
                credentials=credentials,
                name=asked.name,
            )
        )

    told("Writing the document")
    revision, site = await asyncio.to_thread(amend, settings, asked.site_id, change, asked.author)
    camera = next(one for one in site.cameras if one.camera_id == camera_id)
    return TakenCamera(
        camera_id=camera_id,
        created=camera_id not in {name for name, _ in named},
        revision=revision,
        name=camera.name or camera_id,
        described=described,
        picture=picture,
    )


async def connect_recorder(
    settings: Settings, asked: Asked, *, told: Callable[[str], None] = lambda _: None
) -> TakenRecorder:
    """Take a recorder on with its cameras, or take up what changed of it.

    Raises as `onboard_camera` does; a channel that is asked for and that it has not is one of the
    step `channels`.
    """
    before = await _site(settings, asked)
    spot = await _spot(settings, asked)
    told("Reading the recorder")
    described = await read_recorder(_target(asked, spot, NVR), asked.driver, spot.place.host)
    address = address_text(spot.place)
    missing = set(asked.channels or ()) - {one.key for one in described.channels}
    if missing:
        listed = ", ".join(sorted(missing)[:10])
        raise OnboardError(address, Step.CHANNELS, Fault.NO_STREAM, f"it has no channel {listed}")
    device_id = document.recorder_of(before, described, address, asked.id, asked.name)
    named = {one.device_id: one.credentials for one in before.devices}
    cameras: tuple[str, ...] = ()
    credentials: str | None = None

    def change(site: Site) -> Site:
        nonlocal cameras
        changed, cameras = document.with_recorder(
            site,
            device_id,
            described,
            address=address,
            driver=DRIVERS[asked.driver],
            credentials=credentials,
            name=asked.name,
            channels=asked.channels,
        )
        return _checked(changed)

    # What cannot be written is not to leave a secret behind.
    change(before)
    credentials = await asyncio.to_thread(_keep, settings, asked, device_id, named)
    told("Writing the document")
    revision, site = await asyncio.to_thread(amend, settings, asked.site_id, change, asked.author)
    device = next(one for one in site.devices if one.device_id == device_id)
    old = {one.camera_id for one in before.cameras} | set(named)
    return TakenRecorder(
        device_id=device_id,
        created=device_id not in named,
        revision=revision,
        name=device.name or device_id,
        described=described,
        cameras=cameras,
        new=tuple(one for one in cameras if one not in old),
    )


async def _site(settings: Settings, asked: Asked) -> Site:
    found = await asyncio.to_thread(site_of, settings, asked.site_id)
    if found is None:
        raise NoSiteError(asked.site_id)
    return found


async def _spot(settings: Settings, asked: Asked) -> Spot:
    try:
        return await spot_of(asked.address, Networks.of(settings.device_networks))
    except DriverError as error:
        raise OnboardError.of(asked.address[:200], Step.ADDRESS, error) from None


def _target(asked: Asked, spot: Spot, kind: str) -> Target:
    return Target(
        site_id=asked.site_id,
        device_id=asked.id or "new",
        kind=kind,
        address=spot.asked,
        username=asked.username,
        password=asked.password.reveal() if asked.password is not None else None,
        timeout_s=WHOLE_S,
    )


def _checked(site: Site) -> Site:
    """The site, checked as `apply` checks it. Raises WatchfloorError with what is wrong."""
    try:
        read_value(msgspec.to_builtins(Document(sites=(site,))))
    except DocumentError as error:
        said = "; ".join(one.message for one in error.problems[:5])
        raise WatchfloorError(f"site '{site.site_id}': {said}") from None
    return site


def _keep(
    settings: Settings, asked: Asked, device_id: str, named: dict[str, str | None]
) -> str | None:
    """Keep the log-in in the vault; the name of its secret. None where there is no log-in.

    A secret that several devices share is not written over: the device gets its own, unless the
    shared one says the same.
    """
    from infra.secrets import SecretNotFoundError, lookup
    from infra.vault import Vault
    from infra.vault_keys import source_of

    if asked.username is None:
        return None
    password = asked.password.reveal() if asked.password is not None else ""
    value = f"{asked.username}:{password}"
    name = named.get(device_id)
    if name is not None:
        try:
            found = lookup(name, site=asked.site_id, state_dir=settings.state_dir)
            if found.reveal() == value:
                return name
        except SecretNotFoundError:
            pass
    own = document.secret_of(device_id)
    vault = Vault(settings.state_dir, lambda: source_of(settings))
    vault.set(own, value, asked.site_id)
    return own
