"""Which alert counts after a kill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.runtime.record import Record
from infra.bench.failover import CAMERA, SITES, ZONE, Gap, Seen, document, note, number_of, sites_of
from schemas.alert import Alert, AlertState
from schemas.base import Severity, encode
from topics.catalogue import ALERTS, EVENTS

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def seen() -> Seen:
    return Seen(
        sent={1: (10.0, "a"), 2: (20.0, "b"), 3: (21.0, "a"), 4: (22.0, "a")},
        told={1: 30.0, 2: 24.0, 3: 29.0, 4: 27.0},
    )


@pytest.mark.parametrize(
    ("kill", "sites", "expected"),
    [
        (20.0, ["a", "b"], 24.0),
        (20.0, ["a"], 27.0),  # another partition's alert is no answer
        (21.5, ["a", "b"], 27.0),  # nor one of an event from before the kill, however late
        (22.5, ["a", "b"], None),
        (0.0, [], None),
    ],
)
def test_first_after(kill: float, sites: list[str], expected: float | None) -> None:
    assert seen().first_after(kill, sites) == expected


def test_an_alert_of_an_unknown_event_counts_for_nothing() -> None:
    assert Seen(told={7: 5.0}).first_after(0.0, SITES) is None


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("bench-event-120000007", 120000007),
        ("bench-event-", None),
        ("bench-event-x", None),
        ("event-12", None),
    ],
)
def test_number_of(event_id: str, expected: int | None) -> None:
    assert number_of(event_id) == expected


def test_every_partition_has_sites_and_every_site_a_partition() -> None:
    parts = [sites_of(number, EVENTS.partitions) for number in range(EVENTS.partitions)]
    assert all(parts)
    assert sorted(one for part in parts for one in part) == sorted(SITES)


def test_the_document_folds_nothing() -> None:
    made = document()
    assert {one.site_id for one in made.sites} == set(SITES)
    for site in made.sites:
        assert [(zone.zone_id, zone.dedupe_window_sec) for zone in site.zones] == [(ZONE, 0)]
        assert [camera.camera_id for camera in site.cameras] == [CAMERA]


def test_gap_tells_the_first_and_the_last_partition() -> None:
    gap = Gap(by_partition={0: 4.0, 2: 3.0, 3: 9.0})
    assert (gap.first, gap.last) == (3.0, 9.0)


def test_note_takes_each_event_at_its_first_alert() -> None:
    gathered = Seen()
    alert = Alert(
        alert_id="x",
        site_id="site-00",
        state=AlertState.OPEN,
        severity=Severity.HIGH,
        event_type="intrusion",
        rank=1,
        reasons=(),
        opened_at=AT,
        updated_at=AT,
        first_event=AT,
        last_event=AT + timedelta(seconds=1),
        events=2,
        repeats=0,
        revision=1,
        event_ids=("bench-event-5", "elsewhere", "bench-event-6"),
    )
    for at in (3.0, 4.0):
        note(gathered, record(encode(alert)), at)
    note(gathered, record(None), 5.0)
    assert gathered.told == {5: 3.0, 6: 3.0}


def record(value: bytes | None) -> Record:
    return Record(
        topic=ALERTS,
        partition=0,
        offset=0,
        timestamp_ms=0,
        key=b"x",
        value=value,
        headers={},
    )
