"""The rank of an alert through the decide chain: as it goes on, beside others, after feedback."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.alert import Alert
from schemas.document import Camera, Site
from tests.unit.agents.harness import T0, Harness, event, site


def points(alert: Alert, name: str) -> int:
    (found,) = (part.points for part in alert.reasons if part.name == name)
    return found


def newest(harness: Harness, camera: str = "cam-1") -> Alert:
    """The alert of a camera that is not resolved."""
    (found,) = (
        one
        for one in harness.alerts().values()
        if one.camera_id == camera and one.state != "resolved"
    )
    return found


def test_an_alerts_rank_is_the_sum_of_its_reasons_and_grows_as_it_goes_on() -> None:
    harness = Harness(site(dedupe_window_sec=10))
    ranks = []
    for number in range(6):
        harness.send(event(f"e{number}", at_seconds=number * 8, confidence=0.9))
        alert = newest(harness)
        assert alert.rank == sum(part.points for part in alert.reasons)
        ranks.append(alert.rank)
    assert ranks == sorted(ranks)
    assert ranks[0] < ranks[-1]
    assert points(newest(harness), "duration") > 0


def test_a_neighbour_raises_an_open_alert_and_is_named() -> None:
    harness = Harness(site())
    harness.send(event("e1", label="person"))
    alone = newest(harness)
    assert points(alone, "correlated") == 0
    harness.send(event("e2", at_seconds=60, camera_id="cam-2", label="person"))
    first, second = newest(harness), newest(harness, "cam-2")
    assert first.rank > alone.rank
    assert first.events == alone.events
    assert points(second, "correlated") > 0
    assert any("cam-2" in part.reason for part in first.reasons)


@pytest.mark.parametrize(
    ("seconds", "counts"),
    [
        (300, True),  # the last moment within minutes
        (301, False),
        (-60, True),  # a camera that delivers late
    ],
)
def test_neighbours_count_within_minutes_by_event_time(seconds: float, counts: bool) -> None:
    harness = Harness(site())
    harness.send(event("e1", at_seconds=100))
    harness.send(event("e2", at_seconds=100 + seconds, camera_id="cam-2"), at_seconds=500)
    assert (points(newest(harness), "correlated") > 0) is counts


def test_a_camera_is_no_neighbour_of_its_own() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.send(event("e2", at_seconds=5, event_type="loitering"))
    assert all(points(one, "correlated") == 0 for one in harness.alerts().values())


def test_a_neighbour_that_was_always_false_counts_less() -> None:
    def correlated(reason: str) -> int:
        harness = Harness(site())
        for number in range(6):
            harness.send(event(f"b{number}", at_seconds=number * 400, camera_id="cam-2"))
            harness.command("resolve", alert=newest(harness, "cam-2").alert_id, reason=reason)
        harness.send(event("b", at_seconds=4000, camera_id="cam-2"))
        harness.send(event("e", at_seconds=4010))
        return points(newest(harness), "correlated")

    assert correlated("false_positive") < correlated("true_positive")


@pytest.mark.parametrize(
    ("reason", "direction"),
    [("true_positive", 1), ("false_positive", -1), ("benign", -1), ("test", 0), ("duplicate", 0)],
)
def test_what_analysts_say_of_an_alert_counts_for_the_next_of_its_rule(
    reason: str, direction: int
) -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    before = points(newest(harness), "precision")
    for number in range(4):
        harness.command("resolve", alert=newest(harness).alert_id, reason=reason)
        harness.send(event(f"n{number}", at_seconds=number + 1))
    # A verdict is the camera's own: another's alerts do not hear of it.
    harness.send(event("other", at_seconds=9, camera_id="cam-2"))
    after = points(newest(harness), "precision")
    assert (after > before) - (after < before) == direction
    assert points(newest(harness, "cam-2"), "precision") == before


def test_a_reopened_alerts_verdict_is_taken_back() -> None:
    harness = Harness(site())
    for number in range(3):
        harness.send(event(f"e{number}", at_seconds=number))
        alert = newest(harness).alert_id
        harness.command("resolve", alert=alert, reason="false_positive")
        harness.command("reopen", alert=alert)
        harness.command("resolve", alert=alert, reason="test")
    harness.send(event("last", at_seconds=9))
    (told,) = (part for part in newest(harness).reasons if part.name == "precision")
    assert told.reason == "Analysts have judged no alert of this camera and rule yet."


def test_a_camera_without_a_week_says_so_and_learns_its_hours() -> None:
    harness = Harness(site(min_confidence=0.0))
    for day in range(9):
        harness.send(event(f"d{day}", at_seconds=day * 86_400))
        harness.command("resolve", alert=newest(harness).alert_id)
        if day == 0:
            young = {part.name: part.reason for part in harness.alerts().popitem()[1].reasons}
    assert "no history of a week" in young["hour"]
    usual = event("usual", at_seconds=9 * 86_400 + 600)
    harness.send(usual)
    by_day = points(newest(harness), "hour")
    harness.command("resolve", alert=newest(harness).alert_id)
    harness.send(event("odd", at_seconds=9 * 86_400 + 15 * 3600))
    assert points(newest(harness), "hour") > by_day


def test_a_crowd_of_cameras_takes_points_back() -> None:
    many = tuple(f"c{number}" for number in range(18))
    one = Site(
        site_id="north",
        cameras=tuple(Camera(camera_id=name) for name in many),
        zones=tuple(
            type(zone)(zone_id=zone.zone_id, camera_ids=many, severity=zone.severity)
            for zone in site().zones
        ),
    )

    def correlated(others: int) -> int:
        harness = Harness(one)
        for number in range(others):
            harness.send(event(f"e{number}", at_seconds=number, camera_id=many[number + 1]))
        harness.send(event("e", at_seconds=60, camera_id="c0"))
        return points(newest(harness, "c0"), "correlated")

    assert 0 < correlated(15) < correlated(4)


def test_the_same_event_again_changes_no_rank() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.send(event("e2", at_seconds=1, camera_id="cam-2"))
    before = harness.alerts()
    harness.send(event("e2", at_seconds=1, camera_id="cam-2"))
    assert harness.alerts() == before
    assert newest(harness).first_event == T0 + timedelta(0)
