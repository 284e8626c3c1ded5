"""Events that waited in a group which nobody could be told of hold the next ones back no more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from schemas.document import Route, Routing
from tests.unit.agents.harness import Harness, event, site
from tests.unit.agents.route.parts import minutes, receivers, tree

FOLDED = ("suppressed", "dedupe_window")
SECONDS = timedelta(seconds=1)


def waits(seconds: float, *, receiver: str = "guards", go_on: bool = False) -> Route:
    """A route of every alert, whose groups wait for so long."""
    return Route(receiver=receiver, group_wait=seconds * SECONDS, continue_=go_on)


def both(*, first: float, then: float) -> Routing:
    """Two groups of each alert, which wait for so long."""
    routes = (waits(first, go_on=True), waits(then, receiver="desk"))
    return tree("soc", "guards", "desk", routes=routes)


def test_the_windows_of_what_waited_are_taken_back() -> None:
    chosen = tree("soc", group_wait=20 * SECONDS, group_interval=minutes(5))
    harness = Harness(site(dedupe_window_sec=7200), routing=chosen)
    harness.failing.add(("soc", None))
    assert harness.result(event("e1", at_seconds=-5)) == ("grouped", None)
    assert harness.result(event("e2", at_seconds=5, camera_id="cam-2")) == ("grouped", None)
    assert harness.result(event("e3", at_seconds=6)) == FOLDED
    harness.wait(20)
    harness.failing.clear()
    assert harness.result(event("e4", at_seconds=30)) == ("grouped", None)
    assert harness.result(event("e5", at_seconds=31, camera_id="cam-2")) == ("grouped", None)
    harness.wait(30)
    assert harness.result(event("e6", at_seconds=90)) == FOLDED


def test_two_events_of_one_alert_on_both_sides_of_an_hour() -> None:
    harness = Harness(site(dedupe_window_sec=60), routing=tree("soc", group_wait=90 * SECONDS))
    harness.failing.add(("soc", None))
    assert harness.result(event("e1", at_seconds=-40)) == ("grouped", None)
    assert harness.result(event("e2", at_seconds=20)) == ("grouped", None)
    harness.wait(90)
    # Each of the two would fold one of these.
    assert harness.result(event("e3", at_seconds=-90), at_seconds=120) == ("grouped", None)
    assert harness.result(event("e4", at_seconds=70), at_seconds=121) == ("grouped", None)


def test_more_events_than_a_notification_names() -> None:
    cameras = tuple(f"c{number}" for number in range(80))
    place = site(dedupe_window_sec=3600, camera_ids=cameras)
    chosen = tree("soc", group_by=("site",), group_wait=20 * SECONDS, group_interval=minutes(5))
    harness = Harness(place, routing=chosen)
    harness.failing.add(("soc", None))
    for number, camera in enumerate(cameras):
        assert harness.result(event(f"e{number}", camera_id=camera)) == ("grouped", None)
    harness.wait(25)
    for number, camera in enumerate(cameras):
        found = harness.result(event(f"f{number}", camera_id=camera, at_seconds=30))
        assert found == ("grouped", None)


@pytest.mark.parametrize(
    ("failing", "folded"),
    [
        (("guards",), True),  # the desk was told, if later
        (("desk",), True),  # the guards were told before
        (("guards", "desk"), False),
    ],
)
def test_one_group_of_two_that_was_told_is_enough(failing: tuple[str, ...], folded: bool) -> None:
    harness = Harness(site(dedupe_window_sec=600), routing=both(first=5, then=20))
    harness.failing = {(name, None) for name in failing}
    assert harness.result(event("e1")) == ("grouped", None)
    # One of them has failed, perhaps, and the other is still to be told.
    assert harness.result(event("e2", at_seconds=10)) == FOLDED
    harness.wait(20)
    found = harness.result(event("e3", at_seconds=40))
    assert (found == FOLDED) is folded


def test_an_event_that_asked_itself_is_left_to_its_own_receivers() -> None:
    """Two receivers at once: the first to fail takes nothing back, for the other took it."""
    harness = Harness(site(dedupe_window_sec=600), routing=both(first=0, then=0))
    harness.failing.add(("guards", None))
    assert harness.result(event("e1")) == ("sent", None)
    assert harness.result(event("e2", at_seconds=1)) == FOLDED


def test_a_repeat_that_fails_takes_nothing_back() -> None:
    chosen = replace(
        tree("soc", group_wait=5 * SECONDS, repeat_interval=minutes(10), resolve_after=minutes(99)),
        receivers=tuple(replace(one, retry_for=30 * SECONDS) for one in receivers("soc")),
    )
    harness = Harness(site(dedupe_window_sec=3600), routing=chosen)
    assert harness.result(event("e1")) == ("grouped", None)
    harness.wait(10)
    harness.failing.add(("soc", None))
    harness.wait(600)
    harness.failing.clear()
    assert harness.result(event("e2", at_seconds=700)) == FOLDED
