"""`/v1/zones`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.context import ApiDep
from api.openapi import answers, reply
from api.problems import NotFound, NotReady
from api.query import Id, SiteQuery
from api.site.service import in_scope
from api.zone import service
from api.zone.schemas import ZoneView

__all__ = ["router"]

router = APIRouter(prefix="/v1/zones", tags=["zones"])


class ZoneQuery(SiteQuery):
    """Zones of a site, of a camera."""

    camera_id: Id | None = None


@router.get(
    "",
    dependencies=[needs(Scope.CONFIG_READ)],
    summary="Zones and their policies",
    responses=answers(
        list[ZoneView], "The zones", example=[examples.ZONE], problems=(NotFound, NotReady)
    ),
)
async def every(
    api: ApiDep, principal: PrincipalDep, query: Annotated[ZoneQuery, Query()]
) -> Response:
    """The zones of a site, or of all, as the roles work by them now."""
    sites = in_scope(api.configuration, principal, query.site_id)
    return reply(service.every(api.configuration, sites, query.camera_id))
