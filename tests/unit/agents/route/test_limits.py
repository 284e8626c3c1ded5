"""What is told in summaries: what the site's rate limit held, and what came too late."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.route.groups import Rate, spend
from schemas.base import Severity
from schemas.document import Route, Site, SiteNotifications, Zone
from tests.unit.agents.harness import Harness, at, event, site
from tests.unit.agents.route.parts import minutes, silence, told, tree, with_parts

S = timedelta(seconds=1)
HELD = ("suppressed", "site_rate_limit")
LATE = ("suppressed", "late")


def limited(limit: int, *, severity: Severity = Severity.HIGH, cameras: int = 12) -> Site:
    place = site(severity=severity)
    yard = replace(place.zones[0], camera_ids=tuple(f"c{n}" for n in range(cameras)))
    vault = Zone(zone_id="vault", camera_ids=yard.camera_ids, severity=Severity.CRITICAL)
    return replace(
        place,
        zones=(yard, vault),
        notifications=SiteNotifications(rate_limit_per_min=limit),
    )


def test_the_limit_holds_and_one_summary_says_what() -> None:
    harness = Harness(limited(2), routing=tree("soc"))
    results = [
        harness.result(event(f"e{n}", at_seconds=n * 10, camera_id=f"c{n}")) for n in range(5)
    ]
    assert results == [("sent", None)] * 2 + [HELD] * 3
    harness.advance(at(59.9))
    assert len(harness.delivered) == 2
    harness.advance(at(600))
    # A minute after the first there is room, exactly.
    assert told(harness)[2:] == [(60.0, "soc", "summary", 3)]


def test_the_summary_counts_and_later_ones_wait_again() -> None:
    harness = Harness(limited(1), routing=tree("soc"))
    for number in range(4):
        harness.send(event(f"e{number}", at_seconds=number * 30, camera_id=f"c{number}"))
    harness.advance(at(600))
    # The place that comes free at 60 is the summary's, so that what comes then waits too.
    assert told(harness) == [
        (0.0, "soc", "firing", 1),
        (60.0, "soc", "summary", 1),
        (120.0, "soc", "summary", 2),
    ]


def test_what_is_critical_neither_waits_nor_counts() -> None:
    harness = Harness(limited(1), routing=tree("soc"))
    for number in range(3):
        one = event(f"v{number}", at_seconds=number, camera_id=f"c{number}", zone_id="vault")
        assert harness.result(one) == ("sent", None)
    assert harness.result(event("e1", at_seconds=4, camera_id="c1")) == ("sent", None)
    assert harness.result(event("e2", at_seconds=5, camera_id="c2")) == HELD
    assert harness.result(event("v9", at_seconds=6, camera_id="c9", zone_id="vault")) == (
        "sent",
        None,
    )


def test_resolves_neither_wait_nor_count() -> None:
    harness = Harness(limited(2), routing=tree("soc"))
    harness.send(event("e1", camera_id="c1"))
    harness.send(event("e2", at_seconds=1, camera_id="c2"))
    for alert in tuple(harness.alerts()):
        harness.command("resolve", alert=alert)
    assert [what for _, _, what, _ in told(harness)] == ["firing"] * 2 + ["resolved"] * 2
    harness.advance(at(60))
    assert harness.result(event("e3", at_seconds=60, camera_id="c3")) == ("sent", None)


def test_a_held_alert_that_turns_critical_goes_at_once() -> None:
    harness = Harness(limited(1), routing=tree("soc"))
    harness.send(event("e1", camera_id="c1"))
    assert harness.result(event("e2", at_seconds=1, camera_id="c2")) == HELD
    harness.configure(limited(1, severity=Severity.CRITICAL), routing=tree("soc"))
    assert harness.result(event("e3", at_seconds=2, camera_id="c2")) == ("sent", None)
    harness.advance(at(300))
    assert [what for _, _, what, _ in told(harness)] == ["firing", "firing"]


def test_what_ended_or_turned_quiet_before_its_summary_is_not_in_it() -> None:
    harness = Harness(limited(1), routing=tree("soc"))
    for number in range(4):
        harness.send(event(f"e{number}", at_seconds=number, camera_id=f"c{number}"))
    by_camera = {one.camera_id: key for key, one in harness.alerts().items()}
    harness.command("resolve", alert=by_camera["c1"])
    harness.command("snooze", alert=by_camera["c2"], duration_s=600.0)
    harness.advance(at(100))
    assert told(harness)[1:] == [(60.0, "soc", "summary", 1)]
    assert harness.delivered[-1].request.alerts[0].alert_id == by_camera["c3"]


def test_what_a_summary_told_is_known_to_be_told() -> None:
    chosen = tree("soc", repeat_interval=minutes(20), resolve_after=minutes(30))
    harness = Harness(limited(1), routing=chosen)
    harness.send(event("e1", camera_id="c1"))
    harness.send(event("e2", at_seconds=1, camera_id="c2"))
    harness.advance(at(3600))
    second = [row for row in told(harness) if row[0] != 0.0 and row[2] != "firing"]
    assert (60.0, "soc", "summary", 1) in second
    # It repeats and ends as if by a notification of its own.
    assert [what for _, _, what, _ in told(harness)].count("resolved") == 2
    assert [when for when, _, what, _ in told(harness) if what == "firing"] == [0, 1200, 1260]


def test_each_receiver_has_a_summary_of_what_was_its_own() -> None:
    routes = (Route(receiver="a", matchers=('camera="c3"',)),)
    harness = Harness(limited(2), routing=tree("soc", "a", routes=routes))
    for number in range(5):
        harness.send(event(f"e{number}", at_seconds=number, camera_id=f"c{number}"))
    harness.advance(at(300))
    summaries = [row for row in told(harness) if row[2] == "summary"]
    assert sorted(summaries) == [(60.0, "soc", "summary", 2), (61.0, "a", "summary", 1)]


def test_a_limit_that_is_lifted_lets_go_at_once() -> None:
    harness = Harness(limited(1), routing=tree("soc"))
    for number in range(3):
        harness.send(event(f"e{number}", at_seconds=number, camera_id=f"c{number}"))
    harness.configure(limited(0), routing=tree("soc"))
    harness.wait(10)
    assert [(what, count) for _, _, what, count in told(harness)[1:]] == [("summary", 2)]
    assert told(harness)[1][0] <= 5


@given(
    gaps=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    limit=st.integers(1, 5),
)
def test_no_sliding_minute_has_more_than_the_limit(gaps: list[int], limit: int) -> None:
    rate: Rate | None = None
    now = at(0)
    sent = []
    for gap in gaps:
        now += timedelta(seconds=gap)
        rate, slot = spend(rate, limit, now)
        if slot is None:
            sent.append(now)
        else:
            # And it is the earliest moment: a microsecond before it there is none.
            assert slot > now
            assert spend(rate, limit, slot)[1] is None
            early = slot - timedelta(microseconds=1)
            assert early <= now or spend(rate, limit, early)[1] is not None
    for first in sent:
        window = [one for one in sent if first <= one < first + timedelta(minutes=1)]
        assert len(window) <= limit


def test_a_backlog_is_told_in_one_summary() -> None:
    harness = Harness(limited(0), routing=tree("soc"))
    harness.advance(at(3600))
    for number in range(10):
        one = event(f"e{number}", at_seconds=number, camera_id=f"c{number}")
        assert harness.result(one, at_seconds=3600 + number // 2) == LATE
    harness.wait(3600)
    assert told(harness) == [(3609.0, "soc", "summary", 10)]
    # What came late is resolved in silence.
    assert {one.state for one in harness.alerts().values()} == {"resolved"}


@pytest.mark.parametrize(
    ("behind", "expected"),
    [(600, ("sent", None)), (600.001, LATE), (86_400, LATE)],
)
def test_how_late_is_late(behind: float, expected: tuple[str, str]) -> None:
    harness = Harness(limited(0), routing=tree("soc"))
    now = 100_000.0
    one = event("e1", at_seconds=now - behind, camera_id="c1")
    assert harness.result(one, at_seconds=now) == expected


def test_late_ones_that_are_critical_are_in_the_summary_too_and_page_nobody() -> None:
    harness = Harness(limited(1), routing=tree("soc"))
    harness.send(event("v1", camera_id="c1", zone_id="vault"), at_seconds=3600)
    harness.send(event("v2", camera_id="c2", zone_id="vault"), at_seconds=3601)
    harness.wait(60)
    assert [(what, count) for _, _, what, count in told(harness)] == [("summary", 2)]


def test_a_trickle_of_late_ones_does_not_put_the_summary_off_for_ever() -> None:
    harness = Harness(limited(0), routing=tree("soc", group_interval=minutes(5)))
    for number in range(200):
        one = event(f"e{number}", at_seconds=number, camera_id=f"c{number % 10}")
        harness.send(one, at_seconds=3600 + 2 * number)
    harness.wait(1000)
    assert [(when, what) for when, _, what, _ in told(harness)] == [
        (3660.0, "summary"),
        (3960.0, "summary"),
        (4260.0, "summary"),
    ]


def test_a_silenced_alert_that_came_late_is_told_when_its_silence_ends() -> None:
    quiet = silence('camera="c1"', start=0, end=3900)
    harness = Harness(limited(0), routing=with_parts(tree("soc"), silences=(quiet,)))
    harness.send(event("e1", camera_id="c1"), at_seconds=3600)
    harness.send(event("e2", camera_id="c2"), at_seconds=3600)
    harness.wait(600)
    assert told(harness) == [(3605.0, "soc", "summary", 1), (3900.0, "soc", "firing", 1)]


def test_an_event_in_time_makes_a_late_alert_one_like_any_other() -> None:
    harness = Harness(limited(0), routing=tree("soc"))
    harness.send(event("e1", camera_id="c1"), at_seconds=3600)
    assert harness.result(event("e2", at_seconds=3601, camera_id="c1")) == ("sent", None)
    harness.wait(3600)
    assert [what for _, _, what, _ in told(harness)] == ["firing", "summary", "resolved"]


def test_a_late_event_arms_its_windows() -> None:
    place = site(dedupe_window_sec=60)
    harness = Harness(place, routing=tree("soc"))
    assert harness.result(event("e1"), at_seconds=3600) == LATE
    assert harness.result(event("e2", at_seconds=30)) == ("suppressed", "dedupe_window")
