"""A backtest decides as the worker does: the same events through `ChainRunner` say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from infra.backtest.site_run import Act, SiteRun, Span, alike, configuration_of
from infra.backtest.tally import Tally
from schemas.alert import Command, CommandKind
from schemas.decision import Decision
from schemas.document import Document
from schemas.event import SecurityEvent
from schemas.ids import alert_id
from tests.unit.agents.harness import T0, Harness, messages
from tests.unit.infra.backtest.histories import document, history, strict
from topics.catalogue import DECISIONS

SPAN = Span(T0, T0 + timedelta(hours=6), timedelta(0))
MUCH_LATER = (T0 + timedelta(days=365)).timestamp()


def live(doc: Document, events: list[SecurityEvent]) -> tuple[dict[str, Decision], Harness]:
    """The worker's own chain on the same events, with a tick wherever something is due."""
    harness = Harness(*doc.sites, routing=doc.routing)
    harness.now = T0
    for event in events:
        harness.send(event)
    harness.advance(SPAN.until)
    return {one.event_id: one for one in messages(harness.outputs, DECISIONS)}, harness


def run(
    *documents: Document,
    events: list[SecurityEvent],
    watched: bool = False,
    acts: tuple[Act, ...] = (),
    span: Span = SPAN,
    zones: Collection[str] = (),
) -> list[Tally]:
    """The same events in a backtest."""
    found = SiteRun(
        [configuration_of(one) for one in documents],
        span,
        watched=[event.event_id for event in events] if watched else (),
        acts=acts,
        alike=zones,
    )
    for event in events:
        found.feed(event, MUCH_LATER)
    return found.finish()


def routed(doc: Document) -> Document:
    """With groups that are told later."""
    assert doc.routing.route is not None
    route = replace(doc.routing.route, group_wait=timedelta(minutes=3), group_by=None)
    return replace(doc, routing=replace(doc.routing, route=route))


def one_zone(doc: Document) -> Document:
    """With one zone's window another one."""
    site = doc.sites[0]
    first = replace(site.zones[0], dedupe_window_sec=300.0)
    return replace(doc, sites=(replace(site, zones=(first, *site.zones[1:])),))


def outcomes(tally: Tally) -> Counter[tuple[str, str | None]]:
    """Every rule's together."""
    total: Counter[tuple[str, str | None]] = Counter()
    for one in tally.outcomes.values():
        total.update(one)
    return total


@pytest.mark.parametrize("make", [document, strict])
@pytest.mark.parametrize("seed", range(6))
def test_every_event_is_decided_as_live(seed: int, make: Callable[[], Document]) -> None:
    doc, events = make(), history(seed)
    decided, harness = live(doc, events)
    (tally,) = run(doc, events=events, watched=True)
    found = {event: (s.result, s.reason, s.alert) for (_, event), s in tally.watched.items()}
    wanted = {event: (one.result.value, one.reason, one.alert_id) for event, one in decided.items()}
    assert found == wanted
    assert len(set(wanted.values())) > 10
    told = [(d.receiver, d.kind, d.status) for d in harness.delivered]
    assert tally.notifications == Counter(told)
    assert sum(tally.alerts.values()) == len({one.alert_id for one in decided.values()} - {None})
    assert tally.failed == 0


@pytest.mark.parametrize("make", [document, strict])
@pytest.mark.parametrize("seed", range(6))
def test_counting_folded_events_changes_no_decision(
    seed: int, make: Callable[[], Document]
) -> None:
    doc, events = make(), history(seed)
    (slow,) = run(doc, events=events, watched=True)
    (fast,) = run(doc, events=events)
    assert fast.outcomes == slow.outcomes
    assert fast.alerts == slow.alerts
    assert fast.told == slow.told
    assert fast.notifications == slow.notifications
    assert outcomes(fast)["suppressed", "dedupe_window"] > 0


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (document(), document(dedupe_window_sec=600.0), set()),
        (document(), strict(), set()),  # another timezone: no schedule is as it was
        (document(), routed(document()), {"yard", "gate", "dock"}),  # only the route differs
        (document(), one_zone(document()), {"gate", "dock"}),
    ],
)
def test_two_documents_at_once_are_each_on_their_own(
    one: Document, other: Document, shared: set[str]
) -> None:
    events = history(3)
    zones = alike("north", [one, other])
    assert zones == shared
    assert run(one, other, events=events, zones=zones) == [
        *run(one, events=events),
        *run(other, events=events),
    ]


def test_the_same_event_again_counts_once() -> None:
    events = history(1)
    twice = [again for event in events for again in (event, event)]
    assert run(document(), events=twice) == run(document(), events=events)


def test_events_before_the_span_arm_windows_and_are_not_counted() -> None:
    events = [intrusion("before", 0), intrusion("inside", 30)]
    since = T0 + timedelta(seconds=10)
    (warm,) = run(document(), events=events, span=Span(since, SPAN.until, timedelta(minutes=1)))
    (cold,) = run(document(), events=events[1:], span=Span(since, SPAN.until, timedelta(0)))
    assert outcomes(warm) == {("suppressed", "dedupe_window"): 1}
    assert sum(warm.alerts.values()) == 0
    assert outcomes(cold) == {("grouped", None): 1}
    assert sum(cold.alerts.values()) == 1


def act(at: datetime, alert: str, kind: CommandKind, place: str | None = None) -> Act:
    command = Command(
        command_id=f"{kind}-{at}",
        site_id="north",
        alert_id=alert,
        kind=kind,
        actor="kim",
        at=at,
        reason="true_positive" if kind is CommandKind.RESOLVE else None,
    )
    return Act(command, place)


PLACE = "north/yard/cam-1/intrusion"


def intrusion(name: str, seconds: float) -> SecurityEvent:
    return SecurityEvent(
        event_id=name,
        site_id="north",
        event_type="intrusion",
        camera_id="cam-1",
        zone_id="yard",
        occurred_at=T0 + timedelta(seconds=seconds),
    )


def test_what_analysts_did_happens_again_when_they_did_it() -> None:
    events = [intrusion("a", 0), intrusion("b", 300)]
    name = alert_id("north", PLACE, "a")
    resolved = act(T0 + timedelta(seconds=120), name, CommandKind.RESOLVE, PLACE)
    (without,) = run(document(), events=events)
    (tally,) = run(document(), events=events, acts=(resolved,))
    assert sum(without.alerts.values()) == 1
    assert sum(tally.alerts.values()) == 2


def test_an_act_on_an_alert_that_another_event_opened_here_finds_its_situation() -> None:
    events = [intrusion("a", 0), intrusion("b", 300)]
    elsewhere = alert_id("north", PLACE, "an event that this document does not admit")
    resolved = act(T0 + timedelta(seconds=120), elsewhere, CommandKind.RESOLVE, PLACE)
    (tally,) = run(document(), events=events, acts=(resolved,))
    assert sum(tally.alerts.values()) == 2


def test_a_camera_whose_clock_is_ahead_moves_no_time() -> None:
    ahead = intrusion("ahead", 3600)
    found = SiteRun([configuration_of(document())], SPAN)
    found.feed(intrusion("a", 0), T0.timestamp())
    found.feed(ahead, T0.timestamp() + 5)
    found.feed(intrusion("b", 120), T0.timestamp() + 120)
    (tally,) = found.finish()
    assert outcomes(tally)["rejected", "timestamp_out_of_range"] == 1
    assert outcomes(tally)["suppressed", "late"] == 0
