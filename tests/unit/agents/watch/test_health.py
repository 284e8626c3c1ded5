"""The health rule, poll by poll, and what makes an event of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.watch.flapping import RULES
from agents.watch.health import (
    OFFLINE,
    Device,
    counts,
    health_of,
    next_poll,
    observe,
    sheds,
)
from schemas.base import Severity
from schemas.device import Breaker, DeviceSeverity, Probe, ProbeKind
from schemas.document import SiteWatch
from schemas.event import SecurityEvent

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)
OK, SLOW, FAILED = "ok", "slow", "failed"


def probe(
    what: str, seconds: float = 0, *, kind: ProbeKind = ProbeKind.TCP, device: str = "nvr-1"
) -> Probe:
    """A poll's outcome so many seconds after the beginning."""
    return Probe(
        site_id="north",
        device_id=device,
        kind=kind,
        at=T0 + timedelta(seconds=seconds),
        ok=what != FAILED,
        latency_ms={OK: 80.0, SLOW: 5000.1, FAILED: None}[what],
        error="refused" if what == FAILED else None,
    )


def polled(*outcomes: str, rules: SiteWatch = RULES) -> tuple[Device, list[tuple[str, bool]]]:
    """The device after polls a minute apart; (outcome's place, whether it ended) of events."""
    device: Device | None = None
    told: list[tuple[str, bool]] = []
    for number, what in enumerate(outcomes):
        one = probe(what, 60.0 * number)
        device, events = observe(device, one, one.at, rules)
        told += [(f"{number}", event.ended) for event in events]
    assert device is not None
    return device, told


@pytest.mark.parametrize(
    ("outcomes", "severity", "failures", "told"),
    [
        ((OK,), "normal", 0, []),
        ((FAILED,), "suspect", 1, []),
        ((FAILED,) * 4, "suspect", 4, []),
        ((FAILED,) * 5, "critical", 5, [("4", False)]),
        ((FAILED,) * 7, "critical", 7, [("4", False)]),
        # A success in between, and the count begins anew.
        ((FAILED,) * 4 + (OK,) + (FAILED,) * 4, "suspect", 4, []),
        ((SLOW,), "critical", 0, [("0", False)]),
        ((FAILED, SLOW), "critical", 0, [("1", False)]),
        # The way back is by suspect.
        ((SLOW, OK), "suspect", 0, [("0", False)]),
        ((SLOW, OK, OK), "normal", 0, [("0", False), ("2", True)]),
        ((SLOW, OK, FAILED), "suspect", 1, [("0", False)]),
        ((SLOW, OK, FAILED, OK), "normal", 0, [("0", False), ("3", True)]),
        # A trial that fails leaves it as it is.
        ((SLOW, FAILED, OK), "suspect", 0, [("0", False)]),
        ((SLOW, FAILED), "critical", 1, [("0", False)]),
        # It comes and goes: one that was told ends once.
        ((SLOW, OK, SLOW, OK, OK), "normal", 0, [("0", False), ("2", False), ("4", True)]),
        ((FAILED, OK, FAILED, OK), "normal", 0, []),
    ],
)
def test_severity(
    outcomes: tuple[str, ...], severity: str, failures: int, told: list[tuple[str, bool]]
) -> None:
    device, events = polled(*outcomes)
    assert device.poll.severity == severity
    assert device.poll.consecutive_failures == failures
    assert events == told
    down = severity == "critical"
    assert device.breaker.state is (Breaker.OPEN if down else Breaker.CLOSED)
    assert device.poll.load_shed is down
    assert (device.breaker.opened_at is not None) is down


def test_exactly_five_seconds_are_not_slow() -> None:
    one = Probe(site_id="n", device_id="d", kind=ProbeKind.HTTP, at=T0, ok=True, latency_ms=5000.0)
    device, events = observe(None, one, T0)
    assert device is not None
    assert device.poll.severity is DeviceSeverity.NORMAL
    assert not events


def test_the_event_is_of_the_device_and_of_no_zone() -> None:
    _, (event,) = observe(None, probe(SLOW), T0)
    assert isinstance(event, SecurityEvent)
    assert (event.site_id, event.device_id, event.zone_id) == ("north", "nvr-1", None)
    assert (event.event_type, event.severity) == (OFFLINE, Severity.CRITICAL)
    assert event.occurred_at == T0
    assert not event.ended


def test_ids_follow_from_the_poll() -> None:
    def event(seconds: float, device: str = "nvr-1") -> SecurityEvent:
        one = probe(SLOW, seconds, device=device)
        return observe(None, one, one.at)[1][0]

    assert event(0).event_id == event(0).event_id
    assert len({event(0).event_id, event(1).event_id, event(0, "nvr-2").event_id}) == 3


@pytest.mark.parametrize("seconds", [60, 59.9, 0])
def test_a_poll_that_is_not_newer_changes_nothing(seconds: float) -> None:
    device, _ = observe(None, probe(OK, 60), T0)
    assert observe(device, probe(FAILED, seconds), T0) == (device, ())


def test_a_poll_from_far_ahead_is_refused() -> None:
    assert observe(None, probe(OK, 300), T0)[0] is not None
    with pytest.raises(ValueError, match="2026"):
        observe(None, probe(OK, 300.001), T0)


@pytest.mark.parametrize("kind", [ProbeKind.FRAMES, ProbeKind.PICTURE, ProbeKind.CHANNELS])
def test_reports_on_frames_and_optional_polls_say_nothing_of_the_device(kind: ProbeKind) -> None:
    assert not counts(probe(FAILED, kind=kind))
    assert observe(None, probe(FAILED, kind=kind), T0) == (None, ())


@pytest.mark.parametrize("what", [SLOW, FAILED])
def test_whatever_is_not_well_is_polled_after_a_minute(what: str) -> None:
    device, _ = polled(what)
    assert device.poll.next_poll_at - device.poll.at == timedelta(seconds=60)


@given(seconds=st.floats(0, 10**9), device=st.from_regex(r"[a-z]{1,10}", fullmatch=True))
@settings(max_examples=300)
def test_normal_polls_are_three_to_five_minutes_apart_and_a_minute_either_way(
    seconds: float, device: str
) -> None:
    one = probe(OK, seconds, device=device)
    wait = next_poll(DeviceSeverity.NORMAL, one) - one.at
    assert timedelta(seconds=120) <= wait <= timedelta(seconds=360)
    assert next_poll(DeviceSeverity.NORMAL, one) - one.at == wait


def test_devices_of_a_site_are_not_polled_together() -> None:
    waits = sorted(
        next_poll(DeviceSeverity.NORMAL, probe(OK, device=f"cam-{n}")) for n in range(1000)
    )
    seconds = [(each - T0).total_seconds() for each in waits]
    # The sum of two spreads of two minutes each: over four minutes, most in the middle.
    assert min(seconds) < 140
    assert max(seconds) > 340
    in_a_second = max(sum(1 for s in seconds if n <= s < n + 1) for n in range(120, 360))
    assert in_a_second < 30


@given(st.lists(st.sampled_from([OK, SLOW, FAILED]), min_size=1, max_size=40))
@settings(max_examples=200)
def test_each_bell_has_one_end_and_what_is_well_is_told(outcomes: list[str]) -> None:
    # None of so few flaps; see test_flapping.
    device, told = polled(*outcomes, rules=SiteWatch(flapping_changes=100))
    ends = [ended for _, ended in told]
    assert not ends or ends[0] is False
    assert all(not (one and other) for one, other in pairwise(ends))
    if device.poll.severity is DeviceSeverity.NORMAL and ends:
        assert ends[-1] is True
    if device.poll.severity is DeviceSeverity.CRITICAL:
        assert ends[-1] is False


def test_what_is_published() -> None:
    device, _ = polled(SLOW, FAILED)
    health = health_of("north", "nvr-1", device)
    assert (health.severity, health.breaker) == (DeviceSeverity.CRITICAL, Breaker.OPEN)
    assert health.since == T0
    assert health.at == T0 + timedelta(seconds=60)
    assert health.opened_at == T0
    assert health.last_failure_at == T0 + timedelta(seconds=60)
    assert health.last_latency_ms == 5000.1
    assert health.error == "refused"


def test_a_site_with_a_critical_device_is_relieved_of_optional_polls() -> None:
    down, _ = polled(SLOW)
    well, _ = polled(OK)
    site = [health_of("north", "nvr-1", down), health_of("north", "nvr-2", well)]
    assert sheds(ProbeKind.PICTURE, site)
    assert sheds(ProbeKind.CHANNELS, site)
    assert not sheds(ProbeKind.TCP, site)
    assert not sheds(ProbeKind.PICTURE, site[1:])


@given(st.integers(min_value=0, max_value=10**6), st.sampled_from([240.0, 600.0, 3600.0]))
def test_a_site_s_own_interval_is_only_that_of_what_is_well(seconds: int, normal_s: float) -> None:
    one = probe(OK, seconds)
    device, _ = observe(None, one, one.at, normal_s=normal_s)
    assert device is not None
    gap = (device.poll.next_poll_at - one.at).total_seconds()
    assert normal_s / 2 <= gap <= normal_s * 1.5
    failed = probe(FAILED, seconds + 1)
    device, _ = observe(device, failed, failed.at, normal_s=normal_s)
    assert device is not None
    assert (device.poll.next_poll_at - failed.at).total_seconds() == 60
