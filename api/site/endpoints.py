"""`/v1/sites`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
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
    summary="All sites",
    responses=answers(list[SiteView], "The sites", example=[examples.SITE], problems=(NotReady,)),
)
async def every(api: ApiDep, _: Annotated[Filters, Query()]) -> Response:
    """Every site that is configured, by id."""
    sites = service.in_scope(api.configuration, None)
    return reply(service.every(api.configuration, sites))


@router.get(
    "/{site_id}",
    summary="One site",
    responses=answers(SiteView, "The site", example=examples.SITE, problems=(NotFound, NotReady)),
)
async def by_id(api: ApiDep, site_id: AnyId) -> Response:
    """One site."""
    return reply(service.by_id(api.configuration, site_id))
