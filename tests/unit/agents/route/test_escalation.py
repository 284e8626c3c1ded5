"""Escalation: steps while nobody acknowledged, by time or because somebody asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agents.notify.stage import result_record
from schemas.alert import Activity
from schemas.base import Severity
from schemas.document import Escalation, EscalationStep, Route, Routing, SiteNotifications
from schemas.notification import NotifyResult, Outcome
from tests.unit.agents.harness import Harness, activities, at, event, messages, site
from tests.unit.agents.route.parts import minutes, silence, told, tree, with_parts
from topics.catalogue import ACTIVITY, NOTIFY_RESULTS


def steps(*after: float, matchers: tuple[str, ...] = ('severity="high"',)) -> Escalation:
    names = ("lead", "manager", "owner")
    return Escalation(
        matchers=matchers,
        steps=tuple(
            EscalationStep(after=timedelta(seconds=one), receiver=name)
            for one, name in zip(after, names, strict=False)
        ),
    )


def escalating(*escalations: Escalation, **parts: Any) -> Routing:
    base = tree("soc", "lead", "manager", "owner", resolve_after=minutes(120))
    return with_parts(base, escalations=escalations or (steps(300, 900),), **parts)


def paged(harness: Harness) -> list[tuple[float, str]]:
    return _kind(harness, "escalation")


def ended(harness: Harness) -> list[tuple[float, str]]:
    return _kind(harness, "escalation resolved")


def _kind(harness: Harness, kind: str) -> list[tuple[float, str]]:
    return [(when, name) for when, name, what, _ in told(harness) if what == kind]


def test_each_step_is_told_in_its_time() -> None:
    harness = Harness(site(), routing=escalating())
    harness.send(event("e1"))
    harness.advance(at(3600))
    assert paged(harness) == [(300.0, "lead"), (900.0, "manager")]
    assert harness.alert().escalation == 2
    assert activities(harness.outputs) == ["opened", "escalated", "escalated"]


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("ack", {}, []),
        ("resolve", {}, []),
        ("assign", {"to": "alex"}, ["lead", "manager"]),  # nobody has acknowledged
        ("comment", {"text": "hm"}, ["lead", "manager"]),
    ],
)
def test_what_stops_it(kind: str, more: dict[str, Any], expected: list[str]) -> None:
    harness = Harness(site(), routing=escalating())
    harness.send(event("e1"))
    harness.wait(299)
    harness.command(kind, **more)
    harness.advance(at(3600))
    assert [name for _, name in paged(harness)] == expected


def test_only_what_matches_and_what_comes_to_match_later() -> None:
    harness = Harness(site(severity=Severity.LOW), routing=escalating())
    harness.send(event("e1"))
    harness.advance(at(1000))
    assert paged(harness) == []
    harness.configure(site(severity=Severity.HIGH), routing=escalating())
    harness.send(event("e2", at_seconds=1001))
    harness.advance(at(1002))
    # Nobody has acknowledged it for more than both steps.
    assert [name for _, name in paged(harness)] == ["lead", "manager"]


def test_steps_of_several_escalations_are_taken_by_time() -> None:
    both = (steps(600), steps(60, 700, matchers=()))
    harness = Harness(site(), routing=escalating(*both))
    harness.send(event("e1"))
    harness.advance(at(3600))
    assert paged(harness) == [(60.0, "lead"), (600.0, "lead"), (700.0, "manager")]


def test_its_clock_stands_while_nobody_is_told_and_begins_anew_after() -> None:
    quiet = silence('camera="cam-1"', start=100, end=2000)
    harness = Harness(site(), routing=escalating(silences=(quiet,)))
    harness.send(event("e1"))
    harness.advance(at(2299))
    assert paged(harness) == []
    harness.advance(at(5000))
    assert paged(harness) == [(2300.0, "lead"), (2900.0, "manager")]


def test_a_site_that_is_off_escalates_nothing() -> None:
    place = site()
    harness = Harness(place, routing=escalating())
    harness.send(event("e1"))
    off = SiteNotifications(enabled=False)
    harness.configure(replace(place, notifications=off), routing=escalating())
    harness.advance(at(3600))
    assert paged(harness) == []


def test_a_command_tells_the_next_step_at_once_acknowledged_or_not() -> None:
    harness = Harness(site(), routing=escalating())
    harness.send(event("e1"))
    harness.command("ack")
    made = harness.command("escalate")
    entry: Activity
    (entry,) = messages(made, ACTIVITY)
    assert (entry.kind.value, entry.detail) == ("escalated", "to lead")
    harness.command("escalate")
    made = harness.command("escalate")
    (entry,) = messages(made, ACTIVITY)
    assert "nobody else is told" in (entry.detail or "")
    harness.advance(at(3600))
    assert paged(harness) == [(0.0, "lead"), (0.0, "manager")]


def test_after_a_command_its_own_step_is_not_told_again_by_time() -> None:
    harness = Harness(site(), routing=escalating())
    harness.send(event("e1"))
    harness.command("escalate")
    harness.advance(at(3600))
    assert paged(harness) == [(0.0, "lead"), (900.0, "manager")]


def test_a_reopened_alert_escalates_from_the_beginning() -> None:
    harness = Harness(site(), routing=escalating())
    harness.send(event("e1"))
    harness.advance(at(400))
    harness.command("resolve")
    harness.wait(100)
    harness.command("reopen")
    harness.advance(at(2000))
    assert paged(harness) == [(300.0, "lead"), (800.0, "lead"), (1400.0, "manager")]
    ids = [one.request.notification_id for one in harness.delivered]
    assert len(set(ids)) == len(ids)


def test_what_came_late_escalates_nothing() -> None:
    harness = Harness(site(), routing=escalating())
    harness.send(event("e1"), at_seconds=3600)
    harness.advance(at(7000))
    assert paged(harness) == []


def test_an_escalation_does_not_wait_for_the_rate_limit() -> None:
    place = replace(site(), notifications=SiteNotifications(rate_limit_per_min=1))
    harness = Harness(place, routing=escalating(steps(30, 40)))
    harness.send(event("e1"))
    harness.advance(at(3600))
    assert paged(harness) == [(30.0, "lead"), (40.0, "manager")]


def test_an_acknowledgement_at_the_channel_stops_it() -> None:
    harness = Harness(site(), routing=escalating())
    harness.send(event("e1"))
    harness.wait(60)
    took: NotifyResult = messages(harness.results, NOTIFY_RESULTS)[0]
    receipt = replace(
        took, result_id="receipt", outcome=Outcome.ACKNOWLEDGED, attempt=0, channel="pager"
    )
    receipt = replace(receipt, alert_ids=(harness.alert().alert_id, "ghost"))
    made = harness.feed(result_record(receipt))
    assert activities(made) == ["acknowledged"]
    assert harness.alert().acknowledged_by == "soc by pager"
    assert harness.feed(result_record(receipt)) == []
    harness.advance(at(3600))
    assert paged(harness) == []


def resolved(harness: Harness, after: float = 400) -> None:
    harness.send(event("e1"))
    harness.advance(at(after))
    harness.command("resolve")
    harness.advance(at(after + 3600))


def test_those_whom_it_told_are_told_of_the_end_at_once() -> None:
    harness = Harness(site(), routing=escalating())
    resolved(harness)
    assert paged(harness) == [(300.0, "lead")]
    assert ended(harness) == [(400.0, "lead")]
    ids = [one.request.notification_id for one in harness.delivered]
    assert len(set(ids)) == len(ids)


def test_the_end_has_the_group_of_the_page_so_that_a_pager_closes_what_it_opened() -> None:
    harness = Harness(site(), routing=escalating())
    resolved(harness)
    groups = {one.request.group for one in harness.delivered if one.kind == "escalation"}
    assert len(groups) == 1


@pytest.mark.parametrize("quiet", [False, True])
def test_what_is_silenced_when_it_ends_is_in_no_notification(quiet: bool) -> None:
    silences = (silence('camera="cam-1"', start=350, end=2000),) if quiet else ()
    harness = Harness(site(), routing=escalating(silences=silences))
    resolved(harness)
    assert paged(harness) == [(300.0, "lead")]
    assert ended(harness) == ([] if quiet else [(400.0, "lead")])


@pytest.mark.parametrize(
    ("root", "lead", "expected"),
    [
        (None, None, ["lead"]),
        (False, None, []),  # the alert's own route speaks for whoever has none
        (False, True, []),  # a route that does not take the alert says nothing about it
    ],
)
def test_whether_the_end_is_said_is_up_to_the_route(
    root: bool | None, lead: bool | None, expected: list[str]
) -> None:
    other = Route(receiver="lead", matchers=('zone="elsewhere"',), send_resolved=lead)
    base = tree("soc", "lead", routes=(other,), resolve_after=minutes(120), send_resolved=root)
    harness = Harness(site(), routing=with_parts(base, escalations=(steps(300),)))
    resolved(harness)
    assert [name for _, name in ended(harness)] == expected


def test_a_receiver_with_a_route_of_its_own_goes_by_that_and_hears_it_once() -> None:
    mine = Route(receiver="soc", continue_=True, send_resolved=False)
    base = tree("soc", "lead", routes=(mine, Route(receiver="lead")), resolve_after=minutes(120))
    harness = Harness(site(), routing=with_parts(base, escalations=(steps(300),)))
    resolved(harness)
    # lead was told by its group and by the step; its group's end is the end.
    ends = [(name, what) for _, name, what, _ in told(harness) if "resolved" in what]
    assert ends == [("lead", "resolved")]


def test_a_page_that_nobody_took_has_no_end_and_one_taken_after_the_end_is_followed_by_it() -> None:
    harness = Harness(site(), routing=escalating())
    harness.failing = {("lead", None)}
    harness.send(event("e1"))
    harness.advance(at(350))
    harness.command("resolve")
    assert (paged(harness), ended(harness)) == ([], [])
    harness.failing = set()
    harness.advance(at(3600))
    assert [name for _, name in paged(harness)] == ["lead"]
    assert [name for _, name in ended(harness)] == ["lead"]


def test_each_round_of_an_alert_that_was_opened_again_has_its_end() -> None:
    harness = Harness(site(), routing=escalating())
    resolved(harness, after=400)
    harness.command("reopen")
    harness.advance(at(4000 + 400))
    harness.command("resolve")
    assert [name for _, name in ended(harness)] == ["lead", "lead"]
    ids = [one.request.notification_id for one in harness.delivered]
    assert len(set(ids)) == len(ids)
