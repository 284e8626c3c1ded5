"""The same event again: the same decision, and nothing is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.decision import Decision
from tests.unit.agents.harness import (
    Harness,
    at,
    decisions,
    event,
    messages,
    routing,
    site,
)
from topics.catalogue import DECISIONS
from topics.record import OutRecord


def told(outputs: list[OutRecord]) -> list[tuple[bytes | None, bytes | None, dict[str, bytes]]]:
    """What a reader sees, but for whose trace it continues."""
    return [
        (out.key, out.value, {k: v for k, v in out.headers if k != "traceparent"})
        for out in outputs
    ]


@pytest.mark.parametrize(
    "more",
    [
        {},  # sent
        {"zone_id": "roof"},  # rejected
        {"confidence": 0.1},  # suppressed by policy
        {"occurred_at": at(-3600)},  # late
    ],
)
def test_the_first_decision_again_byte_for_byte(more: dict[str, Any]) -> None:
    harness = Harness(site(dedupe_window_sec=60))
    one = event("e1", **more)
    harness.send(one, at_seconds=0)
    first = [out for out in harness.outputs if out.topic is DECISIONS]
    rows = dict(harness.decide.store.rows)
    for _ in range(2):
        assert told(harness.send(one, at_seconds=0)) == told(first)
    assert harness.decide.store.rows == rows
    assert told(harness.send(one, at_seconds=900)) == told(first)


def test_a_folded_event_again_is_no_second_repeat() -> None:
    harness = Harness(site(dedupe_window_sec=60))
    harness.send(event("e1"))
    for later in (1, 2, 3):
        made = harness.send(event("e2", at_seconds=1), at_seconds=later)
        assert decisions(made) == [("suppressed", "dedupe_window")]
    assert (harness.alert().events, harness.alert().repeats) == (1, 1)


def test_a_grouped_event_again_is_not_sent_meanwhile() -> None:
    harness = Harness(site(), routing=routing(group_wait=timedelta(seconds=30)))
    harness.send(event("e1"))
    assert decisions(harness.send(event("e1"), at_seconds=60)) == [("grouped", None)]
    assert len(harness.delivered) == 1


def test_while_its_decision_is_pending_the_same_event_says_and_counts_nothing() -> None:
    harness = Harness(site(dedupe_window_sec=60), act=False)
    assert decisions(harness.send(event("e1"))) == []
    assert harness.send(event("e1"), at_seconds=2) == []
    assert (harness.alert().events, harness.alert().repeats) == (1, 0)


def test_another_site_may_use_the_same_id() -> None:
    harness = Harness(site(), replace(site(), site_id="south"))
    assert harness.result(event("e1")) == ("sent", None)
    assert harness.result(event("e1", site_id="south")) == ("sent", None)
    assert len(harness.alerts()) == 2


def test_the_same_id_with_another_body_is_the_same_event() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    assert decisions(harness.send(event("e1", zone_id="roof"))) == [("sent", None)]


def test_after_25_hours_it_is_forgotten_and_rejected_by_its_time() -> None:
    harness = Harness(site())
    one = event("e1")
    harness.send(one)
    harness.advance(at(0) + timedelta(hours=25, seconds=1))
    made = harness.send(one)
    assert decisions(made) == [("rejected", "timestamp_out_of_range")]
    assert len({d.decision_id for d in messages(harness.outputs, DECISIONS)}) == 1


def test_until_then_it_is_remembered() -> None:
    harness = Harness(site())
    one = event("e1")
    harness.send(one)
    harness.advance(at(0) + timedelta(hours=24, minutes=59))
    assert decisions(harness.send(one)) == [("sent", None)]
    decision: Decision
    for decision in messages(harness.outputs, DECISIONS):
        assert decision.decided_at == at(0)
