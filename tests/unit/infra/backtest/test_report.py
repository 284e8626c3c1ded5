"""What a backtest tells of alerts that nobody judged, and of those that would be new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from infra.backtest.recorded import Facts
from infra.backtest.report import MOST_UNJUDGED, Backtest, build, unjudged
from infra.backtest.tally import Seen, Tally
from schemas.alert import Alert, AlertState
from schemas.base import Severity
from schemas.event import EventSource, SecurityEvent
from tests.unit.agents.harness import T0

HOUR = timedelta(hours=1)


def alert(name: str, resolution: str | None = None, minute: float = 0.0) -> Alert:
    at = T0 + timedelta(minutes=minute)
    return Alert(
        alert_id=name,
        site_id="north",
        state=AlertState.OPEN,
        severity=Severity.HIGH,
        event_type="object_in_zone",
        rank=50,
        reasons=(),
        opened_at=at,
        updated_at=at,
        first_event=at,
        last_event=at,
        events=1,
        repeats=0,
        revision=1,
        camera_id="gate",
        zone_id="yard",
        event_ids=(f"of-{name}",),
        resolution=resolution,
    )


def made(name: str, track: str, minute: float = 1.0) -> SecurityEvent:
    return SecurityEvent(
        event_id=name,
        site_id="north",
        event_type="object_in_zone",
        source=EventSource.DETECTOR,
        occurred_at=T0 + timedelta(minutes=minute),
        camera_id="gate",
        zone_id="yard",
        label="person",
        track_id=track,
        box=(0.1, 0.2, 0.3, 0.4),
    )


def tally(**alerts: str | None) -> Tally:
    """Each watched event with the alert that it is in."""
    return Tally(
        watched={
            ("north", name.replace("_", "-")): Seen(
                "sent" if found else "suppressed", None if found else "outside_schedule", found
            )
            for name, found in alerts.items()
        }
    )


def report(
    *alerts: Alert,
    before: Tally,
    after: Tally,
    tried: Sequence[SecurityEvent] = (),
    tracks_before: Mapping[tuple[str, str], list[str]] | None = None,
    tracks: Mapping[str, str] | None = None,
) -> Backtest:
    places: dict[tuple[str, str], list[str]] = {}
    for one in tried:
        places.setdefault((one.track_id or "", "yard"), []).append(one.event_id)
    return build(
        since=T0,
        until=T0 + HOUR,
        source="topic",
        sites=("north",),
        changes=(),
        facts=Facts(alerts={one.alert_id: one for one in alerts}),
        tallies=(before, after),
        tracks=tracks or {},
        made=(tracks_before or {}, places),
        tried=tried,
        events=1,
        tried_on_tracks=1,
        notes=(),
        seconds=0.0,
    )


@pytest.mark.parametrize(
    ("resolution", "where"),
    [
        (None, "unjudged"),
        ("quiet", "unjudged"),  # it ended by itself
        ("true_positive", "missed"),
        ("false_positive", "gone"),
    ],
)
def test_an_alert_that_would_not_be_is_told_of_once(resolution: str | None, where: str) -> None:
    found = report(alert("a", resolution), before=tally(of_a="alert-1"), after=tally(of_a=None))
    lists = {name: getattr(found, name) for name in ("missed", "gone", "unjudged", "untold")}
    assert {name: [one.alert_id for one in fates] for name, fates in lists.items()} == {
        name: ["a"] if name == where else [] for name in lists
    }
    assert lists[where][0].reason == "outside_schedule"


def test_an_alert_that_stays_or_was_not_read_is_not_told_of() -> None:
    found = report(
        alert("kept"), alert("unread"), before=tally(of_kept="x"), after=tally(of_kept="y")
    )
    assert found.unjudged == ()


def test_the_newest_are_looked_at() -> None:
    alerts = [alert(f"a-{n}", minute=n) for n in range(MOST_UNJUDGED + 3)]
    found = unjudged(Facts(alerts={one.alert_id: one for one in alerts}))
    assert [one.alert_id for one in found] == [one.alert_id for one in alerts[3:]]


def test_what_only_the_new_zones_see_is_new_once_an_alert() -> None:
    events = [made("later", "t-2", 3.0), made("first", "t-1", 2.0), made("other", "t-3", 5.0)]
    found = report(before=tally(), after=tally(later="A", first="A", other="B"), tried=events)
    assert [(one.track_id, one.camera, one.at) for one in found.added] == [
        ("t-1", "gate", events[1].occurred_at),
        ("t-3", "gate", events[2].occurred_at),
    ]
    assert found.added[0].box == (0.1, 0.2, 0.3, 0.4)


@pytest.mark.parametrize(
    ("before", "after", "tracks_before", "why"),
    [
        ({}, {"e": "A"}, {("t", "yard"): ["e-before"]}, "the current zones see the track too"),
        ({}, {"e": None}, {}, "it is held back"),
        ({"old": "X"}, {"e": "A", "old": "A"}, {}, "its alert is there already"),
        ({}, {}, {}, "it was not run"),
    ],
)
def test_what_is_not_new(
    before: dict[str, str | None],
    after: dict[str, str | None],
    tracks_before: dict[tuple[str, str], list[str]],
    why: str,
) -> None:
    found = report(
        before=tally(**before),
        after=tally(**after),
        tried=[made("e", "t")],
        tracks_before=tracks_before,
    )
    assert found.added == (), why


def test_what_lies_before_the_span_is_not_new() -> None:
    found = report(before=tally(), after=tally(e="A"), tried=[made("e", "t", -1.0)])
    assert found.added == ()
