"""Events: those of the archive, and those that are posted and wait for their decision."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from agents.runtime.emitter import EmitError
from api.account.identity import Principal
from api.body import convert
from api.correlation import carried
from api.database import Row
from api.event import repository
from api.event.flights import Flight
from api.event.intake import Fresh, check, event_key, find_site, occurred_at, to_event
from api.event.repository import EventKey
from api.event.schemas import (
    Accepted,
    Answer,
    CvEvent,
    EventView,
    SnapshotView,
    VendorTaken,
)
from api.event.vendors.message import State
from api.event.vendors.place import Named
from api.event.vendors.reading import Picture, Taken, to_cv
from api.paging import Cursor, Page, fingerprint
from api.problems import BrokerUnavailable, DatabaseUnavailable, NotFound
from api.site.service import visible
from schemas.frame import SnapshotMeta
from schemas.ids import snapshot_id
from topics.catalogue import EVENTS, SNAPSHOTS
from topics.record import OutRecord, make

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["by_id", "every", "picture_row", "snapshots", "submit", "submit_vendor"]

SOURCE = "watchfloor/api"
TIME_ALLOWED: Final = (
    "timestamp_utc: has to be at most 5 min ahead of this server's clock and at most 24 h behind it"
)


async def every(
    api: Api, sites: frozenset[str], filters: dict[str, Any], cursor: str | None, limit: int
) -> Page[EventView]:
    """A page of those sites' events, the newest first by event time. Raises BadCursor."""
    query = fingerprint("occurred_at", {**filters, "sites": sorted(sites)})
    after = None if cursor is None else Cursor.decode(cursor, EventKey, query)
    rows = await repository.page(api.database, sites, filters, after, limit + 1)
    items = tuple(_view(row) for row in rows[:limit])
    more = None
    if len(rows) > limit:
        last = items[-1]
        more = Cursor(query, EventKey(last.occurred_at, last.event_id)).encode()
    return Page(items=items, next=more)


async def by_id(api: Api, sites: frozenset[str], event_id: str) -> EventView:
    """One event of those sites. Raises NotFound."""
    row = await repository.event(api.database, sites, event_id)
    if row is None:
        raise NotFound("event", event_id, "One that was just taken is there in a moment.")
    return _view(row)


def _view(row: Row) -> EventView:
    return msgspec.convert(row, EventView)


async def snapshots(api: Api, sites: frozenset[str], event_id: str) -> list[SnapshotView]:
    """The pictures of an event, in order of time. Raises NotFound."""
    event = await by_id(api, sites, event_id)
    return [
        SnapshotView(
            position=row["position"],
            captured_at=row["captured_at"],
            width=row["width"],
            height=row["height"],
            url=f"/v1/events/{event_id}/snapshots/{row['position']}",
            box=event.box if row["position"] == 0 else None,
        )
        for row in await repository.snapshots(api.database, sites, event_id)
    ]


async def picture_row(api: Api, sites: frozenset[str], event_id: str, position: int | None) -> Row:
    """Where a picture of an event is. Raises NotFound where there is none yet."""
    row = await repository.snapshot(api.database, sites, event_id, position)
    if row is None:
        where = "" if position is None else f" at position {position}"
        raise NotFound("picture of event", event_id, f"None is there yet{where}.")
    return row


async def submit(
    api: Api,
    principal: Principal,
    raw: Mapping[str, Any],
    idempotency_key: str | None,
    gone: asyncio.Future[None],
) -> Answer | Accepted | None:
    """Take a posted event, and its decision when that comes in time; None for a client that left.

    1. Shape, site and id; nothing is produced for what is wrong.
    2. An answer that is known already is given again.
    3. The flight is joined before anything is produced, so that no decision can pass unseen.
    4. The event is confirmed by the broker: only from here on it is accepted.
    5. The decision, or 202 when the time is over.
    """
    return await _submit(api, principal, convert(raw, CvEvent), raw, idempotency_key, gone)


async def submit_vendor(
    api: Api,
    principal: Principal,
    taken: Taken,
    named: Named,
    idempotency_key: str | None,
    gone: asyncio.Future[None],
) -> Answer | Accepted | VendorTaken | None:
    """Take a device's own messages: each event as if it had been posted, heartbeats counted.

    Pictures go to the first event's snapshots, the first one as the frame that shows it. Raises
    what `submit` raises; where one of several events cannot be placed, none is taken.
    """
    sites = visible(api.configuration, principal)
    heartbeats = sum(one.state is State.HEARTBEAT for one in taken.messages)
    api.metrics.heartbeats.inc(heartbeats)
    told = [one for one in taken.messages if one.state is not State.HEARTBEAT]
    events = [to_cv(one, named, sites) for one in told]
    answers: list[Answer | Accepted] = []
    pictures = taken.pictures
    for number, event in enumerate(events):
        if event is None:
            continue
        key = idempotency_key
        if key is not None and number:
            key = f"{key}/{number}"
        # Without a time of its own it has no id either: an event each time.
        answer = await _submit(api, principal, event, {}, key, gone, pictures)
        pictures = ()
        if answer is None:
            return None
        answers.append(answer)
    if len(answers) == 1 and len(taken.messages) == 1:
        return answers[0]
    return VendorTaken(
        events=tuple(answers), heartbeats=heartbeats, ended=sum(event is None for event in events)
    )


async def _submit(
    api: Api,
    principal: Principal,
    event: CvEvent,
    raw: Mapping[str, Any],
    idempotency_key: str | None,
    gone: asyncio.Future[None],
    pictures: Sequence[Picture] = (),
) -> Answer | Accepted | None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    check(event)  # 1
    site = find_site(event, visible(api.configuration, principal))
    at = occurred_at(event, api.now())
    try:
        event_id = event_key(site, event, raw, idempotency_key)
    except Fresh:
        event_id = str(uuid.uuid4())
    api.metrics.posted.labels(site).inc()
    key = (site, event_id)
    if (known := api.flights.recent(key)) is not None:  # 2
        return explained(known)
    shots = _snapshots(event, event_id, site, at, pictures)
    record = make(
        EVENTS,
        to_event(event, event_id=event_id, site=site, at=at, snapshots=len(shots)),
        id=event_id,
        time=at,
        source=SOURCE,
        key=site,
    )

    async def send() -> Answer | None:
        if (decided := await _decided_before(api, site, event_id)) is not None:
            return decided
        await api.emitter.emit([carried(one) for one in (*shots, record)])
        return None

    with api.flights.join(key, send) as flight:  # 3
        await _taken(flight, gone)  # 4
        waited: set[asyncio.Future[Any]] = {flight.answer, gone}
        await asyncio.wait(
            waited,
            timeout=max(0.0, begun + api.decision_wait_s - loop.time()),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if flight.answer.done():  # 5
            answer = flight.answer.result()
            if flight.first():
                api.metrics.seconds.observe(loop.time() - begun)
            return explained(answer)
    if gone.done():
        return None
    return Accepted(event_id=event_id, site_id=site, location=f"/v1/events/{event_id}")


def explained(answer: Answer) -> Answer:
    """The answer; a time that was refused is named, with what is allowed."""
    if answer.reason != "timestamp_out_of_range":
        return answer
    return replace(answer, detail=TIME_ALLOWED)


def _snapshots(
    event: CvEvent, event_id: str, site: str, at: datetime, pictures: Sequence[Picture]
) -> list[OutRecord]:
    """An event's pictures as records: the first is the frame that shows it, the others follow."""
    camera = event.camera_id or event.device_id
    if camera is None:
        return []
    return [
        make(
            SNAPSHOTS,
            SnapshotMeta(
                event_id=event_id,
                site_id=site,
                camera_id=camera,
                captured_at=at,
                position=position,
                width=one.width,
                height=one.height,
            ),
            id=snapshot_id(site, event_id, position),
            time=at,
            source=SOURCE,
            key=f"{site}/{camera}",
            subject=event_id,
            payload=one.data,
        )
        for position, one in enumerate(pictures)
    ]


async def _taken(flight: Flight, gone: asyncio.Future[None]) -> None:
    """Return when the event is safe, or nobody waits. Raises BrokerUnavailable."""
    waited: set[asyncio.Future[None]] = {flight.taken, gone}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if flight.taken.done():
        try:
            flight.taken.result()
        except (EmitError, TimeoutError) as error:
            raise BrokerUnavailable from error


async def _decided_before(api: Api, site: str, event_id: str) -> Answer | None:
    """The first answer to the same event, from the archive; decide knows it for a day as well."""
    if not api.monitor.database_ok:
        return None
    try:
        row = await repository.decision(api.database, {site}, event_id)
    except DatabaseUnavailable:
        # Accepting an event does not wait for the database.
        return None
    return None if row is None else msgspec.convert(row, Answer)
