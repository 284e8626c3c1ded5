"""`/v1/events`, and `POST /v1/events/cv`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import Field

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.body import parse, read
from api.context import ApiDep
from api.event import service
from api.event.schemas import (
    Accepted,
    Answer,
    CvEvent,
    EventView,
    SnapshotView,
    VendorTaken,
)
from api.event.vendors.place import Named
from api.event.vendors.reading import (
    Taken,
    is_json,
    is_vendor_json,
    limit_of,
    messages,
    of_json,
    require_taken,
)
from api.idempotency.front import who
from api.idempotency.service import fingerprint, name_of
from api.openapi import answers, declared, described, reply, request_body
from api.paging import Page
from api.picture import PICTURE, picture
from api.problems import (
    BadCursor,
    BodyTimeout,
    BodyTooLarge,
    BrokerUnavailable,
    DatabaseUnavailable,
    Invalid,
    KeyReused,
    MalformedBody,
    NotFound,
    Problem,
    SiteAmbiguous,
    UnsupportedMediaType,
)
from api.query import PRINTABLE, AnyId, Filters, Id, Instant, PageQuery, SiteQuery, Word
from api.site.service import in_scope
from schemas.decision import Result

__all__ = ["router"]

router = APIRouter(prefix="/v1/events", tags=["events"])

CLIENT_GONE: Final = 499

VENDOR_TAKEN: Final = declared(
    "VendorTaken",
    {
        "title": "VendorTaken",
        "description": VendorTaken.__doc__,
        "type": "object",
        "properties": {
            "events": {"type": "array", "items": described((Answer, Accepted))},
            "heartbeats": {"type": "integer"},
            "ended": {"type": "integer"},
        },
        "required": ["events", "heartbeats", "ended"],
    },
)


class EventQuery(PageQuery):
    """Which events. since, until: event time, RFC 3339, half open."""

    camera_id: Id | None = None
    zone_id: Id | None = None
    type: Annotated[Word, Field(max_length=63)] | None = None
    result: Result | None = None
    reason: Annotated[Word, Field(max_length=63)] | None = None
    alert_id: Word | None = None
    since: Instant | None = None
    until: Instant | None = None

    def filters(self) -> dict[str, Any]:
        """What the repository filters by."""
        return self.model_dump(exclude={"site_id", "limit", "cursor"}, exclude_none=True)


class CvQuery(Filters):
    """Whose event a device's own message is; our own JSON says it in its body."""

    site_id: Id | None = None
    camera_id: Id | None = None
    zone_id: Id | None = None
    device_id: Id | None = None


@router.get(
    "",
    dependencies=[needs(Scope.EVENTS_READ)],
    summary="Events, the newest first",
    responses=answers(
        Page[EventView],
        "A page of events with their decisions",
        example=Page(items=(examples.EVENT,), next=None),
        problems=(BadCursor, NotFound, DatabaseUnavailable),
    ),
)
async def every(
    api: ApiDep, principal: PrincipalDep, query: Annotated[EventQuery, Query()]
) -> Response:
    """Events of a site, or of all, by event time."""
    sites = in_scope(api.configuration, principal, query.site_id)
    return reply(await service.every(api, sites, query.filters(), query.cursor, query.limit))


@contextlib.asynccontextmanager
async def _gone(request: Request) -> AsyncIterator[asyncio.Future[None]]:
    """Done when the client has left; the body must have been read."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    task = asyncio.create_task(watch())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@router.post(
    "/cv",
    dependencies=[needs(Scope.EVENTS_WRITE)],
    summary="Post an event and get its decision",
    openapi_extra=request_body(CvEvent, examples=examples.CV_EVENTS),
    responses=answers(
        described((Answer, VENDOR_TAKEN)),
        "The decision. The same event again gets the same answer. For a device's own message that "
        "is not exactly one event: what came of each",
        example=examples.ANSWER,
        more=answers(
            Accepted,
            "The event is safe; its decision was not there within 10 s. `Location` will have it",
            example=examples.ACCEPTED,
            status=202,
        ),
        problems=(
            MalformedBody,
            NotFound,
            BodyTimeout,
            SiteAmbiguous,
            BodyTooLarge,
            UnsupportedMediaType,
            Invalid,
            KeyReused,
            BrokerUnavailable,
        ),
    ),
)
async def post_cv(
    request: Request,
    api: ApiDep,
    principal: PrincipalDep,
    query: Annotated[CvQuery, Query()],
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=200, pattern=PRINTABLE)
    ] = None,
) -> Response:
    """Take an event of a camera's or a recorder's own analytics, and answer with its decision.

    Our own JSON, or what devices send by themselves: Hikvision's EventNotificationAlert (XML, JSON,
    or multipart with pictures), Dahua's and Intelbras' JSON and event manager lines. Such a device
    says no site and no zone: put `?site_id=…&camera_id=…&zone_id=…` into the address that it posts
    to, or let its camera be found by name, address and channel. Heartbeats are only counted. An
    alarm input (a door contact) is its device's, told as `alarm_input_N` and ended when it is over:
    put `?site_id=…&device_id=…`, or a zone whose schedule says when it matters.

    The same event is told by `Idempotency-Key` (with another body it is refused), else by
    `event_id`, else by a hash of the body, each within its site; a body that has neither an id nor
    `timestamp_utc` is a new event each time. The site is `site_id`, or the only one that has the
    zone (or device).

    A device that knows HTTP Basic alone sends a service token as its password.
    """
    kind = request.headers.get("content-type")
    try:
        body = await read(request, limit=limit_of(kind), require=require_taken)
        if idempotency_key is not None:
            # Its id follows from the key, so that it needs no memory to be the same event.
            path = request.url.path
            name = name_of(await who(request), request.method, path, idempotency_key)
            asked = fingerprint(body)
            api.keys.check(name, asked)
        raw = parse(body) if is_json(kind) else None
        vendors = raw is None or is_vendor_json(raw)
        taken = None
        if vendors:
            taken = messages(body, kind) if raw is None else Taken(tuple(of_json(raw)))
        async with _gone(request) as gone:
            answer: Accepted | VendorTaken | Answer | None
            if taken is None:
                assert raw is not None
                answer = await service.submit(api, principal, raw, idempotency_key, gone)
            else:
                named = Named(query.site_id, query.camera_id, query.zone_id, query.device_id)
                answer = await service.submit_vendor(
                    api, principal, taken, named, idempotency_key, gone
                )
    except Problem as problem:
        api.metrics.refused.labels(problem.code).inc()
        raise
    if idempotency_key is not None:
        api.keys.remember(name, asked)
    if answer is None:
        # Nobody reads this; the status is for the log of a proxy in front.
        return Response(status_code=CLIENT_GONE)
    if isinstance(answer, Accepted):
        headers = {"Location": answer.location, "Retry-After": "2"}
        return reply(answer, status=202, headers=headers)
    return reply(answer)


@router.get(
    "/{event_id}",
    dependencies=[needs(Scope.EVENTS_READ)],
    summary="One event and its decision",
    responses=answers(
        EventView,
        "The event; `result` is null until it is decided",
        example=examples.EVENT,
        problems=(NotFound, DatabaseUnavailable),
    ),
)
async def by_id(
    api: ApiDep, principal: PrincipalDep, event_id: AnyId, query: Annotated[SiteQuery, Query()]
) -> Response:
    """One event, with what every stage said about it."""
    return reply(
        await service.by_id(api, in_scope(api.configuration, principal, query.site_id), event_id)
    )


@router.get(
    "/{event_id}/snapshots",
    dependencies=[needs(Scope.MEDIA_READ)],
    summary="An event's pictures",
    responses=answers(
        list[SnapshotView],
        "Up to seven, in order of time; those after the event follow when they exist",
        example=[examples.SNAPSHOT],
        problems=(NotFound, DatabaseUnavailable),
    ),
)
async def snapshots(
    api: ApiDep, principal: PrincipalDep, event_id: AnyId, query: Annotated[SiteQuery, Query()]
) -> Response:
    """Which pictures there are, and where."""
    sites = in_scope(api.configuration, principal, query.site_id)
    return reply(await service.snapshots(api, sites, event_id))


@router.get(
    "/{event_id}/snapshots/{position}",
    dependencies=[needs(Scope.MEDIA_READ)],
    summary="One picture of an event",
    response_class=Response,
    responses=PICTURE,
)
async def snapshot(
    request: Request,
    api: ApiDep,
    principal: PrincipalDep,
    event_id: AnyId,
    position: Annotated[int, Path(ge=-3, le=3)],
    query: Annotated[SiteQuery, Query()],
) -> Response:
    """The JPEG at that position: 0 is the frame that completed the evidence."""
    sites = in_scope(api.configuration, principal, query.site_id)
    row = await service.picture_row(api, sites, event_id, position)
    return await picture(request, api.blobs, row)
