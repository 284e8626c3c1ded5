"""What holds whatever happens: random documents, events, commands, failures and changes."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.alert import Alert
from schemas.base import Severity
from schemas.decision import Decision
from schemas.document import (
    Device,
    Escalation,
    EscalationStep,
    Inhibition,
    Route,
    Routing,
    Silence,
    Site,
    SiteNotifications,
    Zone,
)
from schemas.notification import NotifyRequest
from tests.unit.agents.harness import Harness, at, dead, event, messages, site
from tests.unit.agents.route.parts import minutes, silence, tree, window, with_parts
from topics.catalogue import ALERTS, DECISIONS, NOTIFY_REQUESTS

CAMERAS = ("cam-1", "cam-2", "cam-3")
PLAIN = {"sent", "grouped", "suppressed", "rejected", "failed"}
REASONS = {
    "timestamp_out_of_range",
    "unknown_zone",
    "camera_not_mapped_to_zone",
    "below_min_confidence",
    "dedupe_window",
    "suppression_window",
    "late",
    "snoozed",
    "silenced",
    "inhibited",
    "muted_by_schedule",
    "notifications_disabled",
    "site_rate_limit",
    "recording_send_failed",
    "returned_to_normal",
}

silences = st.lists(
    st.builds(
        lambda n, start, length: silence(
            f'camera="{CAMERAS[n]}"', start=start, end=start + length, name=f"s{n}-{start}"
        ),
        st.integers(0, 2),
        st.integers(0, 1500),
        st.integers(1, 600),
    ),
    max_size=3,
    unique_by=lambda one: one.silence_id,
)
seconds = st.sampled_from([0, 5, 30, 60, 300])


@st.composite
def documents(draw: st.DrawFn) -> tuple[Site, Routing]:
    """A site with two zones, three cameras and a recorder, and who is told of them."""
    yard = Zone(
        zone_id="yard",
        camera_ids=CAMERAS,
        severity=draw(st.sampled_from([Severity.HIGH, Severity.LOW])),
        dedupe_window_sec=draw(seconds),
        suppression_window_sec=draw(seconds),
    )
    vault = Zone(zone_id="vault", camera_ids=CAMERAS, severity=Severity.CRITICAL)
    place = replace(
        site(),
        zones=(yard, vault),
        devices=(Device(device_id="nvr-1", kind="nvr"),),
        notifications=SiteNotifications(rate_limit_per_min=draw(st.sampled_from([0, 1, 3]))),
    )
    muted = Route(
        receiver="lead",
        matchers=('zone="yard"',),
        continue_=draw(st.booleans()),
        mute_schedules=draw(st.sampled_from([(), (window("10:05", "10:10"),)])),
    )
    base = tree(
        "soc",
        "lead",
        routes=draw(st.sampled_from([(), (muted,), (muted, Route(matchers=()))])),
        group_by=draw(st.sampled_from([None, ("site",), ("zone", "type")])),
        group_wait=draw(st.sampled_from([None, timedelta(0), timedelta(seconds=10)])),
        group_interval=draw(st.sampled_from([timedelta(0), timedelta(minutes=1)])),
        repeat_interval=minutes(10),
        resolve_after=minutes(draw(st.sampled_from([3, 15]))),
    )
    rule = Inhibition(source=('kind="nvr"',), target=('zone="yard"',), equal=("site",))
    escalation = Escalation(steps=(EscalationStep(after=minutes(2), receiver="lead"),))
    return place, with_parts(
        base,
        silences=tuple(draw(silences)),
        inhibit=draw(st.sampled_from([(), (rule,)])),
        escalations=draw(st.sampled_from([(), (escalation,)])),
    )


steps = st.lists(
    st.tuples(
        st.integers(0, 90),
        st.one_of(
            st.tuples(
                st.just("event"),
                st.sampled_from(CAMERAS),
                st.sampled_from(["yard", "yard", "vault", "roof"]),
                st.sampled_from(["intrusion", "loitering"]),
                st.sampled_from([0, 0, 0, -20, -700, 400]),
                st.sampled_from([None, 0.9, 0.5]),
            ),
            st.tuples(st.just("device"), st.booleans()),
            st.tuples(st.just("again")),
            st.tuples(st.just("channel"), st.sampled_from(["soc", "lead"]), st.booleans()),
            st.tuples(
                st.just("command"),
                st.integers(0, 30),
                st.sampled_from(["ack", "resolve", "reopen", "snooze", "escalate", "comment"]),
            ),
            st.tuples(st.just("configure"), st.booleans()),
        ),
    ),
    min_size=1,
    max_size=25,
)


class Story:
    """A timeline, driven; what it was told and what it said."""

    def __init__(self, document: tuple[Site, Routing], timeline: list[Any]) -> None:
        self.place, self.routing = document
        self.harness = Harness(self.place, routing=self.routing)
        self.sent: dict[str, Any] = {}
        self.first: dict[str, Decision] = {}
        self.silences: list[tuple[datetime, tuple[Silence, ...]]] = [(at(0), self.routing.silences)]
        for number, (gap, what) in enumerate(timeline):
            self.harness.wait(gap)
            getattr(self, what[0])(number, *what[1:])
        self.harness.failing.clear()
        self.harness.wait(1800)
        self.decided: list[Decision] = messages(self.harness.outputs, DECISIONS)
        self.requests: list[NotifyRequest] = messages(self.harness.outputs, NOTIFY_REQUESTS)

    def _elapsed(self) -> float:
        return (self.harness.now - at(0)).total_seconds()

    def _send(self, one: Any) -> None:
        self.sent[one.event_id] = one
        self.harness.send(one, at_seconds=self._elapsed())

    def event(
        self, number: int, camera: str, zone: str, kind: str, offset: int, sure: float | None
    ) -> None:
        one = event(
            f"e{number}",
            at_seconds=self._elapsed() + offset,
            camera_id=camera,
            zone_id=zone,
            event_type=kind,
            confidence=sure,
        )
        self._send(one)

    def device(self, number: int, ended: bool) -> None:
        one = event(
            f"d{number}",
            at_seconds=self._elapsed(),
            zone_id=None,
            camera_id=None,
            device_id="nvr-1",
            event_type="device_offline",
            severity=Severity.HIGH,
            ended=ended,
        )
        self._send(one)

    def again(self, number: int) -> None:
        for one in list(self.sent.values())[-2:]:
            rows = dict(self.harness.decide.store.rows)
            made = self.harness.send(one, at_seconds=self._elapsed())
            assert self.harness.decide.store.rows == rows
            assert {out.topic.name for out in made} <= {DECISIONS.name}

    def channel(self, number: int, name: str, fails: bool) -> None:
        (self.harness.failing.add if fails else self.harness.failing.discard)((name, None))

    def command(self, number: int, which: int, kind: str) -> None:
        known = list(self.harness.alerts())
        alert = known[which % len(known)] if known else "ghost"
        more: dict[str, Any] = {"snooze": {"duration_s": 120.0}, "comment": {"text": "x"}}
        self.harness.command(kind, alert=alert, **more.get(kind, {}))

    def configure(self, number: int, without: bool) -> None:
        routing = replace(self.routing, silences=()) if without else self.routing
        self.silences.append((self.harness.now, routing.silences))
        self.harness.configure(self.place, routing=routing)
        self.harness.wait(1)

    def silenced(self, alert: Alert, when: datetime) -> bool:
        inforce = [those for since, those in self.silences if since < when][-1:]
        matching = (f'camera="{alert.camera_id}"',)
        return any(
            one.matchers == matching and one.starts_at <= when < one.ends_at
            for those in inforce
            for one in those
        )


EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@EXAMPLES
@given(document=documents(), timeline=steps)
def test_nothing_is_lost_nothing_contradicts_itself_and_nobody_is_told_too_much(
    document: tuple[Site, Routing], timeline: list[Any]
) -> None:
    story = Story(document, timeline)
    harness = story.harness
    assert dead(harness.outputs) == []

    # Every event has one decision, of the table, however often it came.
    by_event: dict[str, set[bytes]] = {}
    for out in harness.outputs:
        if out.topic is DECISIONS and out.value is not None:
            (one,) = messages([out], DECISIONS)
            by_event.setdefault(one.event_id, set()).add(out.value)
    assert set(by_event) == set(story.sent)
    assert all(len(values) == 1 for values in by_event.values())
    for one in story.decided:
        assert one.result.value in PLAIN
        assert (one.reason is None) == (one.result.value in {"sent", "grouped"})
        assert one.reason is None or one.reason in REASONS

    # Events and repeats are counted once, each in the alert that its decision names.
    final = {one.event_id: one for one in story.decided}
    alerts = harness.alerts()
    events: Counter[str] = Counter()
    repeats: Counter[str] = Counter()
    for one in final.values():
        if one.alert_id is not None and one.reason != "returned_to_normal":
            folded = one.reason in {"dedupe_window", "suppression_window"}
            (repeats if folded else events)[one.alert_id] += 1
    assert {key: (one.events, one.repeats) for key, one in alerts.items()} == {
        key: (events[key], repeats[key]) for key in alerts
    }

    # No situation has two open alerts.
    places = Counter(
        (one.zone_id, one.camera_id, one.device_id, one.event_type)
        for one in alerts.values()
        if one.state != "resolved"
    )
    assert all(count == 1 for count in places.values())

    # Revisions grow by one, in the order in which they are published.
    revisions: dict[str, list[int]] = {}
    for each in messages(harness.outputs, ALERTS):
        revisions.setdefault(each.alert_id, []).append(each.revision)
    for seen in revisions.values():
        assert seen == sorted(set(seen))

    # Nobody is told of an alert that is silenced.
    for request in story.requests:
        for line in request.alerts:
            assert not story.silenced(alerts[line.alert_id], request.requested_at)

    # Nor oftener than the site's limit allows, in any sliding minute.
    limit = story.place.notifications.rate_limit_per_min
    counting = [
        one.requested_at
        for one in story.requests
        if one.status == "firing"
        and one.kind != "escalation"
        and all(line.severity is not Severity.CRITICAL for line in one.alerts)
    ]
    for first in counting:
        inside = [one for one in counting if first <= one < first + timedelta(minutes=1)]
        assert not limit or len(inside) <= limit

    # A notification's id is its own.
    ids = [one.notification_id for one in story.requests]
    assert len(set(ids)) == len(ids)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=documents(), timeline=steps)
def test_the_same_timeline_says_the_same(
    document: tuple[Site, Routing], timeline: list[Any]
) -> None:
    one, other = Story(document, timeline), Story(document, timeline)
    assert one.harness.outputs == other.harness.outputs
    assert one.harness.decide.store.rows == other.harness.decide.store.rows
