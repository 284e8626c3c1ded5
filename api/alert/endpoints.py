"""`/v1/alerts`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.alert import commands, procedure, service
from api.alert.commands import wait_of
from api.alert.examples import PROCEDURE, STEP_ID
from api.alert.repository import Sort
from api.alert.schemas import (
    ActivityView,
    AlertView,
    BulkBody,
    CommandBody,
    CommandTaken,
    HandoverBody,
    HandoverView,
    ProcedureView,
)
from api.body import parse, read
from api.context import ApiDep
from api.openapi import answers, reply, request_body
from api.paging import Page
from api.picture import PICTURE, picture
from api.problems import (
    BadCursor,
    BrokerUnavailable,
    DatabaseUnavailable,
    Invalid,
    NotFound,
    Overloaded,
)
from api.query import PRINTABLE, AnyId, Id, PageQuery, SiteQuery, Word
from api.site.service import in_scope
from schemas.alert import AlertState
from schemas.base import Severity

__all__ = ["notes", "router"]

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

MAX_COMMAND_BYTES = 65_536
MAX_BULK_BYTES = 262_144


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
    dependencies=[needs(Scope.ALERTS_READ)],
    summary="Alerts, ranked",
    responses=answers(
        Page[AlertView],
        "A page of alerts",
        example=Page(items=(examples.ALERT,), next=None),
        problems=(BadCursor, NotFound, DatabaseUnavailable),
    ),
)
async def every(
    api: ApiDep, principal: PrincipalDep, query: Annotated[AlertQuery, Query()]
) -> Response:
    """Alerts of a site, or of all: by rank, or the newest first."""
    sites = in_scope(api.configuration, principal, query.site_id)
    return reply(
        await api.pages.page(api, sites, query.filters(), query.sort, query.cursor, query.limit)
    )


@router.get(
    "/{alert_id}",
    dependencies=[needs(Scope.ALERTS_READ)],
    summary="One alert",
    responses=answers(
        AlertView, "The alert", example=examples.ALERT, problems=(NotFound, DatabaseUnavailable)
    ),
)
async def by_id(
    api: ApiDep, principal: PrincipalDep, alert_id: AnyId, query: Annotated[SiteQuery, Query()]
) -> Response:
    """An alert's whole state, with the parts of its rank."""
    return reply(
        await service.by_id(api, in_scope(api.configuration, principal, query.site_id), alert_id)
    )


@router.get(
    "/{alert_id}/activity",
    dependencies=[needs(Scope.ALERTS_READ)],
    summary="An alert's history",
    responses=answers(
        Page[ActivityView],
        "Who did what and when, oldest first",
        example=Page(items=(examples.ACTIVITY,), next=None),
        problems=(BadCursor, NotFound, DatabaseUnavailable),
    ),
)
async def activity(
    api: ApiDep, principal: PrincipalDep, alert_id: AnyId, query: Annotated[PageQuery, Query()]
) -> Response:
    """What happened to an alert."""
    sites = in_scope(api.configuration, principal, query.site_id)
    return reply(await service.activity(api, sites, alert_id, query.cursor, query.limit))


@router.get(
    "/{alert_id}/procedure",
    dependencies=[needs(Scope.ALERTS_READ)],
    summary="What is to be done at an alert",
    responses=answers(
        ProcedureView,
        "The steps, and who did which",
        example=PROCEDURE,
        problems=(NotFound, DatabaseUnavailable),
    ),
)
async def steps(
    api: ApiDep, principal: PrincipalDep, alert_id: AnyId, query: Annotated[SiteQuery, Query()]
) -> Response:
    """The steps of its zone, and of those of the alerts that it leads, by the site's document now.

    A `step` command says that one was done. What was done is in the alert itself, too.
    """
    sites = in_scope(api.configuration, principal, query.site_id)
    return reply(await procedure.procedure(api, sites, alert_id))


@router.get(
    "/{alert_id}/snapshot",
    dependencies=[needs(Scope.MEDIA_READ)],
    summary="An alert's best picture",
    response_class=Response,
    responses=PICTURE,
)
async def snapshot(
    request: Request,
    api: ApiDep,
    principal: PrincipalDep,
    alert_id: AnyId,
    query: Annotated[PictureQuery, Query()],
) -> Response:
    """The JPEG that shows the alert best; 404 until there is one."""
    sites = in_scope(api.configuration, principal, query.site_id)
    row = await service.picture_row(api, sites, alert_id, query.position)
    return await picture(request, api.blobs, row)


class WaitQuery(SiteQuery):
    """wait: how long to wait for the outcome, `5s`; at most 30s, and none without it."""

    wait: str | None = Field(None, max_length=20)


Key = Annotated[str | None, Header(min_length=1, max_length=200, pattern=PRINTABLE)]
COMMANDS = examples.COMMANDS | {"step": {"kind": "step", "step": STEP_ID, "done": True}}
PROBLEMS = (NotFound, Invalid, Overloaded, BrokerUnavailable, DatabaseUnavailable)
DONE = answers(CommandTaken, "Every outcome is here", example=examples.COMMAND)


def _taken(taken: CommandTaken) -> Response:
    """200 with every outcome, 202 while some are still to come."""
    headers = {"Location": taken.location}
    return reply(taken, status=200 if taken.done else 202, headers=headers)


@router.post(
    "/commands",
    dependencies=[needs(Scope.ALERTS_ACT)],
    summary="Ask the same of many alerts",
    status_code=202,
    openapi_extra=request_body(BulkBody, examples=examples.BULK),
    responses=answers(
        CommandTaken,
        "The command is on its way; 200 with every outcome where `wait` was long enough",
        example=examples.COMMAND,
        status=202,
        more=DONE,
        problems=PROBLEMS,
    ),
)
async def bulk(
    request: Request,
    api: ApiDep,
    principal: PrincipalDep,
    query: Annotated[WaitQuery, Query()],
    idempotency_key: Key = None,
) -> Response:
    """Acknowledge, assign, snooze, escalate, resolve, reopen or comment up to 1000 alerts at once.

    Each alert has an outcome of its own: what one refuses does not hold the others up.
    """
    wait = wait_of(query.wait)
    raw = parse(await read(request, limit=MAX_BULK_BYTES))
    sites = in_scope(api.configuration, principal, query.site_id)
    return _taken(
        await commands.ask_many(
            api, principal, sites, raw, wait=wait, idempotency_key=idempotency_key
        )
    )


@router.post(
    "/{alert_id}/commands",
    dependencies=[needs(Scope.ALERTS_ACT)],
    summary="Acknowledge, assign, snooze, escalate, resolve, reopen, comment, merge, split, step",
    status_code=202,
    openapi_extra=request_body(CommandBody, examples=COMMANDS),
    responses=answers(
        CommandTaken,
        "The command is on its way; what became of it is in the alert's activity, and here (200) "
        "where `wait` was long enough",
        example=examples.COMMAND,
        status=202,
        more=DONE,
        problems=PROBLEMS,
    ),
)
async def command(
    request: Request,
    api: ApiDep,
    principal: PrincipalDep,
    alert_id: AnyId,
    query: Annotated[WaitQuery, Query()],
    idempotency_key: Key = None,
) -> Response:
    """Send what an analyst asks for; a command that makes no sense is refused in the activity.

    Two who ask at once get one outcome, and both are told. What is asked of the alert that leads an
    incident is asked of all of it.
    """
    wait = wait_of(query.wait)
    raw = parse(await read(request, limit=MAX_COMMAND_BYTES))
    sites = in_scope(api.configuration, principal, query.site_id)
    return _taken(
        await commands.ask(
            api, principal, sites, alert_id, raw, wait=wait, idempotency_key=idempotency_key
        )
    )


notes = APIRouter(prefix="/v1/handovers", tags=["alerts"])


@notes.get(
    "",
    dependencies=[needs(Scope.ALERTS_READ)],
    summary="Notes from one shift to the next",
    responses=answers(
        Page[HandoverView],
        "A page of notes, the newest first",
        example=Page(items=(examples.HANDOVER,), next=None),
        problems=(BadCursor, NotFound, DatabaseUnavailable),
    ),
)
async def handovers(
    api: ApiDep, principal: PrincipalDep, query: Annotated[PageQuery, Query()]
) -> Response:
    """What was left for the next shift, of a site or of all."""
    sites = in_scope(api.configuration, principal, query.site_id)
    return reply(await commands.handovers(api, sites, query.cursor, query.limit))


@notes.post(
    "",
    dependencies=[needs(Scope.ALERTS_ACT)],
    summary="Leave a note for the next shift",
    status_code=202,
    openapi_extra=request_body(HandoverBody, examples=examples.HANDOVERS),
    responses=answers(
        CommandTaken,
        "The note is on its way, or (200) there, where `wait` was long enough",
        example=examples.COMMAND,
        status=202,
        more=DONE,
        problems=PROBLEMS,
    ),
)
async def leave(
    request: Request,
    api: ApiDep,
    principal: PrincipalDep,
    query: Annotated[WaitQuery, Query()],
    idempotency_key: Key = None,
) -> Response:
    """Leave a note at a site, and at the alerts that it is about."""
    wait = wait_of(query.wait)
    raw = parse(await read(request, limit=MAX_COMMAND_BYTES))
    sites = in_scope(api.configuration, principal, query.site_id)
    return _taken(
        await commands.leave_note(
            api, principal, sites, raw, wait=wait, idempotency_key=idempotency_key
        )
    )
