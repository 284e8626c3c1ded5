"""Which reason ends an event: the table of `conformance/README.md`, in its order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.base import Severity
from schemas.decision import Decision
from schemas.document import Schedule, Window
from schemas.ids import decision_id
from tests.unit.agents.harness import Harness, at, decisions, event, messages, site
from topics.catalogue import DECISIONS

NEVER = Schedule(windows=(Window(days=("sun",), start="00:00", end="00:01"),))
MINUTE, DAY = 60.0, 86_400.0


@pytest.mark.parametrize(
    ("occurred", "now", "reason"),
    [
        (0.0, 0.0, None),
        (5 * MINUTE, 0.0, None),  # just not too far ahead
        (5 * MINUTE + 0.001, 0.0, "timestamp_out_of_range"),
        (0.0, DAY, "late"),  # 24 h behind, not more
        (0.0, DAY + 0.001, "timestamp_out_of_range"),
        (0.0, 10 * MINUTE, None),  # 10 min behind, not more
        (0.0, 10 * MINUTE + 0.001, "late"),
    ],
)
def test_event_time_against_the_tick(occurred: float, now: float, reason: str | None) -> None:
    harness = Harness(site())
    one = event("e", at_seconds=occurred)
    expected = {
        None: ("sent", None),
        "late": ("suppressed", "late"),
        "timestamp_out_of_range": ("rejected", "timestamp_out_of_range"),
    }[reason]
    assert harness.result(one, at_seconds=now) == expected


OUT_OF_RANGE = {"occurred_at": at(-2 * DAY)}
UNKNOWN = {"zone_id": "roof"}
UNMAPPED = {"camera_id": "cam-9"}
LABEL = {"label": "cat"}
DOUBT = {"confidence": 0.79}


@pytest.mark.parametrize(
    ("more", "enabled", "schedule", "expected"),
    [
        # Everything is wrong: the first of the table decides; then without it, and so on.
        (OUT_OF_RANGE | UNKNOWN, False, NEVER, ("rejected", "timestamp_out_of_range")),
        (UNKNOWN | LABEL | DOUBT, False, NEVER, ("rejected", "unknown_zone")),
        (UNMAPPED | LABEL | DOUBT, False, NEVER, ("rejected", "camera_not_mapped_to_zone")),
        (LABEL | DOUBT, False, NEVER, ("suppressed", "site_disabled")),
        (LABEL | DOUBT, True, NEVER, ("suppressed", "label_not_in_zone")),
        (DOUBT, True, NEVER, ("suppressed", "below_min_confidence")),
        ({}, True, NEVER, ("suppressed", "outside_active_schedule")),
        ({}, True, Schedule(), ("sent", None)),
    ],
)
def test_the_first_reason_that_applies_decides(
    more: dict[str, Any], enabled: bool, schedule: Schedule, expected: tuple[str, str | None]
) -> None:
    place = site(labels=("person",), active_schedule=schedule, dedupe_window_sec=60)
    harness = Harness(replace(place, enabled=enabled))
    made = harness.send(event("e", **more), at_seconds=0)
    assert decisions(made) == [expected]
    told = expected[0] == "sent"
    # What is ended here opens no alert and arms nothing.
    assert bool(harness.alerts()) is told
    assert harness.result(event("f", at_seconds=1), at_seconds=1)[1] == (
        "dedupe_window" if told else _reason_of_a_good_one(enabled, schedule)
    )


def _reason_of_a_good_one(enabled: bool, schedule: Schedule) -> str | None:
    if not enabled:
        return "site_disabled"
    return "outside_active_schedule" if schedule is NEVER else None


def test_a_site_that_nobody_knows_has_no_zones() -> None:
    assert Harness(site()).result(event("e", site_id="south")) == ("rejected", "unknown_zone")


@pytest.mark.parametrize(
    ("label", "labels", "sent"),
    [
        ("person", ("person", "car"), True),
        ("cat", ("person", "car"), False),
        ("cat", (), True),  # a zone without labels takes every one
        (None, ("person",), True),  # only where the event carries one
    ],
)
def test_labels(label: str | None, labels: tuple[str, ...], sent: bool) -> None:
    result, _ = Harness(site(labels=labels)).result(event("e", label=label))
    assert (result == "sent") is sent


@pytest.mark.parametrize(
    ("confidence", "sent"), [(0.8, True), (0.799, False), (1.0, True), (0.0, False), (None, True)]
)
def test_confidence(confidence: float | None, sent: bool) -> None:
    result, _ = Harness(site()).result(event("e", confidence=confidence))
    assert (result == "sent") is sent


def test_a_devices_event_skips_the_zones_rules_and_has_its_own_severity() -> None:
    harness = Harness(site(active_schedule=NEVER, labels=("person",)))
    one = event(
        "e",
        zone_id=None,
        camera_id=None,
        device_id="nvr-1",
        event_type="device_offline",
        severity=Severity.CRITICAL,
        label="cat",
        confidence=0.1,
    )
    assert harness.result(one) == ("sent", None)
    assert (harness.alert().severity, harness.alert().device_id) == (Severity.CRITICAL, "nvr-1")


def test_a_devices_event_of_a_disabled_site_is_suppressed_too() -> None:
    harness = Harness(replace(site(), enabled=False))
    one = event("e", zone_id=None, camera_id=None, device_id="nvr-1", severity=Severity.HIGH)
    assert harness.result(one) == ("suppressed", "site_disabled")


def test_a_late_event_opens_its_alert_and_arms_but_pages_nobody() -> None:
    harness = Harness(site(dedupe_window_sec=60))
    assert harness.result(event("e1"), at_seconds=3600) == ("suppressed", "late")
    assert (harness.alert().events, harness.delivered) == (1, [])
    assert harness.result(event("e2", at_seconds=59), at_seconds=3601) == (
        "suppressed",
        "dedupe_window",
    )
    assert harness.alert().repeats == 1


def test_an_event_from_the_end_of_time_is_rejected_and_forgotten_one_day() -> None:
    harness = Harness(site())
    one = event("e", occurred_at=at(0).replace(year=9999, month=12, day=31, hour=23))
    assert harness.result(one, at_seconds=0) == ("rejected", "timestamp_out_of_range")
    rows = len(harness.decide.store.rows)
    harness.advance(at(0) + timedelta(days=40))
    assert len(harness.decide.store.rows) < rows


def test_every_decision_says_what_each_stage_said() -> None:
    harness = Harness(site())
    harness.send(event("e"))
    decision: Decision
    (decision,) = messages(harness.outputs, DECISIONS)
    assert [one.stage for one in decision.stages] == ["dedupe", "enrich", "rank", "route"]
    assert decision.decision_id == decision_id("north", "e")
    assert decision.alert_id == harness.alert().alert_id
