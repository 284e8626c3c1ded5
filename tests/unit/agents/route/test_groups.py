"""When somebody is told: waits, intervals, repeats, resolves, and what becomes of the decision."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from agents.notify.stage import result_record
from schemas.base import Severity
from schemas.document import Channel, Receiver, SiteNotifications
from schemas.notification import NotifyRequest
from tests.unit.agents.harness import (
    Harness,
    at,
    decisions,
    event,
    messages,
    routing,
    site,
)
from topics.catalogue import ALERTS, DECISIONS, EVENTS, NOTIFY_REQUESTS
from topics.declare import Topic
from topics.record import OutRecord, Provenance, make

DEFAULTS = {"group_wait": None, "group_interval": None}


def told(harness: Harness) -> list[tuple[float, str, str, int]]:
    """When, to whom, what, about how many alerts."""
    return [
        ((one.at - at(0)).total_seconds(), one.receiver, one.status, one.alerts)
        for one in harness.delivered
    ]


def receivers(*names: str) -> tuple[Receiver, ...]:
    return tuple(Receiver(name=name, channels=(Channel(kind="recording"),)) for name in names)


@pytest.mark.parametrize(
    ("severity", "wait", "when", "result"),
    [
        (Severity.HIGH, None, 5.0, "grouped"),  # by default 5 s
        (Severity.CRITICAL, None, 0.0, "sent"),  # and none with a critical alert
        (Severity.CRITICAL, timedelta(seconds=20), 20.0, "grouped"),  # a route's own wait is kept
        (Severity.LOW, timedelta(0), 0.0, "sent"),
    ],
)
def test_group_wait(severity: Severity, wait: timedelta | None, when: float, result: str) -> None:
    harness = Harness(site(severity=severity), routing=routing(group_wait=wait))
    assert harness.result(event("e1")) == (result, None)
    harness.wait(when - 0.5 if when else 0)
    assert len(harness.delivered) == (0 if when else 1)
    harness.advance(at(when))
    assert told(harness) == [(when, "soc", "firing", 1)]


def test_an_event_within_the_wait_is_told_with_the_first() -> None:
    harness = Harness(site(), routing=routing(**DEFAULTS))
    assert harness.result(event("e1")) == ("grouped", None)
    assert harness.result(event("e2", at_seconds=3)) == ("grouped", None)
    harness.wait(60)
    assert told(harness) == [(5.0, "soc", "firing", 1)]
    assert harness.delivered[0].request.event_ids == ("e1", "e2")


def test_an_alert_that_turns_critical_while_it_waits_goes_at_once() -> None:
    harness = Harness(site(), routing=routing(**DEFAULTS))
    harness.send(event("e1"))
    harness.configure(site(severity=Severity.CRITICAL), routing=routing(**DEFAULTS))
    assert harness.result(event("e2", at_seconds=2)) == ("sent", None)
    harness.wait(60)
    assert told(harness) == [(2.0, "soc", "firing", 1)]


def test_group_interval_is_5_minutes_since_it_was_last_sent() -> None:
    harness = Harness(site(severity=Severity.CRITICAL), routing=routing(**DEFAULTS))
    assert harness.result(event("e1")) == ("sent", None)
    assert harness.result(event("e2", at_seconds=10)) == ("grouped", None)
    assert harness.result(event("e3", at_seconds=200)) == ("grouped", None)
    harness.advance(at(299.9))
    assert len(harness.delivered) == 1
    harness.advance(at(301))
    assert told(harness)[1:] == [(300.0, "soc", "firing", 1)]
    # Past the interval a change goes at once.
    assert harness.result(event("e4", at_seconds=700)) == ("sent", None)


def test_a_folded_event_is_no_change() -> None:
    harness = Harness(site(dedupe_window_sec=600))
    harness.send(event("e1"))
    harness.send(event("e2", at_seconds=10))
    harness.wait(1000)
    assert len(harness.delivered) == 1


def test_an_unchanged_group_repeats_every_repeat_interval() -> None:
    chosen = routing(
        group_interval=timedelta(minutes=5),
        repeat_interval=timedelta(hours=4),
        resolve_after=timedelta(days=2),
    )
    harness = Harness(site(), routing=chosen)
    harness.send(event("e1"))
    harness.advance(at(12 * 3600 + 1))
    hours = [when / 3600 for when, *_ in told(harness)]
    assert hours == [0, 4, 8, 12]
    # A change starts the wait again.
    harness.send(event("e2", at_seconds=13 * 3600))
    harness.advance(at(17 * 3600))
    assert [when / 3600 for when, *_ in told(harness)][4:] == [13, 17]


@pytest.mark.parametrize(
    ("repeated", "expected"),
    [(None, [0, 3600, 7200]), (True, [0, 3600, 7200]), (False, [0, 3600])],
)
def test_what_was_acknowledged_is_repeated_unless_its_route_says_otherwise(
    repeated: bool | None, expected: list[float]
) -> None:
    chosen = routing(
        repeat_interval=timedelta(hours=1),
        repeat_acknowledged=repeated,
        resolve_after=timedelta(hours=12),
    )
    harness = Harness(site(), routing=chosen)
    harness.send(event("e1"))
    harness.wait(3600)
    harness.command("ack")
    harness.wait(3700)
    assert [when for when, _, status, _ in told(harness) if status == "firing"] == expected


def test_a_group_with_anything_unacknowledged_in_it_is_repeated_whole() -> None:
    chosen = routing(
        group_by=("zone",),
        group_interval=timedelta(0),
        repeat_interval=timedelta(hours=1),
        repeat_acknowledged=False,
        resolve_after=timedelta(hours=12),
    )
    harness = Harness(site(), routing=chosen)
    harness.send(event("e1"))
    first = harness.alert().alert_id
    harness.send(event("e2", camera_id="cam-2", at_seconds=1), at_seconds=1)
    harness.command("ack", alert=first)
    harness.advance(at(3700))
    assert [(when, count) for when, _, _, count in told(harness)] == [(0, 1), (1, 2), (3601, 2)]


def test_the_default_repeat_is_4_hours_and_a_resolved_alert_does_not_repeat() -> None:
    harness = Harness(site(), routing=routing(resolve_after=timedelta(hours=5)))
    harness.send(event("e1"))
    harness.wait(24 * 3600)
    assert [(when / 3600, status) for when, _, status, _ in told(harness)] == [
        (0, "firing"),
        (4, "firing"),
        (5, "resolved"),
    ]


def test_a_resolve_is_told_once_its_interval_is_over() -> None:
    harness = Harness(site(severity=Severity.CRITICAL), routing=routing(**DEFAULTS))
    harness.send(event("e1"))
    harness.wait(10)
    harness.command("resolve")
    harness.wait(600)
    assert told(harness) == [(0.0, "soc", "firing", 1), (300.0, "soc", "resolved", 1)]


@pytest.mark.parametrize(("send_resolved", "count"), [(None, 2), (True, 2), (False, 1)])
def test_send_resolved_is_on_by_default(send_resolved: bool | None, count: int) -> None:
    harness = Harness(site(), routing=routing(send_resolved=send_resolved))
    harness.send(event("e1"))
    harness.command("resolve")
    harness.wait(3600)
    assert len(harness.delivered) == count


def test_nothing_is_said_of_what_was_never_notified() -> None:
    harness = Harness(site(), routing=routing(group_wait=timedelta(minutes=1)))
    harness.send(event("e1"))
    harness.wait(10)
    harness.command("resolve")
    harness.wait(24 * 3600)
    assert harness.delivered == []


def test_a_late_alert_is_told_in_a_summary_and_resolved_in_silence() -> None:
    harness = Harness(site())
    harness.send(event("e1"), at_seconds=3600)
    harness.wait(2 * 3600)
    assert harness.alert().state == "resolved"
    assert [(one.kind, one.status) for one in harness.delivered] == [("summary", "firing")]


def test_each_alert_is_a_group_of_its_own() -> None:
    harness = Harness(site(), routing=routing(**DEFAULTS))
    harness.send(event("e1"))
    harness.send(event("e2", camera_id="cam-2"))
    harness.wait(5)
    assert [(one.alerts, one.request.alerts[0].title) for one in harness.delivered] == [
        (1, "intrusion at Gate (yard), North depot"),
        (1, "intrusion at Fence (yard), North depot"),
    ]


@pytest.mark.parametrize(
    ("destinations", "expected"),
    [
        ((), ["root"]),  # none: the route decides
        (("soc",), ["soc"]),
        (("soc", "lead", "soc"), ["soc", "lead"]),
        (("gone", "soc"), ["soc"]),
        (("gone",), ["root"]),  # none that exists: a doubt sends rather than drops
    ],
)
def test_who_is_told(destinations: tuple[str, ...], expected: list[str]) -> None:
    chosen = routing(*receivers("root", "soc", "lead"))
    harness = Harness(site(alert_destinations=destinations), routing=chosen)
    assert harness.result(event("e1")) == ("sent", None)
    assert [one.receiver for one in harness.delivered] == expected


def test_without_any_receiver_nobody_is_told_and_the_decision_says_so() -> None:
    harness = Harness(site(), routing=routing(receiver="nobody"))
    assert harness.result(event("e1")) == ("suppressed", "notifications_disabled")
    assert harness.alert().events == 1


def test_a_site_may_switch_its_notifications_off() -> None:
    off = replace(site(dedupe_window_sec=60), notifications=SiteNotifications(enabled=False))
    harness = Harness(off)
    assert harness.result(event("e1")) == ("suppressed", "notifications_disabled")
    # The alert is there, and the windows are armed.
    assert harness.result(event("e2", at_seconds=1)) == ("suppressed", "dedupe_window")
    assert (harness.alert().events, harness.alert().repeats) == (1, 1)


@pytest.mark.parametrize(
    ("failing", "hanging", "expected"),
    [
        ([], [], ("sent", None)),
        (["soc"], [], ("sent", None)),  # one of two took it
        (["lead"], [], ("sent", None)),
        (["soc", "lead"], [], ("failed", "recording_send_failed")),
        ([], ["soc", "lead"], ("failed", "recording_timeout")),
        (["soc"], ["lead"], ("failed", "recording_timeout")),  # what was heard of last
        (["lead"], ["soc"], ("failed", "recording_send_failed")),
    ],
)
def test_several_receivers(
    failing: list[str], hanging: list[str], expected: tuple[str, str | None]
) -> None:
    place = site(alert_destinations=("soc", "lead"))
    harness = Harness(place, routing=routing(*receivers("soc", "lead")))
    harness.failing = {(name, None) for name in failing}
    harness.hanging = {(name, None) for name in hanging}
    assert harness.result(event("e1")) == expected


def test_of_several_channels_the_first_that_takes_it_is_enough() -> None:
    soc = Receiver(
        name="soc",
        channels=(
            Channel(kind="recording", name="whatsapp"),
            Channel(kind="recording", name="email"),
            Channel(kind="recording", name="phone"),
        ),
    )
    harness = Harness(site(), routing=routing(soc))
    harness.failing.add(("soc", "whatsapp"))
    assert harness.result(event("e1")) == ("sent", None)
    assert [one.channel for one in harness.delivered] == ["email"]


def test_the_decision_is_the_first_passs_and_a_later_delivery_does_not_change_it() -> None:
    harness = Harness(site())
    harness.failing.add(("soc", None))
    assert harness.result(event("e1")) == ("failed", "recording_send_failed")
    harness.failing.clear()
    made = harness.wait(60)
    assert len(harness.delivered) == 1
    assert decisions(made) == []
    assert decisions(harness.send(event("e1"))) == [("failed", "recording_send_failed")]


def test_each_flush_is_a_notification_of_its_own() -> None:
    harness = Harness(site(), act=False)
    assert decisions(harness.send(event("e1"))) == []
    assert decisions(harness.send(event("e2", at_seconds=1))) == []
    requests: list[NotifyRequest] = messages(harness.outputs, NOTIFY_REQUESTS)
    assert [one.event_ids for one in requests] == [("e1",), ("e2",)]
    assert [one.flush for one in requests] == [1, 2]
    assert len({one.notification_id for one in requests}) == 2


def test_a_request_has_its_deadline_and_its_lines() -> None:
    soc = Receiver(
        name="soc", channels=(Channel(kind="recording"),), retry_for=timedelta(minutes=7)
    )
    harness = Harness(site(), routing=routing(soc))
    harness.send(event("e1", label="person"))
    request = harness.delivered[0].request
    assert (request.requested_at, request.deadline) == (at(0), at(420))
    (line,) = request.alerts
    assert line.title == "person at Gate (yard), North depot"
    assert (line.rank, line.severity) == (harness.alert().rank, Severity.HIGH)
    assert (line.event_id, line.alert_id) == ("e1", harness.alert().alert_id)


def test_a_receiver_that_was_removed_is_not_told_and_does_not_stop_the_others() -> None:
    two = routing(*receivers("soc", "lead"), group_wait=timedelta(seconds=30))
    harness = Harness(site(alert_destinations=("soc", "lead")), routing=two)
    harness.send(event("e1"))
    one = routing(*receivers("lead"), group_wait=timedelta(seconds=30))
    harness.configure(site(alert_destinations=("lead",)), routing=one)
    harness.wait(60)
    assert [each.receiver for each in harness.delivered] == ["lead"]


def test_a_result_for_nothing_that_waits_changes_nothing() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    before = dict(harness.decide.store.rows)
    attempt = harness.attempts[0]
    assert harness.feed(result_record(harness.deliver(attempt))) == []
    assert harness.decide.store.rows == before


def trace_ids(outputs: list[OutRecord], topic: Topic) -> set[str]:
    """The ids in the `traceparent` headers of a topic's records."""
    return {
        dict(out.headers)["traceparent"].decode().split("-")[1]
        for out in outputs
        if out.topic is topic
    }


@pytest.mark.parametrize("severity", [Severity.HIGH, Severity.CRITICAL])  # after a wait, at once
def test_a_notification_continues_the_trace_of_the_event_that_began_it(severity: Severity) -> None:
    harness = Harness(site(severity=severity), routing=routing(**DEFAULTS))
    one = event("e1")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    known = Provenance(traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    record = make(
        EVENTS, one, id="e1", time=one.occurred_at, source="test", key="north", provenance=known
    )
    outputs = harness.feed(record) + harness.wait(6)
    for topic in (DECISIONS, ALERTS, NOTIFY_REQUESTS):
        assert trace_ids(outputs, topic) == {trace}, topic
