"""A backtest on a real broker and a real database: what it finds, and that it leaves no trace."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from psycopg.types.json import Jsonb

from agents.runtime.emitter import Emitter
from infra.backtest.report import Backtest
from infra.backtest.run import backtest
from infra.cli.main import main
from infra.db.documents import publish
from infra.db.migrate import prepare
from infra.db.outbox import drain_outbox
from infra.db.pool import connect
from infra.db.target import Role
from infra.settings import Settings
from schemas.alert import Alert, AlertState, Command, CommandKind
from schemas.base import Message, Severity
from schemas.detection import PathPoint, TrackPath
from schemas.document import (
    Camera,
    Channel,
    Document,
    Receiver,
    Route,
    Routing,
    Site,
    Zone,
)
from schemas.document_reader import dump
from schemas.event import EventSource, SecurityEvent
from schemas.ids import alert_id
from topics.admin import ensure
from topics.catalogue import ALERTS, COMMANDS, DECISIONS, EVENTS, NOTIFY_REQUESTS, TOPICS, TRACKS
from topics.declare import Topic
from topics.reader import count
from topics.record import OutRecord, make

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

END = datetime.now(UTC).replace(microsecond=0)
BEGIN = END - timedelta(hours=6)
SITES = ("north", "south", "west")


def document(window: float = 60.0, **zone: Any) -> Document:
    """Three sites, a zone over each one's two cameras."""
    fields: dict[str, Any] = {
        "zone_id": "yard",
        "camera_ids": ("gate", "fence"),
        "severity": Severity.HIGH,
        "dedupe_window_sec": window,
        "min_confidence": 0.5,
        **zone,
    }
    return Document(
        sites=tuple(
            Site(
                site_id=name,
                cameras=(Camera(camera_id="gate"), Camera(camera_id="fence")),
                zones=(Zone(**fields),),
            )
            for name in SITES
        ),
        routing=Routing(
            route=Route(receiver="desk", resolve_after=timedelta(minutes=10)),
            receivers=(Receiver(name="desk", channels=(Channel(kind="log"),)),),
        ),
    )


def event(site: str, minute: float, camera: str = "gate", **fields: Any) -> SecurityEvent:
    return SecurityEvent(
        **{
            "event_id": f"{site}-{camera}-{minute:g}",
            "site_id": site,
            "event_type": "intrusion",
            "camera_id": camera,
            "zone_id": "yard",
            "occurred_at": BEGIN + timedelta(minutes=minute),
            "confidence": 0.9,
            **fields,
        }
    )


def past() -> list[SecurityEvent]:
    """An event every 40 s at each camera for two hours, and one that only the sure would see."""
    steady = [
        event(site, step * 40 / 60, camera)
        for step in range(180)
        for site in SITES
        for camera in ("gate", "fence")
    ]
    return [*steady, event("north", 200, "fence", confidence=0.55)]


def judged(opened_by: SecurityEvent, resolution: str) -> Alert:
    place = f"{opened_by.site_id}/yard/{opened_by.camera_id}/intrusion"
    at = opened_by.occurred_at
    return Alert(
        alert_id=alert_id(opened_by.site_id, place, opened_by.event_id),
        site_id=opened_by.site_id,
        state=AlertState.RESOLVED,
        severity=Severity.HIGH,
        event_type="intrusion",
        rank=70,
        reasons=(),
        opened_at=at,
        updated_at=at,
        first_event=at,
        last_event=at,
        events=1,
        repeats=0,
        revision=2,
        camera_id=opened_by.camera_id,
        zone_id="yard",
        event_ids=(opened_by.event_id,),
        resolved_at=at + timedelta(minutes=2),
        resolved_by="kim",
        resolution=resolution,
    )


ALERTS_JUDGED = (
    judged(event("north", 200, "fence"), "true_positive"),
    judged(event("south", 0), "false_positive"),
)


def record(topic: Topic, message: Message, name: str, at: datetime, key: str) -> OutRecord:
    return make(topic, message, id=name, time=at, source="test", key=key)


def walk(track: str, minute: float) -> TrackPath:
    """A person who crosses the picture of `west/gate` in ten seconds."""

    def point(second: float, x: float) -> PathPoint:
        at = BEGIN + timedelta(minutes=minute, seconds=second)
        return PathPoint(at=at, seq=int(second * 5), box=(x - 0.05, 0.4, x + 0.05, 0.8))

    points = (point(0, 0.05), point(10, 0.95))
    return TrackPath(
        track_id=track,
        site_id="west",
        camera_id="gate",
        label="person",
        first_seen=points[0].at,
        last_seen=points[1].at,
        frames=51,
        median_score=0.9,
        model="m",
        path=points,
    )


@pytest.fixture(scope="module")
def settings(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A namespace with a recorded past, in Kafka and in PostgreSQL."""
    found = Settings(
        state_dir=tmp_path_factory.mktemp("backtest-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="backtest-tests",
    )
    ensure(found)
    prepare(found)
    publish(found, document(), "test")
    asyncio.run(drain_outbox(found))
    detector = event(
        "west",
        300,
        event_id="seen",
        event_type="object_in_zone",
        source=EventSource.DETECTOR,
        track_id="walker",
        label="person",
    )
    events = [*past(), detector]
    out = [record(EVENTS, one, one.event_id, one.occurred_at, one.site_id) for one in events]
    out += [record(ALERTS, one, one.alert_id, one.opened_at, one.alert_id) for one in ALERTS_JUDGED]
    out.append(record(TRACKS, walk("walker", 300), "walker", detector.occurred_at, "west/gate"))
    resolve = Command(
        command_id="resolve-1",
        site_id="south",
        alert_id=ALERTS_JUDGED[1].alert_id,
        kind=CommandKind.RESOLVE,
        actor="kim",
        at=BEGIN + timedelta(minutes=1),
        reason="false_positive",
    )
    out.append(record(COMMANDS, resolve, "resolve-1", resolve.at, "south"))

    async def emit() -> None:
        emitter = Emitter(found, "test")
        await emitter.start()
        try:
            await emitter.emit(out)
        finally:
            await emitter.stop()

    asyncio.run(emit())
    with connect(found, Role.ARCHIVE) as connection:
        for table, messages in (("events", events), ("alerts", ALERTS_JUDGED)):
            rows = [
                {**msgspec.to_builtins(msgspec.structs.asdict(one)), "recorded_at": END.isoformat()}
                for one in messages
            ]
            connection.execute(f"SELECT archive_{table}(%s)".encode(), (Jsonb(rows),))
    return found


def run(settings: Settings, new: Document, **options: Any) -> Backtest:
    return backtest(settings, new, BEGIN, END, now=END, current=document(), **options)


def same(one: Backtest) -> Backtest:
    """Without what differs from run to run."""
    return msgspec.structs.replace(one, seconds=0.0, cpu_seconds=0.0)


def test_before_and_after(settings: Settings) -> None:
    found = run(settings, document(window=600.0, min_confidence=0.6), source="topic", workers=1)
    assert found.events == len(past()) + 1
    assert found.sites == SITES
    assert found.before.decisions["suppressed: dedupe_window"] == 540
    assert found.after.decisions["suppressed: dedupe_window"] > 1000
    assert found.after.decisions["suppressed: below_min_confidence"] == 1
    assert found.before.failed == found.after.failed == 0
    assert found.before.notifications > found.after.notifications > 0
    assert found.recorded.alerts == 2
    (missed,) = found.missed
    assert (missed.site, missed.camera, missed.reason, missed.before) == (
        "north",
        "fence",
        "below_min_confidence",
        True,
    )
    assert found.gone == ()
    fence = next(row for row in found.rules if (row.site, row.camera) == ("north", "fence"))
    assert fence.confirmed_missed == 1
    assert found.rules[0] == fence
    assert "~ sites[north].zones[yard].dedupe_window_sec: 60.0 becomes 600.0" in found.changes


def test_dismissed_alerts_that_would_be_gone(settings: Settings) -> None:
    off = document()
    south = msgspec.structs.replace(off.sites[1], enabled=False)
    found = run(settings, Document(sites=(south,)), source="topic", workers=1)
    assert found.sites == ("south",)
    assert [(one.site, one.reason) for one in found.gone] == [("south", "site_disabled")]
    assert found.missed == ()
    assert found.after.alerts == 0


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_beside_each_other_find_the_same(settings: Settings, workers: int) -> None:
    new = document(window=300.0)
    alone = run(settings, new, source="topic", workers=1)
    assert same(run(settings, new, source="topic", workers=workers)) == same(alone)
    one_site = Document(sites=new.sites[:1])
    by_document = run(settings, one_site, source="topic", workers=workers)
    assert same(by_document) == same(run(settings, one_site, source="topic", workers=1))


def test_the_archive_has_the_same_past(settings: Settings) -> None:
    new = document(window=300.0)
    topic = run(settings, Document(sites=new.sites[:1]), source="topic", workers=1)
    archive = run(settings, Document(sites=new.sites[:1]), source="archive", workers=1)
    assert archive.source == "archive"
    assert (archive.before, archive.after) == (topic.before, topic.after)
    assert archive.missed == topic.missed


RIGHT = {"gate": ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))}


def test_changed_zones_are_tried_on_tracks(settings: Settings) -> None:
    west = document(polygons=RIGHT, dwell_sec=3.0).sites[2:]
    found = run(settings, Document(sites=west), source="topic", workers=1)
    assert found.tried_on_tracks == 1
    kinds = {row.type: row for row in found.rules}
    # Seen at once before; after, it has to stay on the right for three seconds.
    assert kinds["object_in_zone"].events == (1, 0)
    assert kinds["loitering"].events == (0, 1)
    longer = document(polygons=RIGHT, dwell_sec=30.0).sites[2:]
    gone = run(settings, Document(sites=longer), source="topic", workers=1)
    assert gone.added == ()
    assert {row.type: row.events for row in gone.rules}["object_in_zone"] == (1, 0)


def test_it_leaves_no_trace(settings: Settings) -> None:
    names = [topic.name for topic in TOPICS]
    before = count(settings, names)
    run(settings, document(window=5.0), source="topic", workers=2)
    assert count(settings, names) == before
    assert before[DECISIONS.name] == before[NOTIFY_REQUESTS.name] == 0


def test_the_command(
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("kafka_url", "postgres_url", "namespace"):
        monkeypatch.setenv(f"WATCHFLOOR_{name.upper()}", getattr(settings, name))
    file = tmp_path / "new.yaml"
    file.write_text(dump(document(window=600.0)))
    common = ["--state", str(tmp_path), "backtest", "--site-document", str(file), "--workers", "1"]
    span = ["--from", BEGIN.isoformat(), "--to", END.isoformat()]
    assert main([*common, *span, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["before"]["events"] == said["after"]["events"] == len(past()) + 1
    assert main([*common, *span]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Of 1 confirmed alerts 0 would be missed; of 1 dismissed ones 0 would be gone;" in text
    assert "0 that nobody judged would be gone, and 0 would be new." in text
    assert "events suppressed: dedupe_window" in text
    assert main([*common, "--from", END.isoformat(), "--to", BEGIN.isoformat()]) == 2
    assert main([*common, "--from", "soon"]) == 2
    assert "write 2026-03-02T10:00:00Z, 2026-03-02, or 7d" in capsys.readouterr().err
