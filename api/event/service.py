"""Events: those of the archive, and those that are posted and wait for their decision."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from agents.runtime.emitter import EmitError
from api.body import convert
from api.database import Row
from api.event import repository
from api.event.flights import Flight
from api.event.intake import Fresh, check, event_key, find_site, occurred_at, to_event
from api.event.repository import EventKey
from api.event.schemas import Accepted, Answer, CvEvent, EventView, SnapshotView
from api.paging import Cursor, Page, fingerprint
from api.problems import BrokerUnavailable, DatabaseUnavailable, NotFound, NotReady
from topics.catalogue import EVENTS
from topics.record import make

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["by_id", "every", "picture_row", "snapshots", "submit"]

SOURCE = "watchfloor/api"


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
    loop = asyncio.get_running_loop()
    begun = loop.time()
    event = convert(raw, CvEvent)  # 1
    check(event)
    if not api.configuration.loaded.is_set():
        raise NotReady("The sites' configuration is still being read.")
    site = find_site(event, api.configuration.sites)
    at = occurred_at(event, api.now())
    try:
        event_id = event_key(site, event, raw, idempotency_key)
    except Fresh:
        event_id = str(uuid.uuid4())
    api.metrics.received.labels(site).inc()
    key = (site, event_id)
    if (known := api.flights.recent(key)) is not None:  # 2
        return known
    record = make(
        EVENTS,
        to_event(event, event_id=event_id, site=site, at=at),
        id=event_id,
        time=at,
        source=SOURCE,
        key=site,
    )

    async def send() -> Answer | None:
        if (decided := await _decided_before(api, site, event_id)) is not None:
            return decided
        await api.emitter.emit([record])
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
                api.metrics.answered(answer)
                api.metrics.seconds.observe(loop.time() - begun)
            return answer
    if gone.done():
        return None
    return Accepted(event_id=event_id, site_id=site, location=f"/v1/events/{event_id}")


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
