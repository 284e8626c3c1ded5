"""From capture to alert: what is matched with what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.runtime.record import Record
from infra.bench.latency import Timing, Timings, note, results
from schemas.alert import Alert, AlertState
from schemas.base import Severity, encode
from schemas.event import EventSource, SecurityEvent
from topics.catalogue import ALERTS, EVENTS

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def at(ms: float) -> datetime:
    return T0 + timedelta(milliseconds=ms)


def test_an_event_is_timed_by_its_own_record() -> None:
    timings = Timings()
    timings.event("a", at(0), 20.0)
    timings.event("b", at(1000), 30.0)
    timings.alert(["a"], at(100))
    timings.alert(["a", "b"], at(1250))
    assert len(timings) == 2
    assert timings.complete() == [Timing(100.0, 20.0), Timing(250.0, 30.0)]
    assert [one.beyond_ms for one in timings.complete()] == [80.0, 220.0]


def test_the_alert_may_be_read_before_its_event() -> None:
    timings = Timings()
    timings.alert(["a"], at(100))
    assert len(timings) == 0
    timings.event("a", at(0), 20.0)
    assert timings.complete() == [Timing(100.0, 20.0)]


def test_later_records_of_the_alert_change_nothing() -> None:
    timings = Timings()
    timings.event("a", at(0), 20.0)
    for ms in (100, 900, 5000):  # acknowledged, resolved
        timings.alert(["a"], at(ms))
    assert timings.complete() == [Timing(100.0, 20.0)]


def test_an_event_in_another_ones_record_is_not_counted() -> None:
    timings = Timings()
    timings.event("a", at(0), 20.0)
    timings.event("b", at(10), 20.0)
    timings.alert(["a", "b"], at(100))  # one record for both: only b wrote it
    assert timings.complete() == [Timing(90.0, 20.0)]


@pytest.mark.parametrize(
    ("source", "detector_ms", "counted"),
    [
        (EventSource.DETECTOR, 12.0, 1),
        (EventSource.DETECTOR, None, 0),
        (EventSource.EXTERNAL, 12.0, 0),
    ],
)
def test_records(source: EventSource, detector_ms: float | None, counted: int) -> None:
    event = SecurityEvent(
        event_id="e",
        site_id="sim",
        event_type="motion",
        occurred_at=T0,
        source=source,
        detector_ms=detector_ms,
    )
    alert = Alert(
        alert_id="a",
        site_id="sim",
        state=AlertState.OPEN,
        severity=Severity.LOW,
        event_type="motion",
        first_event=T0,
        last_event=T0,
        opened_at=T0,
        updated_at=T0,
        rank=50,
        reasons=(),
        events=1,
        repeats=0,
        revision=1,
        event_ids=("e",),
    )
    timings = Timings()
    millis = int(T0.timestamp() * 1000)
    note(timings, Record(EVENTS, 0, 0, millis, b"sim", encode(event), {}))
    note(timings, Record(ALERTS, 0, 0, millis + 75, b"a", encode(alert), {}))
    note(timings, Record(ALERTS, 0, 1, millis + 99, b"old", None, {}))  # a tombstone
    assert len(timings) == counted
    if counted:
        assert timings.complete() == [Timing(75.0, 12.0)]


def test_results() -> None:
    found = results([Timing(total_ms=float(n) + 20, model_ms=20.0) for n in range(1, 101)])
    assert [(one.metric.name, one.value, one.holds) for one in found] == [
        ("beyond_model_p50_ms", 50.0, True),
        ("beyond_model_p99_ms", 99.0, True),
    ]
    assert found[0].detail["n"] == 100
    assert found[0].detail["detector_p50_ms"] == 20.0
    assert found[0].detail["total_p99_ms"] == 119.0


def test_results_that_do_not_hold() -> None:
    slow = results([Timing(total_ms=t, model_ms=0.0) for t in (150.1, 150.1, 600.0)])
    assert [one.holds for one in slow] == [False, False]
