"""The simulated histories, and what is counted on them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from math import isnan

import pytest

from infra.bench import rank
from infra.bench.frame import Run
from infra.bench.ranking import history
from infra.bench.ranking.history import ALERTS, INCIDENTS, events, simulate
from infra.bench.ranking.noise import TRUE, Train
from infra.bench.ranking.world import SITE, document
from infra.cli.main import main
from infra.errors import ExitCode
from infra.settings import Settings
from schemas.alert import Alert, AlertState
from schemas.base import Severity

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def alert(name: str, *, rank: int, severity: Severity, minutes: float) -> Alert:
    return Alert(
        alert_id=name,
        site_id=SITE,
        state=AlertState.OPEN,
        severity=severity,
        event_type="motion",
        rank=rank,
        reasons=(),
        opened_at=NOW,
        updated_at=NOW,
        first_event=NOW,
        last_event=NOW + timedelta(minutes=minutes),
        events=1,
        repeats=0,
        revision=1,
    )


def test_a_seed_is_one_history_and_another_is_another() -> None:
    one, again, other = simulate(3), simulate(3), simulate(4)
    assert (one.month, one.last, one.hour) == (again.month, again.last, again.hour)
    assert one.last != other.last


def test_the_hour_has_ten_incidents_among_two_hundred_alerts() -> None:
    made = simulate(5)
    assert len({one.incident for one in made.last if one.incident}) == INCIDENTS
    assert len(made.last) == ALERTS
    assert all(made.hour <= one.at < made.hour + timedelta(hours=1, minutes=5) for one in made.last)
    sources = Counter(one.source for one in (*made.month, *made.last))
    assert {
        "weather",
        "animal",
        "headlights",
        "flapping",
        "staff",
        "guard",
        "cleaning",
        "lorry",
    } <= set(sources)
    true = [one for one in made.month if one.nature == TRUE]
    assert true
    assert all(one.source == "incident" for one in true)


def test_what_is_true_shares_everything_with_noise_and_says_nothing_of_itself() -> None:
    made = simulate(6)
    zones = {area.zone_id: area.severity for area in made.world.areas}
    for field in ("zone", "rule", "label"):
        true = {getattr(one, field) for one in made.last if one.incident}
        noise = {getattr(one, field) for one in (*made.month, *made.last) if not one.incident}
        assert true <= noise
    assert {zones[one.zone] for one in made.last if one.incident} <= {
        zones[one.zone] for one in made.last if not one.incident
    }
    for event, train in events(made.last, "t"):
        if train.incident:
            assert event.labels == {}
            assert event.vendor is None
            assert "incident" not in event.event_id


def test_the_document_has_every_camera_that_is_seen() -> None:
    made = simulate(7)
    (site,) = document(made.world).sites
    known = {(zone.zone_id, name) for zone in site.zones for name in zone.camera_ids}
    assert {(one.zone, one.camera) for one in (*made.month, *made.last)} <= known


def test_an_incident_counts_once_and_ties_go_to_the_smaller_id() -> None:
    alerts = [
        alert(f"n{number:02d}", rank=50, severity=Severity.HIGH, minutes=number)
        for number in range(12)
    ]
    alerts += [
        alert("a", rank=90, severity=Severity.LOW, minutes=-1),
        alert("b", rank=80, severity=Severity.LOW, minutes=-2),
        alert("z", rank=50, severity=Severity.HIGH, minutes=99),
    ]
    found = rank.queues(alerts, {"a": "one", "b": "one", "z": "two"})
    # By severity `z` ties with twelve, and its id is the last of them.
    assert found == {"rank": 1, "severity": 0, "recency": 1}


def test_the_metric_is_over_the_better_baseline_of_all_seeds() -> None:
    counts = [
        rank.Counts(1, 200, {"rank": 6, "severity": 4, "recency": 0}),
        rank.Counts(2, 200, {"rank": 6, "severity": 2, "recency": 5}),
    ]
    measured = rank.result(counts)
    assert measured.value == pytest.approx(12 / 6)
    assert measured.detail["seeds"]["2"] == {"alerts": 200, "rank": 6, "severity": 2, "recency": 5}
    assert isnan(rank.result([rank.Counts(1, 200, dict.fromkeys(rank.ORDERS, 0))]).value)


def test_a_short_history_goes_through_the_real_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "DAYS", 2)
    (measured,) = rank.measure(Run(settings=Settings(), seeds=(11,)))
    seed = measured.detail["seeds"]["11"]
    assert seed["alerts"] == pytest.approx(ALERTS, abs=5)
    assert all(0 <= seed[name] <= 10 for name in rank.ORDERS)


def test_two_trains_far_enough_apart_are_two_alerts() -> None:
    def at(minutes: float) -> Train:
        begin = NOW + timedelta(minutes=minutes)
        return Train(begin, "c", "z", "motion", None, ((0.0, 0.9), (60.0, 0.5)), TRUE, "weather")

    assert at(0).apart(at(20))
    assert at(20).apart(at(0))
    assert not at(0).apart(at(3))
    assert at(0).passes


@pytest.mark.parametrize("text", ["", "5..2", "a..b", "1..2..3", "-1..2", "1..99999"])
def test_seeds_that_are_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "rank", f"--seeds={text}"]) == ExitCode.USAGE
    assert "--seeds" in capsys.readouterr().err
