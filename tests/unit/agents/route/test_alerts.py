"""An alert's life: opened, counted, commanded, quiet, forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agents.runtime.stage import Chain
from schemas.alert import Alert, AlertState
from schemas.base import Severity
from schemas.document import Zone
from schemas.event import SecurityEvent
from tests.unit.agents.harness import (
    Harness,
    activities,
    at,
    dead,
    event,
    messages,
    routing,
    site,
)
from topics.catalogue import ALERTS

HALF_AN_HOUR = 1800.0
DEVICE: dict[str, Any] = {
    "zone_id": None,
    "camera_id": None,
    "device_id": "nvr-1",
    "event_type": "device_offline",
    "severity": Severity.CRITICAL,
}


def by_opening(harness: Harness) -> list[Alert]:
    return sorted(harness.alerts().values(), key=lambda one: one.opened_at)


def test_the_first_event_opens_it_and_the_next_are_counted() -> None:
    harness = Harness(site(dedupe_window_sec=10))
    for number in range(7):
        harness.send(event(f"e{number}", at_seconds=4 * number))
    alert = harness.alert()
    # Admitted at 0, 12 and 24; the rest is folded.
    assert (alert.state, alert.events, alert.repeats) == (AlertState.OPEN, 3, 4)
    assert (alert.first_event, alert.last_event) == (at(0), at(24))
    assert alert.event_ids == ("e0", "e3", "e6")


def test_each_change_is_a_record_of_the_next_revision_and_an_activity() -> None:
    harness = Harness(site(dedupe_window_sec=10))
    for number in range(4):
        harness.send(event(f"e{number}", at_seconds=5 * number))
    harness.command("ack")
    records = messages(harness.outputs, ALERTS)
    assert [one.revision for one in records] == [1, 2, 3, 4, 5]
    # A folded event changes the count and is no entry in the history.
    assert activities(harness.outputs) == ["opened", "updated", "acknowledged"]
    assert [one.updated_at for one in records] == [at(0), at(5), at(10), at(15), at(15)]


@pytest.mark.parametrize(
    ("more", "alerts"),
    [
        ({}, 1),
        ({"event_type": "loitering"}, 2),
        ({"camera_id": "cam-2"}, 2),
        ({"zone_id": "roof"}, 2),
        ({"label": "person", "confidence": 0.95}, 1),  # another look at the same situation
    ],
)
def test_one_situation_is_site_zone_camera_and_type(more: dict[str, Any], alerts: int) -> None:
    place = site()
    roof = Zone(zone_id="roof", camera_ids=("cam-1",))
    harness = Harness(replace(place, zones=(*place.zones, roof)))
    harness.send(event("e1"))
    harness.send(event("e2", at_seconds=1, **more))
    assert len(harness.alerts()) == alerts


def test_it_has_the_severity_of_its_newest_event() -> None:
    harness = Harness(site(severity=Severity.HIGH))
    harness.send(event("e1"))
    harness.configure(site(severity=Severity.LOW), routing=routing())
    harness.send(event("e2", at_seconds=10))
    assert harness.alert().severity is Severity.LOW
    # An older one that comes late changes counts, and no severity.
    harness.configure(site(severity=Severity.CRITICAL), routing=routing())
    harness.send(event("e3", at_seconds=5))
    alert = harness.alert()
    assert (alert.severity, alert.events, alert.first_event) == (Severity.LOW, 3, at(0))


def test_an_older_event_that_comes_late_moves_the_first_and_not_the_last() -> None:
    harness = Harness(site())
    harness.send(event("e1", at_seconds=100, label="person", snapshots=4))
    harness.send(event("e2", at_seconds=50, label="dog", snapshots=4))
    alert = harness.alert()
    assert (alert.first_event, alert.last_event) == (at(50), at(100))
    assert (alert.label, alert.snapshot) == ("person", "e1")


def test_only_an_event_with_pictures_becomes_the_snapshot() -> None:
    harness = Harness(site())
    harness.send(event("e1", snapshots=1, confidence=0.9))
    harness.send(event("e2", at_seconds=5, confidence=0.85))
    assert (harness.alert().snapshot, harness.alert().confidence) == ("e1", 0.9)


def test_it_keeps_the_newest_50_event_ids() -> None:
    harness = Harness(site())
    for number in range(55):
        harness.send(event(f"e{number:02}", at_seconds=number))
    assert harness.alert().events == 55
    assert harness.alert().event_ids == tuple(f"e{number:02}" for number in range(5, 55))


def test_quiet_resolves_it_that_long_after_its_newest_admitted_event() -> None:
    harness = Harness(site(dedupe_window_sec=600))
    harness.send(event("e1"))
    harness.send(event("e2", at_seconds=500))  # folded: does not count
    harness.wait(HALF_AN_HOUR - 500 - 1)
    assert harness.alert().state is AlertState.OPEN
    made = harness.wait(1)
    assert harness.alert().state is AlertState.RESOLVED
    assert (harness.alert().resolved_by, harness.alert().resolution) == ("watchfloor", "quiet")
    assert harness.alert().resolved_at == at(HALF_AN_HOUR)
    assert activities(made) == ["resolved"]


def test_an_admitted_event_puts_quiet_off() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.send(event("e2", at_seconds=1000))
    harness.advance(at(1000 + HALF_AN_HOUR - 1))
    assert harness.alert().state is AlertState.OPEN
    harness.wait(1)
    assert harness.alert().state is AlertState.RESOLVED


def test_resolve_after_is_the_routes() -> None:
    harness = Harness(site(), routing=routing(resolve_after=timedelta(minutes=2)))
    harness.send(event("e1"))
    harness.wait(119)
    assert harness.alert().state is AlertState.OPEN
    harness.wait(1)
    assert harness.alert().state is AlertState.RESOLVED


def test_a_devices_alert_is_never_resolved_by_quiet() -> None:
    harness = Harness(site())
    harness.send(event("e1", **DEVICE))
    harness.wait(7 * 86_400)
    assert harness.alert().state is AlertState.OPEN
    harness.command("resolve")
    assert harness.alert().state is AlertState.RESOLVED


def test_after_it_was_resolved_the_next_event_opens_another() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.wait(HALF_AN_HOUR)
    harness.send(event("e2", at_seconds=2400))
    old, new = by_opening(harness)
    assert (old.state, old.events) == (AlertState.RESOLVED, 1)
    assert (new.state, new.events) == (AlertState.OPEN, 1)
    assert old.alert_id != new.alert_id


def test_a_window_that_outlives_its_alert_folds_without_an_alert() -> None:
    harness = Harness(site(dedupe_window_sec=3600))
    harness.send(event("e1"))
    harness.command("resolve")
    assert harness.result(event("e2", at_seconds=60)) == ("suppressed", "dedupe_window")
    assert harness.alert().repeats == 0


def test_30_days_after_it_was_resolved_it_is_a_tombstone_and_leaves_no_row() -> None:
    harness = Harness(site(dedupe_window_sec=60))
    harness.send(event("e1"))
    key = harness.alert().alert_id
    harness.wait(HALF_AN_HOUR)
    harness.wait(30 * 86_400 - 1)
    assert key in harness.alerts()
    harness.wait(1)
    assert harness.alerts() == {}
    left = [key for table, _, key in harness.decide.store.rows if table == "route"]
    # What remains says only which configuration was seen.
    assert left == ["seen:"]


def test_the_ids_of_alerts_are_the_same_on_every_run() -> None:
    def run() -> list[str]:
        harness = Harness(site())
        harness.send(event("e1"))
        harness.send(event("e2", at_seconds=5, camera_id="cam-2"))
        return sorted(harness.alerts())

    assert run() == run()


def test_an_event_that_breaks_a_stage_is_a_dead_letter_and_no_alert(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = Harness(site())
    chain: Chain = harness.decide.runner.chain
    monkeypatch.setitem(chain.stages[2].handlers, _enriched(chain), _broken)
    made = harness.send(event("e1"))
    assert dead(made) == ["security.events.v1.dlq"]
    monkeypatch.undo()
    assert harness.alerts() == {}
    # Replayed after a fix, it is as new.
    assert harness.result(event("e1"), replayed=True) == ("sent", None)


def _enriched(chain: Chain) -> type:
    (found,) = (kind for kind in chain.stages[2].handlers if kind.__name__ == "Enriched")
    return found


def _broken(_ctx: object, _item: SecurityEvent) -> list[Any]:
    raise ZeroDivisionError("a defect")
