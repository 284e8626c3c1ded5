"""`/v1/sites`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.context import ApiDep
from api.openapi import answers, reply
from api.problems import NotFound, NotReady
from api.query import AnyId, Filters
from api.site import service
from api.site.schemas import SiteView

__all__ = ["router"]

router = APIRouter(prefix="/v1/sites", tags=["sites"])


@router.get(
    "",
    dependencies=[needs(Scope.CONFIG_READ)],
    summary="All sites",
    responses=answers(list[SiteView], "The sites", example=[examples.SITE], problems=(NotReady,)),
)
async def every(api: ApiDep, principal: PrincipalDep, _: Annotated[Filters, Query()]) -> Response:
    """Every site that is configured, by id."""
    sites = service.in_scope(api.configuration, principal, None)
    return reply(service.every(api.configuration, sites))


@router.get(
    "/{site_id}",
    dependencies=[needs(Scope.CONFIG_READ)],
    summary="One site",
    responses=answers(SiteView, "The site", example=examples.SITE, problems=(NotFound, NotReady)),
)
async def by_id(api: ApiDep, principal: PrincipalDep, site_id: AnyId) -> Response:
    """One site."""
    return reply(service.by_id(api.configuration, principal, site_id))
