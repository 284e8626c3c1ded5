"""`/v1/devices`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.context import ApiDep
from api.device import service
from api.device.schemas import (
    ChangeView,
    DeviceDetail,
    DeviceKind,
    DeviceView,
    Health,
    UptimeView,
)
from api.openapi import answers, reply
from api.paging import MAX_CURSOR, MAX_LIMIT, Page
from api.problems import BadCursor, DatabaseUnavailable, NotFound, NotReady
from api.query import AnyId, Filters, Instant, PageQuery
from api.site.service import in_scope

__all__ = ["router"]

router = APIRouter(prefix="/v1/devices", tags=["devices"])

PROBLEMS = (NotFound, NotReady, DatabaseUnavailable)


class DeviceQuery(PageQuery):
    """Which devices. kind and severity may be given several times."""

    kind: list[DeviceKind] = Field([], max_length=3)
    severity: list[Health] = Field([], max_length=4)

    def filters(self) -> dict[str, Any]:
        """What the repository filters by."""
        return {name: value for name in ("kind", "severity") if (value := getattr(self, name))}


class HistoryQuery(Filters):
    """Changes from one time on (inclusive) to another (exclusive)."""

    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None
    limit: int = Field(50, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=MAX_CURSOR)


class UptimeQuery(Filters):
    """days: today and those before it."""

    days: int = Field(30, ge=1, le=90)


@router.get(
    "",
    dependencies=[needs(Scope.DEVICES_READ)],
    summary="Devices and their health",
    responses=answers(
        Page[DeviceView],
        "A page of devices, by site and id",
        example=Page(items=(examples.DEVICE,), next=None),
        problems=(BadCursor, *PROBLEMS),
    ),
)
async def every(
    api: ApiDep, principal: PrincipalDep, query: Annotated[DeviceQuery, Query()]
) -> Response:
    """Recorders, cameras and services of a site, or of all: health, breaker, next poll."""
    sites = in_scope(api.configuration, principal, query.site_id)
    return reply(await service.every(api, sites, query.filters(), query.cursor, query.limit))


@router.get(
    "/{site_id}/{device_id}",
    dependencies=[needs(Scope.DEVICES_READ)],
    summary="One device",
    responses=answers(
        DeviceDetail, "The device", example=examples.DEVICE_DETAIL, problems=PROBLEMS
    ),
)
async def by_id(
    api: ApiDep,
    principal: PrincipalDep,
    site_id: AnyId,
    device_id: AnyId,
    _: Annotated[Filters, Query()],
) -> Response:
    """A device's health and breaker, what its newest polls said, its parent and its children."""
    in_scope(api.configuration, principal, site_id)
    return reply(await service.by_id(api, site_id, device_id))


@router.get(
    "/{site_id}/{device_id}/history",
    dependencies=[needs(Scope.DEVICES_READ)],
    summary="Changes of a device's health",
    responses=answers(
        Page[ChangeView],
        "A page of changes, the newest first",
        example=Page(items=(examples.DEVICE_CHANGE,), next=None),
        problems=(BadCursor, *PROBLEMS),
    ),
)
async def history(
    api: ApiDep,
    principal: PrincipalDep,
    site_id: AnyId,
    device_id: AnyId,
    query: Annotated[HistoryQuery, Query()],
) -> Response:
    """When a device became normal, suspect and critical, and by which error."""
    in_scope(api.configuration, principal, site_id)
    span = (query.from_, query.to)
    return reply(await service.history(api, site_id, device_id, span, query.cursor, query.limit))


@router.get(
    "/{site_id}/{device_id}/uptime",
    dependencies=[needs(Scope.DEVICES_READ)],
    summary="How long a device was up",
    responses=answers(
        UptimeView,
        "Each day in the site's timezone, and all of them",
        example=examples.UPTIME,
        problems=PROBLEMS,
    ),
)
async def uptime(
    api: ApiDep,
    principal: PrincipalDep,
    site_id: AnyId,
    device_id: AnyId,
    query: Annotated[UptimeQuery, Query()],
) -> Response:
    """The share of each day that it was up, and the mean times to detect and to repair.

    Down is from a critical verdict to the next answer. A suspect device is up, and its seconds are
    told apart. Time before the first poll, or after the last one where polling has stopped, is
    unknown and counts neither way.
    """
    in_scope(api.configuration, principal, site_id)
    return reply(await service.uptime(api, site_id, device_id, query.days))
