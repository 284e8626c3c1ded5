"""How often is too often, and when that is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.watch.flapping import FLAPPING, turn
from agents.watch.health import OFFLINE, Device, health_of, observe
from schemas.device import DeviceSeverity, Probe, ProbeKind
from schemas.document import SiteWatch

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)
RULES = SiteWatch(flapping_changes=2, flapping_quiet=timedelta(minutes=10))


def minute(number: float) -> datetime:
    return T0 + timedelta(minutes=number)


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ((0, 10), []),
        ((0, 10, 20), [20]),
        ((0, 30, 59.9), [59.9]),
        # The hour is half open.
        ((0, 30, 60), []),
        ((0, 30, 60, 80), [80]),
        # It begins once, however often it goes on.
        ((0, 1, 2, 3, 4), [2]),
    ],
)
def test_more_than_so_many_changes_in_an_hour_are_flapping(
    changes: tuple[float, ...], begins: list[float]
) -> None:
    turns: tuple[datetime, ...] = ()
    since: datetime | None = None
    found = []
    for number in changes:
        state = turn(turns, since, minute(number), changed=True, rules=RULES)
        turns, since = state.turns, state.since
        if state.begins:
            found.append(number)
        assert not state.ends
    assert found == begins
    assert (since is None) == (not begins)


@pytest.mark.parametrize(("after", "ends"), [(9.99, False), (10, True), (200, True)])
def test_it_ends_when_nothing_changed_for_so_long(after: float, ends: bool) -> None:
    turns = (minute(0), minute(1), minute(2))
    state = turn(turns, minute(2), minute(2 + after), changed=False, rules=RULES)
    assert state.ends is ends
    assert (state.since is None) is ends
    # What was is no part of the next time.
    assert state.turns == (() if ends else turns)


def test_what_does_not_flap_ends_nothing() -> None:
    turns = (minute(0), minute(1))
    state = turn(turns, None, minute(300), changed=False, rules=RULES)
    assert (state.turns, state.since, state.ends) == (turns, None, False)


OUTCOMES = st.lists(
    st.tuples(st.sampled_from(["ok", "slow", "failed"]), st.integers(10, 900)),
    min_size=1,
    max_size=120,
)


@settings(max_examples=200, deadline=None)
@given(OUTCOMES, st.integers(1, 6))
def test_whatever_polls_say_events_take_turns_and_tell_what_is(
    outcomes: list[tuple[str, int]], changes: int
) -> None:
    """Of each type begin and end alternate; a device that is well and does not flap has no event
    that stands, and one that is down has exactly one type of event that does or both."""
    rules = SiteWatch(flapping_changes=changes, flapping_quiet=timedelta(minutes=20))
    device: Device | None = None
    standing: set[str] = set()
    at = T0
    for what, seconds in outcomes:
        at += timedelta(seconds=seconds)
        probe = Probe(
            site_id="north",
            device_id="nvr-1",
            kind=ProbeKind.TCP,
            at=at,
            ok=what != "failed",
            latency_ms={"ok": 9.0, "slow": 6000.0, "failed": None}[what],
        )
        device, events = observe(device, probe, at, rules)
        assert device is not None
        ids = {event.event_id for event in events}
        assert len(ids) == len(events)
        for event in events:
            if event.ended:
                assert event.event_type in standing
                standing.discard(event.event_type)
            else:
                # One that came and went without being well is the same situation again.
                assert event.event_type == OFFLINE or event.event_type not in standing
                standing.add(event.event_type)
        poll = device.poll
        flaps = health_of("north", "nvr-1", device).flapping_since is not None
        assert (FLAPPING in standing) is flaps
        if not flaps:
            assert (OFFLINE in standing) is poll.told
            if poll.severity is DeviceSeverity.NORMAL:
                assert not standing
            if poll.severity is DeviceSeverity.CRITICAL:
                assert OFFLINE in standing


def test_while_it_flaps_no_turn_is_told() -> None:
    device: Device | None = None
    told: list[tuple[int, str, bool]] = []
    # Down and back every five minutes, for two hours, then well.
    for number in range(200):
        down = number < 120 and number % 5 == 0
        probe = Probe(
            site_id="north",
            device_id="nvr-1",
            kind=ProbeKind.TCP,
            at=minute(number),
            ok=True,
            latency_ms=9000.0 if down else 9.0,
        )
        device, events = observe(device, probe, probe.at, RULES)
        told += [(number, event.event_type, event.ended) for event in events]
    assert told == [
        (0, OFFLINE, False),
        (2, OFFLINE, True),
        (5, FLAPPING, False),
        # Well since 117, the last change.
        (127, FLAPPING, True),
    ]
