"""Documents by revision, and what they owe to Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.runtime.emitter import EmitError
from agents.runtime.follower import Follower
from infra.db.documents import ROUTING, history, publish, republish
from infra.db.errors import DatabaseError
from infra.db.migrate import drop, prepare
from infra.db.outbox import drain, drain_outbox, follow_outbox
from infra.db.pool import connect, make_pool, site_scope_sync
from infra.db.target import Role
from infra.settings import Settings
from schemas.base import decode
from schemas.document import (
    Camera,
    Channel,
    ConfigRecord,
    Device,
    Document,
    Receiver,
    Route,
    Routing,
    Site,
    Zone,
)
from topics.admin import delete_namespace, ensure
from topics.catalogue import ASSIGNMENTS, CONFIG
from topics.record import OutRecord

pytestmark = pytest.mark.postgres

NORTH = Site(
    site_id="north",
    name="North yard",
    timezone="Europe/Berlin",
    devices=(
        Device(device_id="nvr-1", kind="nvr", name="Recorder", address="10.0.0.2"),
        Device(device_id="dome", kind="camera", parent="nvr-1"),
    ),
    cameras=(Camera(camera_id="gate", nvr_id="nvr-1", stream="rtsp://10.0.0.3/1"),),
    zones=(Zone(zone_id="yard", camera_ids=("gate",), labels=("person",), dwell_sec=2.5),),
)
SOUTH = Site(site_id="south", cameras=(Camera(camera_id="gate", stream="sim:1"),))
ROUTE = Routing(
    route=Route(receiver="soc", group_wait=timedelta(seconds=30)),
    receivers=(Receiver(name="soc", channels=(Channel(kind="log"),)),),
)


class Broker:
    """Takes records, or refuses to confirm them, as a broker at the other end of `Emits` does."""

    def __init__(self) -> None:
        self.confirmed: list[OutRecord] = []
        self.away = False

    async def emit(self, records: Sequence[OutRecord]) -> None:
        if self.away:
            raise EmitError("away")
        self.confirmed.extend(records)

    def keys(self) -> list[tuple[str, str, bool]]:
        found = [(r.topic.name, (r.key or b"").decode(), r.value is None) for r in self.confirmed]
        self.confirmed.clear()
        return found


@pytest.fixture
def place(settings: Settings) -> Iterator[Settings]:
    """An empty schema."""
    here = settings.in_namespace("documents")
    prepare(here)
    yield here
    drop(here)


def rows(place: Settings, query: str, *sites: str) -> list[Any]:
    with connect(place, Role.API) as connection, site_scope_sync(connection, sites):
        return connection.execute(query.encode()).fetchall()


async def drained(place: Settings, broker: Broker) -> int:
    async with make_pool(place, Role.API, max_size=1) as pool, pool.connection() as connection:
        return await drain(connection, broker)


def test_a_site_becomes_rows(place: Settings) -> None:
    assert publish(place, Document(sites=(NORTH,)), "kim") == 1
    assert rows(place, "SELECT id, name, timezone, enabled, revision FROM site", "north") == [
        ("north", "North yard", "Europe/Berlin", True, 1)
    ]
    cameras = "SELECT id, nvr_id, name, status, stream FROM camera ORDER BY id"
    assert rows(place, cameras, "north") == [
        ("dome", "nvr-1", "dome", "unknown", None),
        ("gate", "nvr-1", "gate", "unknown", "rtsp://10.0.0.3/1"),
    ]
    assert rows(place, "SELECT id, name, status FROM nvr", "north") == [
        ("nvr-1", "Recorder", "unknown")
    ]
    ((zone, severity, cameras_of, body),) = rows(
        place, "SELECT zone_id, severity, camera_ids, body FROM zone", "north"
    )
    assert (zone, severity, cameras_of) == ("yard", "medium", ["gate"])
    assert body["dwell_sec"] == 2.5
    assert body["active_schedule"] == {"timezone": None, "windows": []}  # defaults are said
    assert body["dedupe_window_sec"] == 0


def test_the_same_document_again_is_no_revision(place: Settings) -> None:
    document = Document(sites=(NORTH, SOUTH), routing=ROUTE)
    assert publish(place, document, "kim") == 1
    assert publish(place, document, "kim") == 1
    changed = replace_site(document, Site(site_id="south", name="South"))
    assert publish(place, changed, "lee") == 2
    assert publish(place, changed, "lee") == 2
    assert [entry.revision for entry in history(place, "north")] == [1]
    assert [(e.revision, e.author) for e in history(place, "south")] == [(2, "lee"), (1, "kim")]
    assert [entry.revision for entry in history(place, None)] == [1]
    paths = [change.path for change in history(place, "south")[0].changes]
    assert paths == ["name", "cameras"]


def replace_site(document: Document, site: Site) -> Document:
    others = tuple(s for s in document.sites if s.site_id != site.site_id)
    return Document(sites=(*others, site), routing=document.routing)


def test_what_a_document_does_not_name_stays_unless_pruned(place: Settings) -> None:
    publish(place, Document(sites=(NORTH, SOUTH), routing=ROUTE), "kim")
    publish(place, Document(sites=(NORTH,)), "kim")
    assert rows(place, "SELECT site_id FROM site ORDER BY 1", "north", "south") == [
        ("north",),
        ("south",),
    ]
    assert len(history(place, None)) == 1
    assert publish(place, Document(sites=(NORTH,)), "lee", prune=True) == 2
    assert rows(place, "SELECT site_id FROM site", "north", "south") == [("north",)]
    left = "TABLE camera_config", "TABLE device", "TABLE zone"
    assert [rows(place, query, "south") for query in left] == [[], [], []]
    assert history(place, "south")[0].removed
    assert [len(history(place, None)), history(place, None)[0].author] == [2, "lee"]
    # it comes back as it was, with a revision of its own
    assert publish(place, Document(sites=(SOUTH,)), "kim") == 3
    assert not history(place, "south")[0].removed


async def test_a_revision_owes_its_records(place: Settings) -> None:
    broker = Broker()
    publish(place, Document(sites=(NORTH, SOUTH), routing=ROUTE), "kim")
    assert await drained(place, broker) == 5
    config, north = broker.confirmed[0], broker.confirmed[0].value
    assert north is not None
    record = decode(north, ConfigRecord)
    assert (record.revision, record.author, record.site) == (1, "kim", NORTH)
    assert dict(config.headers)["wf_config"] == b"1"
    assert dict(config.headers)["ce_id"] == b"north@1"
    assert broker.keys() == [
        ("config.documents.v1", "north", False),
        ("device.assignments.v1", "north/gate", False),
        ("config.documents.v1", "south", False),
        ("device.assignments.v1", "south/gate", False),
        ("config.documents.v1", "routing", False),
    ]
    assert await drained(place, broker) == 0
    publish(place, Document(sites=(Site(site_id="south"),)), "kim", prune=True)
    await drained(place, broker)
    assert broker.keys() == [
        ("config.documents.v1", "north", True),
        ("device.assignments.v1", "north/gate", True),
        ("config.documents.v1", "south", False),
        ("device.assignments.v1", "south/gate", True),
        ("config.documents.v1", "routing", False),
    ]


async def test_what_is_not_confirmed_stays_owed(place: Settings) -> None:
    """A crash between the commit and the broker's confirmation loses nothing."""
    broker = Broker()
    publish(place, Document(sites=(NORTH,)), "kim")
    broker.away = True
    with pytest.raises(EmitError):
        await drained(place, broker)
    assert rows(place, "SELECT count(*) FROM outbox WHERE sent_at IS NULL", "north") == [(2,)]
    broker.away = False
    assert await drained(place, broker) == 2
    assert rows(place, "SELECT count(*) FROM outbox WHERE sent_at IS NULL", "north") == [(0,)]


async def test_two_drainers_send_each_record_once_and_in_order(place: Settings) -> None:
    broker = Broker()
    for number in range(6):
        publish(place, Document(sites=(Site(site_id="north", name=f"n{number}"),)), "kim")
    counts = await asyncio.gather(*(drained(place, broker) for _ in range(3)))
    assert sum(counts) == 6
    ids = [dict(record.headers)["ce_id"] for record in broker.confirmed]
    assert ids == [f"north@{number}".encode() for number in range(1, 7)]


async def test_a_follower_sends_at_the_commit_and_after_an_absence(place: Settings) -> None:
    broker = Broker()
    publish(place, Document(sites=(SOUTH,)), "kim")  # before anybody drains
    task = asyncio.create_task(follow_outbox(place, broker))
    try:
        await until(lambda: len(broker.confirmed) == 2)
        await asyncio.to_thread(publish, place, Document(sites=(NORTH,)), "kim")
        await until(lambda: len(broker.confirmed) == 4)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_everything_once_more(place: Settings) -> None:
    broker = Broker()
    publish(place, Document(sites=(NORTH, SOUTH), routing=ROUTE), "kim")
    publish(place, Document(sites=(NORTH,), routing=ROUTE), "kim", prune=True)
    await drained(place, broker)
    broker.confirmed.clear()
    assert republish(place) == 3
    await drained(place, broker)
    assert broker.keys() == [
        ("config.documents.v1", "routing", False),
        ("config.documents.v1", "north", False),
        ("device.assignments.v1", "north/gate", False),
    ]


def test_routing_survives_the_database(place: Settings) -> None:
    """Durations are read back as they were written."""
    publish(place, Document(routing=ROUTE), "kim")
    changed = Routing(
        route=Route(receiver="soc", group_wait=timedelta(minutes=2)), receivers=ROUTE.receivers
    )
    publish(place, Document(routing=changed), "kim")
    (change,) = history(place, None)[0].changes
    assert (change.path, change.before, change.after) == ("route.group_wait", "PT30S", "PT120S")


def test_a_document_that_no_record_can_carry(place: Settings) -> None:
    points = tuple((i / 200, (i * 7 % 200) / 200) for i in range(200))
    zones = tuple(
        Zone(zone_id=f"z{n}", camera_ids=("gate",), polygons={"gate": points})
        for n in range(CONFIG.max_bytes // 2000)
    )
    huge = Site(site_id="north", cameras=NORTH.cameras, zones=zones)
    with pytest.raises(DatabaseError, match="'north' takes"):
        publish(place, Document(sites=(SOUTH, huge)), "kim")
    assert rows(place, "SELECT 1 FROM document", "north", "south", ROUTING) == []
    assert rows(place, "SELECT 1 FROM outbox", "north", "south") == []


def test_a_name_that_postgres_cannot_store(place: Settings) -> None:
    with pytest.raises(DatabaseError, match="PostgreSQL"):
        publish(place, Document(sites=(Site(site_id="north", name="a\x00b"),)), "kim")
    assert history(place, "north") == []


@pytest.fixture
async def topics(place: Settings, kafka_bootstrap: str) -> AsyncIterator[Settings]:
    """The namespace's topics on a real broker."""
    here = replace(place, kafka_url=kafka_bootstrap)
    await asyncio.to_thread(ensure, here)
    yield here
    await asyncio.to_thread(delete_namespace, here)


@pytest.mark.kafka
async def test_a_document_reaches_a_real_broker(topics: Settings) -> None:
    publish(topics, Document(sites=(NORTH, SOUTH), routing=ROUTE), "kim")
    publish(topics, Document(sites=(Site(site_id="south"),)), "kim")
    assert await drain_outbox(topics) == 7
    assert await drain_outbox(topics) == 0
    found: dict[tuple[str, str], list[Any]] = {}
    async with Follower(topics, (CONFIG, ASSIGNMENTS)) as follower:
        async for chunk in follower.chunks(timeout=5.0):
            for record in chunk:
                value = None if record.value is None else record.message()
                found.setdefault((record.topic.name, (record.key or b"").decode()), []).append(
                    value
                )
            if sum(map(len, found.values())) >= 7:
                break
    assert [r.revision for r in found["config.documents.v1", "south"]] == [1, 2]
    assert found["config.documents.v1", "routing"][0].routing == ROUTE
    assert found["device.assignments.v1", "north/gate"][0].source == "rtsp://10.0.0.3/1"
    first, second = found["device.assignments.v1", "south/gate"]
    assert (first.source, second) == ("sim:1", None)


async def test_a_broker_that_is_away_leaves_the_revision(place: Settings) -> None:
    away = replace(place, kafka_url="127.0.0.1:1")
    publish(away, Document(sites=(NORTH,)), "kim")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.db.outbox.CONFIRM_S", 0.2)
        with pytest.raises(DatabaseError, match="is stored, and Kafka has not confirmed"):
            await drain_outbox(away)
    broker = Broker()
    assert await drained(place, broker) == 2
    assert datetime.now(UTC) >= history(place, "north")[0].at
