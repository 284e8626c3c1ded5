"""The storm, and what is read from the topics of it."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from infra.bench.ranking.drive import Decide
from infra.bench.ranking.storm import INCIDENTS, SITE, START, Storm, document, draw
from infra.bench.storm import Outcome, results
from schemas.alert import Command, CommandKind
from schemas.decision import Decision, Result
from schemas.notification import NotifyRequest, NotifyStatus


def test_a_seed_is_one_storm_of_a_minute_with_three_incidents() -> None:
    storm = draw(3)
    assert draw(3, events=500) == draw(3, events=500) != draw(4, events=500)
    assert len(storm.events) == 20_000
    assert all(
        timedelta(0) <= one.occurred_at - START < timedelta(minutes=1) for one in storm.events
    )
    assert set(storm.incidents.values()) == set(range(INCIDENTS))
    zones = {one.zone_id for one in storm.events if one.event_id in storm.incidents}
    assert len(zones) == INCIDENTS
    true = [one for one in storm.events if one.event_id in storm.incidents]
    noise = [one for one in storm.events if one.event_id not in storm.incidents]
    for field in ("zone_id", "event_type", "label", "camera_id"):
        assert {getattr(one, field) for one in true} <= {getattr(one, field) for one in noise} | {
            one.camera_id for one in true
        }


def outcome_of(storm: Storm) -> Outcome:
    """A storm through the pure decide chain."""
    decide = Decide(document(), storm.before[0][0][0].occurred_at)
    for events, said in storm.before:
        opened = {
            event.event_id: alert.alert_id
            for event in events
            for alert in decide.event(event)
            if alert.event_ids[0] == event.event_id
        }
        for event_id, reason in said.items():
            if event_id in opened:
                decide.command(
                    Command(
                        command_id=event_id,
                        site_id=SITE,
                        alert_id=opened[event_id],
                        kind=CommandKind.RESOLVE,
                        actor="kim",
                        at=events[-1].occurred_at,
                        reason=reason,
                    )
                )
    outcome = Outcome()
    for event in storm.events:
        for alert in decide.event(event):
            outcome.note(alert)
    return outcome


def test_incidents_are_found_in_a_small_storm_by_the_real_stages() -> None:
    storm = draw(3, events=2_000)
    outcome = outcome_of(storm)
    _, found, _ = results(storm, outcome)
    assert found.detail["incidents"] == INCIDENTS
    assert found.value >= 1
    queue = outcome.queue()
    assert [one.rank for one in queue] == sorted((one.rank for one in queue), reverse=True)


def test_what_is_counted() -> None:
    storm = draw(3, events=200)

    def request(name: str, seconds: float, status: NotifyStatus) -> NotifyRequest:
        at = START + timedelta(seconds=seconds)
        return NotifyRequest(
            notification_id=name,
            site_id=SITE,
            receiver="desk",
            status=status,
            group="g",
            flush=1,
            requested_at=at,
            deadline=at,
            alerts=(),
            total=0,
        )

    outcome = Outcome()
    for name, seconds, status in (
        ("before", -1, NotifyStatus.FIRING),
        ("first", 5, NotifyStatus.FIRING),
        ("first", 5, NotifyStatus.FIRING),  # the same one again
        ("last", 360, NotifyStatus.FIRING),
        ("after", 361, NotifyStatus.FIRING),
        ("resolved", 300, NotifyStatus.RESOLVED),
    ):
        outcome.note(request(name, seconds, status))
    for number, event in enumerate(storm.events):
        decision = Decision(
            decision_id=event.event_id,
            event_id=event.event_id,
            site_id=SITE,
            result=Result.SUPPRESSED,
            decided_at=START,
            reason="dedupe_window",
        )
        # One has no decision, one no reason.
        if number != 1:
            outcome.note(replace(decision, reason=None) if number == 0 else decision)
    notifications, incidents, lost = results(storm, outcome)
    assert notifications.value == 2
    assert incidents.value == 0
    assert lost.value == 2
