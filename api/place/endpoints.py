"""`/v1/places`, and the pictures of plans."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from api.account.identity import PrincipalDep, Scope, needs
from api.body import read
from api.context import ApiDep
from api.openapi import answers, reply
from api.place import service
from api.place.examples import IMAGE, PLACES
from api.place.image import MAX_BYTES, TYPES
from api.place.schemas import PlacesView, PlanImage
from api.problems import (
    BodyTimeout,
    BodyTooLarge,
    DatabaseUnavailable,
    Invalid,
    NotFound,
    NotReady,
    UnsupportedMediaType,
)
from api.query import AnyId, Filters, SiteQuery
from api.site.service import in_scope

__all__ = ["router"]

router = APIRouter(tags=["places"])

PROBLEMS: Final = (NotFound, NotReady, DatabaseUnavailable)
UPLOAD_S: Final = 60.0
PICTURE: Final[dict[str, Any]] = {
    kind: {"schema": {"type": "string", "format": "binary"}} for kind in TYPES
}


@router.get(
    "/v1/places",
    dependencies=[needs(Scope.DEVICES_READ)],
    summary="Where cameras and devices are",
    responses=answers(PlacesView, "Plans, and what has a place", example=PLACES, problems=PROBLEMS),
)
async def places(
    api: ApiDep, principal: PrincipalDep, query: Annotated[SiteQuery, Query()]
) -> Response:
    """Positions on earth and on the plans of a site, or of all, as the documents say."""
    return reply(await service.places(api, in_scope(api.configuration, principal, query.site_id)))


def _require(content_type: str | None) -> None:
    if _kind(content_type) not in TYPES:
        raise UnsupportedMediaType(
            f"Send the picture with Content-Type: {', '.join(TYPES)}. SVG is not taken."
        )


def _kind(content_type: str | None) -> str:
    return (content_type or "").split(";", 1)[0].strip().lower()


IMAGE_PATH: Final = "/v1/sites/{site_id}/plans/{plan_id}/image"


@router.get(
    IMAGE_PATH,
    dependencies=[needs(Scope.MEDIA_READ)],
    summary="The picture of a plan",
    response_class=Response,
    responses={
        **answers(PlanImage, "The picture", problems=PROBLEMS),
        200: {"description": "The picture", "content": PICTURE},
        304: {"description": "The picture is the one that the client has (If-None-Match)"},
    },
)
async def image(
    request: Request,
    api: ApiDep,
    principal: PrincipalDep,
    site_id: AnyId,
    plan_id: AnyId,
    _: Annotated[Filters, Query()],
) -> Response:
    """A PNG, JPEG or WebP that this server has written."""
    in_scope(api.configuration, principal, site_id)
    known = [tag.strip(' "') for tag in request.headers.get("if-none-match", "").split(",")][:20]
    row = await service.image(api, site_id, plan_id, known)
    headers = {"ETag": f'"{row["sha256"]}"', "Cache-Control": "private, no-cache"}
    if row["data"] is None:
        return Response(status_code=304, headers=headers)
    return Response(bytes(row["data"]), media_type=row["content_type"], headers=headers)


@router.put(
    IMAGE_PATH,
    dependencies=[needs(Scope.CONFIG_WRITE)],
    summary="Upload the picture of a plan",
    openapi_extra={"requestBody": {"required": True, "content": PICTURE}},
    responses=answers(
        PlanImage,
        "The picture as it is kept",
        example=IMAGE,
        problems=(*PROBLEMS, Invalid, BodyTooLarge, BodyTimeout, UnsupportedMediaType),
    ),
)
async def put(
    request: Request,
    api: ApiDep,
    principal: PrincipalDep,
    site_id: AnyId,
    plan_id: AnyId,
    _: Annotated[Filters, Query()],
) -> Response:
    """PNG, JPEG or WebP, at most 8 MiB and 16 million pixels, for a plan that the document has.

    It is decoded and written anew: what else is in the file is gone. SVG is refused, for it is a
    program.
    """
    in_scope(api.configuration, principal, site_id)
    data = await read(request, limit=MAX_BYTES, seconds=UPLOAD_S, require=_require)
    kind = _kind(request.headers.get("content-type"))
    return reply(await service.put_image(api, site_id, plan_id, data, kind))


@router.delete(
    IMAGE_PATH,
    dependencies=[needs(Scope.CONFIG_WRITE)],
    summary="Take the picture of a plan away",
    status_code=204,
    response_class=Response,
    responses={
        status: told
        for status, told in answers(PlanImage, "", problems=PROBLEMS).items()
        if status != 200
    },
)
async def remove(
    api: ApiDep,
    principal: PrincipalDep,
    site_id: AnyId,
    plan_id: AnyId,
    _: Annotated[Filters, Query()],
) -> Response:
    """The plan stays in the document, without a picture."""
    in_scope(api.configuration, principal, site_id)
    await service.remove_image(api, site_id, plan_id)
    return Response(status_code=204)
