"""Where cameras and devices are, and the plans that they are on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from agents.runtime.configuration import Configuration, SiteConfig
from api.database import Row
from api.device.schemas import DeviceKind
from api.place import repository
from api.place.image import BadPictureError, remade
from api.place.schemas import PlacesView, PlaceView, PlanImage, PlanView
from api.problems import FieldError, Invalid, NotFound
from schemas.document import Plan

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["image", "places", "put_image", "remove_image"]

_decoding: Final = asyncio.Semaphore(1)
"""One at a time: a decoded picture takes a hundred times what was sent."""


async def places(api: Api, sites: frozenset[str]) -> PlacesView:
    """Of those sites, by site and id."""
    rows = await repository.images(api.database, sites)
    images = {(row["site_id"], row["plan_id"]): row for row in rows}
    plans: list[PlanView] = []
    found: list[PlaceView] = []
    for site_id in sorted(sites):
        config = api.configuration.site(site_id)
        if config is not None:
            plans += [_plan(site_id, plan, images) for plan in config.site.plans]
            found += _places(config)
    placed = tuple(one for one in found if one.position or one.floor_plan)
    return PlacesView(
        plans=tuple(plans),
        places=placed,
        without=len(found) - len(placed),
        tiles=api.settings.map_tiles_url,
    )


def _location(site_id: str, plan_id: str) -> str:
    return f"/v1/sites/{site_id}/plans/{plan_id}/image"


def _plan(site_id: str, plan: Plan, images: Mapping[tuple[str, str], Row]) -> PlanView:
    row = images.get((site_id, plan.plan_id))
    image = None
    if row is not None:
        image = PlanImage(
            location=_location(site_id, plan.plan_id),
            content_type=row["content_type"],
            width=row["width"],
            height=row["height"],
            sha256=row["sha256"],
            at=row["at"],
        )
    return PlanView(
        site_id=site_id,
        plan_id=plan.plan_id,
        name=plan.name or plan.plan_id,
        width_m=plan.width_m,
        north_deg=plan.north_deg,
        image=image,
    )


def _places(config: SiteConfig) -> Iterator[PlaceView]:
    """A camera is listed under the document's cameras, as a device, or as both."""
    site_id = config.site.site_id
    for camera in config.site.cameras:
        yield PlaceView(
            site_id=site_id,
            device_id=camera.camera_id,
            kind=DeviceKind.CAMERA,
            name=camera.name or camera.camera_id,
            position=camera.position,
            floor_plan=camera.floor_plan,
            heading_deg=camera.heading_deg,
            fov_deg=camera.fov_deg,
            range_m=camera.range_m,
        )
    for device in config.site.devices:
        if device.device_id not in config.cameras:
            yield PlaceView(
                site_id=site_id,
                device_id=device.device_id,
                kind=DeviceKind(device.kind),
                name=device.name or device.device_id,
                position=device.position,
                floor_plan=device.floor_plan,
            )


def _known(configuration: Configuration, site_id: str, plan_id: str) -> None:
    config = configuration.site(site_id)
    if config is None or all(plan.plan_id != plan_id for plan in config.site.plans):
        raise NotFound("plan", plan_id, "The site's document has none of that id.")


async def image(api: Api, site_id: str, plan_id: str, known: list[str]) -> Row:
    """The picture of a plan; without its bytes where `known` has its hash. Raises NotFound."""
    _known(api.configuration, site_id, plan_id)
    row = await repository.image(api.database, site_id, plan_id, known)
    if row is None:
        raise NotFound("picture of plan", plan_id, "None was uploaded.")
    return row


async def put_image(
    api: Api, site_id: str, plan_id: str, data: bytes, content_type: str
) -> PlanImage:
    """Take a picture for a plan. Raises NotFound, and Invalid for bytes that are no picture."""
    _known(api.configuration, site_id, plan_id)
    async with _decoding:
        try:
            found = await asyncio.to_thread(remade, data, content_type)
        except BadPictureError as error:
            raise Invalid([FieldError(field="body", detail=str(error))]) from error
    at = api.now()
    await repository.put_image(api.database, site_id, plan_id, found, at)
    return PlanImage(
        location=_location(site_id, plan_id),
        content_type=found.content_type,
        width=found.width,
        height=found.height,
        sha256=found.sha256,
        at=at,
    )


async def remove_image(api: Api, site_id: str, plan_id: str) -> None:
    """Take a plan's picture away; also one whose plan left the document. Raises NotFound."""
    if not await repository.remove_image(api.database, site_id, plan_id):
        raise NotFound("picture of plan", plan_id, "None was uploaded.")
