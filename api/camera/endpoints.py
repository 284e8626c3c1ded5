"""`/v1/cameras`."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.camera import service
from api.camera.examples import NEWEST
from api.camera.schemas import CameraView, NewestPicture
from api.context import ApiDep
from api.openapi import answers, reply
from api.picture import PICTURE, picture
from api.problems import BlobUnavailable, DatabaseUnavailable, NotFound, NotReady, SiteAmbiguous
from api.query import AnyId, SiteQuery
from api.site.service import in_scope
from schemas.base import utc

__all__ = ["router"]

router = APIRouter(prefix="/v1/cameras", tags=["cameras"])

CAPTURED_AT: Final = "watchfloor-captured-at"
AGE: Final = "watchfloor-age"
SOURCE: Final = "watchfloor-source"

HEADERS: Final[dict[str, Any]] = {
    "Watchfloor-Captured-At": {
        "description": "When the camera saw it (RFC 3339)",
        "schema": {"type": "string", "format": "date-time"},
    },
    "Watchfloor-Age": {
        "description": "How many seconds old it is",
        "schema": {"type": "number"},
    },
    "Watchfloor-Source": {
        "description": "`live`: its newest frame. `event`: no frame came lately, and this is the "
        "newest picture of one of its events",
        "schema": {"type": "string", "enum": ["live", "event"]},
    },
}


@router.get(
    "",
    dependencies=[needs(Scope.DEVICES_READ)],
    summary="Cameras and whether they deliver frames",
    responses=answers(
        list[CameraView], "The cameras", example=[examples.CAMERA], problems=(NotFound, NotReady)
    ),
)
async def every(
    api: ApiDep, principal: PrincipalDep, query: Annotated[SiteQuery, Query()]
) -> Response:
    """The cameras of a site, or of all, with capture's newest word about each."""
    return reply(service.every(api.live, in_scope(api.configuration, principal, query.site_id)))


@router.get(
    "/pictures",
    dependencies=[needs(Scope.MEDIA_READ)],
    summary="Which pictures of cameras are the newest",
    responses=answers(
        list[NewestPicture],
        "The newest frames that came lately",
        example=[NEWEST],
        problems=(NotFound, NotReady),
    ),
)
async def pictures(
    api: ApiDep, principal: PrincipalDep, query: Annotated[SiteQuery, Query()]
) -> Response:
    """How old the newest picture of each camera is, so that a wall asks for new ones only.

    Frames are read while somebody asks, and a minute longer: the first answers may be empty.
    """
    return reply(service.pictures(api, in_scope(api.configuration, principal, query.site_id)))


@router.get(
    "/{camera_id}/snapshot",
    dependencies=[needs(Scope.MEDIA_READ)],
    summary="A camera's newest picture",
    response_class=Response,
    responses={
        **answers(
            NewestPicture,
            "The picture",
            problems=(NotFound, SiteAmbiguous, NotReady, DatabaseUnavailable, BlobUnavailable),
        ),
        200: {**PICTURE[200], "headers": HEADERS},
        304: PICTURE[304],
    },
)
async def snapshot(
    request: Request,
    api: ApiDep,
    principal: PrincipalDep,
    camera_id: AnyId,
    query: Annotated[SiteQuery, Query()],
) -> Response:
    """How the camera looks now: the newest frame that went to detect, which is at most 10 s old
    while it is connected.

    Where no frame came lately it is the newest picture of one of its events; the headers say which
    it is and how old. `site_id` is needed where several sites have a camera of that id.
    """
    sites = in_scope(api.configuration, principal, query.site_id)
    site_id = service.site_of(api.configuration, sites, camera_id)
    held = await service.newest(api, site_id, camera_id)
    if held is None:
        row = await service.archived(api, site_id, camera_id)
        found = await picture(request, api.blobs, row)
        age = max(0.0, (api.now() - row["captured_at"]).total_seconds())
        return _told(found, row["captured_at"], age, "event")
    tag = f'"{held.tag}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = tag in request.headers.get("if-none-match", "").split(", ")
    answer = (
        Response(status_code=304, headers=headers)
        if known
        else Response(held.jpeg, media_type="image/jpeg", headers=headers)
    )
    return _told(answer, held.meta.captured_at, service.age_of(held, api.now()), "live")


def _told(answer: Response, captured_at: datetime, age_s: float, source: str) -> Response:
    at = utc(captured_at)
    answer.headers[CAPTURED_AT] = at.isoformat().replace("+00:00", "Z")
    answer.headers[AGE] = f"{age_s:.3f}"
    answer.headers[SOURCE] = source
    answer.headers["last-modified"] = format_datetime(at.replace(microsecond=0), usegmt=True)
    return answer
