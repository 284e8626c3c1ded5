"""`/v1/sites`."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.body import convert, parse, read
from api.context import ApiDep
from api.document.examples import SAVED
from api.document.schemas import SavedView
from api.openapi import answers, reply, request_body
from api.problems import (
    BodyTooLarge,
    Conflict,
    DatabaseUnavailable,
    FieldError,
    Invalid,
    MalformedBody,
    NotFound,
    NotReady,
)
from api.query import AnyId, Filters
from api.site import service
from api.site.schemas import SiteBody, SiteView

__all__ = ["router"]

router = APIRouter(prefix="/v1/sites", tags=["sites"])

MAX_BYTES: Final = 16_384


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


@router.post(
    "",
    # One that is bound to sites has none that are not there yet.
    dependencies=[needs(Scope.CONFIG_WRITE), service.EVERY_SITE],
    summary="Make a site",
    status_code=201,
    openapi_extra=request_body(SiteBody, examples={"a site": examples.SITE_BODY}),
    responses=answers(
        SavedView,
        "Its document is saved; cameras and zones are put into that",
        example=SAVED,
        status=201,
        problems=(
            MalformedBody,
            BodyTooLarge,
            Invalid,
            Conflict,
            NotReady,
            DatabaseUnavailable,
        ),
    ),
)
async def add(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """A site with nothing in it, and a document to put cameras, zones and devices into."""
    service.require_loaded(api.configuration)
    body = convert(parse(await read(request, limit=MAX_BYTES)), SiteBody)
    given = {name: one for name, one in msgspec.structs.asdict(body).items() if one is not None}
    try:
        saved = await api.documents.create(body.site_id, given, principal.name)
    except Invalid as error:
        # Its places are those of the document that was made of the body.
        raise Invalid([_in_body(one) for one in error.document.errors or ()]) from None
    return reply(saved, status=201, headers={"Location": f"/v1/sites/{body.site_id}"})


def _in_body(error: FieldError) -> FieldError:
    return msgspec.structs.replace(
        error, field=error.field.replace("body.document.sites[0]", "body")
    )


@router.get(
    "/{site_id}",
    dependencies=[needs(Scope.CONFIG_READ)],
    summary="One site",
    responses=answers(SiteView, "The site", example=examples.SITE, problems=(NotFound, NotReady)),
)
async def by_id(api: ApiDep, principal: PrincipalDep, site_id: AnyId) -> Response:
    """One site."""
    return reply(service.by_id(api.configuration, principal, site_id))
