"""The arithmetic of a shift report, by `api/report/README.md`."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from api.report.examples import SHIFT
from api.report.shift import Group, Hour, cameras, hours, judged, rules, severities, to_csv
from schemas.base import Severity

BEGIN = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)


def group(
    resolution: str | None,
    opened: int = 1,
    *,
    zone: str | None = "yard",
    kind: str = "person_detected",
    camera: str | None = "gate",
    site: str = "north",
) -> Group:
    return Group(site, zone, kind, camera, resolution, opened)


@pytest.mark.parametrize(
    ("resolutions", "precision"),
    [
        ({}, None),
        ({None: 4}, None),  # nobody has judged any
        ({"duplicate": 2, "test": 1, "device back": 1}, None),  # no verdicts
        ({"true_positive": 3}, 1.0),
        ({"false_positive": 3}, 0.0),
        ({"true_positive": 1, "false_positive": 1}, 0.5),
        ({"true_positive": 1, "benign": 1}, 0.5),  # as little worth a look as a false one
        ({"true_positive": 2, "false_positive": 1, None: 40, "test": 9}, 0.6667),
    ],
)
def test_precision(resolutions: dict[str | None, int], precision: float | None) -> None:
    said = judged(group(resolution, opened) for resolution, opened in resolutions.items())
    assert said.precision == precision
    assert said.opened == sum(resolutions.values())
    assert said.opened == said.true + said.false + said.benign + said.unjudged


GROUPS = [
    group("true_positive", 2),
    group("false_positive", 1, camera="fence"),
    group("false_positive", 6, kind="vehicle_detected", zone=None),
    group(None, 1, kind="no_frames", zone=None, camera=None),
    group("benign", 1, site="south"),
]


def test_by_rule_the_one_with_most_alerts_first() -> None:
    found = [
        (line.site_id, line.zone_id, line.event_type, line.opened, line.precision)
        for line in rules(GROUPS)
    ]
    assert found == [
        ("north", None, "vehicle_detected", 6, 0.0),
        ("north", "yard", "person_detected", 3, 0.6667),
        ("north", None, "no_frames", 1, None),
        ("south", "yard", "person_detected", 1, 0.0),
    ]


def test_by_camera() -> None:
    found = [
        (line.site_id, line.camera_id, line.opened, line.precision) for line in cameras(GROUPS)
    ]
    assert found == [
        ("north", "gate", 8, 0.25),
        ("north", None, 1, None),
        ("north", "fence", 1, 0.0),
        ("south", "gate", 1, 0.0),
    ]


def test_hours_are_counted_from_the_beginning_and_none_is_left_out() -> None:
    counted = [
        Hour(0, Severity.HIGH, 2),
        Hour(0, Severity.INFO, 1),
        Hour(2, Severity.CRITICAL, 4),
    ]
    found = hours(counted, BEGIN, BEGIN + timedelta(hours=2, minutes=20))
    assert [line.from_ for line in found] == [BEGIN + timedelta(hours=n) for n in range(3)]
    assert [line.opened for line in found] == [3, 0, 4]
    assert (found[0].high, found[0].info, found[2].critical) == (2, 1, 4)


def test_the_worst_severity_comes_first() -> None:
    lines = [replace(SHIFT.severities[0], severity=one) for one in ("low", "critical", "high")]
    found = severities(replace(line, severity=Severity(line.severity)) for line in lines)
    assert [line.severity.value for line in found] == ["critical", "high", "low"]


def read(text: str) -> dict[tuple[str, str, str], str]:
    head, *lines = csv.reader(io.StringIO(text, newline=""))
    assert head == ["section", "key", "measure", "value"]
    assert {len(line) for line in lines} == {4}
    return {(section, key, measure): value for section, key, measure, value in lines}


def test_csv_has_every_number_once() -> None:
    text = to_csv(SHIFT)
    found = read(text)
    assert len(found) == text.count("\r\n") - 1
    assert found["shift", "", "from"] == "2026-03-02T21:00:00Z"
    assert found["total", "", "folded"] == "41"
    assert found["total", "", "ack_p90_s"] == "46.7"
    assert found["hour", "2026-03-02T22:00:00Z", "opened"] == "2"
    assert found["rule", "north/yard/person_detected", "precision"] == "0.5"
    assert found["camera", "north/gate", "true"] == "1"
    assert found["channel", "webhook", "failed"] == "1"
    assert found["notifications", "", "sent"] == "2"


def test_a_number_that_is_not_known_is_an_empty_cell() -> None:
    total = replace(SHIFT.total, ack_p50_s=None)
    assert read(to_csv(replace(SHIFT, total=total)))["total", "", "ack_p50_s"] == ""


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(name: str) -> None:
    line = replace(SHIFT.channels[0], channel_kind=name)
    keys = {key for _, key, _ in read(to_csv(replace(SHIFT, channels=(line,))))}
    assert f"'{name}" in keys
    assert name not in keys
