"""`/v1/alerts`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import examples
from api.alert import service
from api.alert.repository import Sort
from api.alert.schemas import ActivityView, AlertView, CommandBody, CommandTaken
from api.body import parse, read
from api.context import ApiDep
from api.openapi import answers, reply, request_body
from api.paging import Page
from api.picture import PICTURE, picture
from api.problems import BadCursor, BrokerUnavailable, DatabaseUnavailable, Invalid, NotFound
from api.query import AnyId, Id, PageQuery, SiteQuery, Word
from api.site.service import in_scope
from schemas.alert import AlertState
from schemas.base import Severity

__all__ = ["router"]

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

MAX_COMMAND_BYTES = 16_384


class AlertQuery(PageQuery):
    """Which alerts, in which order. state and severity may be given several times."""

    sort: Sort = Sort.RANK
    state: list[AlertState] = Field([], max_length=3)
    severity: list[Severity] = Field([], max_length=5)
    camera_id: Id | None = None
    zone_id: Id | None = None
    device_id: Id | None = None
    type: Annotated[Word, Field(max_length=63)] | None = None
    min_rank: int | None = Field(None, ge=0, le=100)

    def filters(self) -> dict[str, Any]:
        """What the repository filters by."""
        found = self.model_dump(exclude={"site_id", "limit", "cursor", "sort"}, exclude_none=True)
        return {name: value for name, value in found.items() if value != []}


class PictureQuery(SiteQuery):
    """Which of the pictures; without a position the best one."""

    position: int | None = Field(None, ge=-3, le=3)


@router.get(
    "",
    summary="Alerts, ranked",
    responses=answers(
        Page[AlertView],
        "A page of alerts",
        example=Page(items=(examples.ALERT,), next=None),
        problems=(BadCursor, NotFound, DatabaseUnavailable),
    ),
)
async def every(api: ApiDep, query: Annotated[AlertQuery, Query()]) -> Response:
    """Alerts of a site, or of all: by rank, or the newest first."""
    sites = in_scope(api.configuration, query.site_id)
    return reply(
        await service.every(api, sites, query.filters(), query.sort, query.cursor, query.limit)
    )


@router.get(
    "/{alert_id}",
    summary="One alert",
    responses=answers(
        AlertView, "The alert", example=examples.ALERT, problems=(NotFound, DatabaseUnavailable)
    ),
)
async def by_id(api: ApiDep, alert_id: AnyId, query: Annotated[SiteQuery, Query()]) -> Response:
    """An alert's whole state, with the parts of its rank."""
    return reply(await service.by_id(api, in_scope(api.configuration, query.site_id), alert_id))


@router.get(
    "/{alert_id}/activity",
    summary="An alert's history",
    responses=answers(
        Page[ActivityView],
        "Who did what and when, oldest first",
        example=Page(items=(examples.ACTIVITY,), next=None),
        problems=(BadCursor, NotFound, DatabaseUnavailable),
    ),
)
async def activity(api: ApiDep, alert_id: AnyId, query: Annotated[PageQuery, Query()]) -> Response:
    """What happened to an alert."""
    sites = in_scope(api.configuration, query.site_id)
    return reply(await service.activity(api, sites, alert_id, query.cursor, query.limit))


@router.get(
    "/{alert_id}/snapshot",
    summary="An alert's best picture",
    response_class=Response,
    responses=PICTURE,
)
async def snapshot(
    request: Request,
    api: ApiDep,
    alert_id: AnyId,
    query: Annotated[PictureQuery, Query()],
) -> Response:
    """The JPEG that shows the alert best; 404 until there is one."""
    sites = in_scope(api.configuration, query.site_id)
    row = await service.picture_row(api, sites, alert_id, query.position)
    return await picture(request, api.blobs, row)


@router.post(
    "/{alert_id}/commands",
    summary="Acknowledge, assign, snooze, escalate, resolve, reopen, comment",
    status_code=202,
    openapi_extra=request_body(CommandBody, examples=examples.COMMANDS),
    responses=answers(
        CommandTaken,
        "The command is on its way; what became of it is in the alert's activity",
        example=examples.COMMAND,
        status=202,
        problems=(NotFound, Invalid, BrokerUnavailable),
    ),
)
async def command(
    request: Request, api: ApiDep, alert_id: AnyId, query: Annotated[SiteQuery, Query()]
) -> Response:
    """Send what an analyst asks for; a command that makes no sense is refused in the activity."""
    raw = parse(await read(request, limit=MAX_COMMAND_BYTES))
    taken = await service.command(api, in_scope(api.configuration, query.site_id), alert_id, raw)
    return reply(taken, status=202, headers={"Location": taken.location})
