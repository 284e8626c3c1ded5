"""What `bench watch` makes of what it saw."""

from __future__ import annotations

import struct
from collections import Counter
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

import pytest

from infra.bench.watch import BENCH, document
from infra.bench.watching.devices import read_times
from infra.bench.watching.judge import Lateness, lateness, peak, seeded

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("polls", "expected"),
    [
        ([110.0], Lateness(due=1, late=0, worst=0.0)),
        ([115.0], Lateness(due=1, late=0, worst=5.0)),
        ([115.5], Lateness(due=1, late=1, worst=5.5)),
        ([], Lateness(due=1, late=1, worst=90.0)),  # never, until the worker's end
        ([50.0], Lateness(due=1, late=1, worst=90.0)),  # the one that the plan was made of
    ],
)
def test_what_is_late(polls: list[float], expected: Lateness) -> None:
    assert lateness({"a": [(50.0, 110.0)]}, {"a": polls}, [(100.0, 200.0)]) == expected


@pytest.mark.parametrize("due", [99.0, 196.0, 250.0])
def test_what_is_due_while_nobody_is_up_is_nobodys(due: float) -> None:
    found = lateness({"a": [(50.0, due)]}, {}, [(100.0, 200.0), (300.0, 400.0)])
    assert (found.due, isnan(found.ratio)) == (0, True)


def test_every_plan_counts_in_each_span() -> None:
    plans = {"a": [(50.0, 110.0), (110.0, 310.0)], "b": [(60.0, 120.0)]}
    polls = {"a": [110.0, 330.0], "b": [121.0]}
    found = lateness(plans, polls, [(100.0, 200.0), (300.0, 400.0)])
    assert (found.due, found.late, found.worst) == (3, 1, 20.0)
    assert found.ratio == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("times", "most"),
    [
        ([], 0),
        ([100.0, 109.9, 110.0], 2),  # half open
        ([100.0 + 0.5 * n for n in range(100)], 20),
        ([50.0] * 9 + [101.0, 102.0], 2),  # before the start
        ([199.0, 201.0], 1),  # after the end
        ([150.0, 149.0, 151.0], 3),  # in no order
    ],
)
def test_the_fullest_window(times: list[float], most: int) -> None:
    assert peak(times, 100.0, 200.0) == most


def test_seeded_devices_are_as_if_polled_for_long() -> None:
    keys = [("n", f"d{number}") for number in range(4000)]
    found = seeded(keys, NOW, 1)
    assert [(one.site_id, one.device_id) for one in found] == keys
    assert all(one.at <= NOW < one.next_poll_at for one in found)
    # As many are due in each part of the next two minutes, the shortest interval.
    parts = Counter(int((one.next_poll_at - NOW).total_seconds() // 30) for one in found)
    expected = 4000 * 30 / 240
    for part in range(4):
        assert 0.8 * expected < parts[part] < 1.2 * expected
    assert seeded(keys, NOW, 1) == found
    assert seeded(keys, NOW, 2) != found


def test_times_that_are_still_being_written_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "times"
    path.write_bytes(struct.pack("<2d", 1.5, 2.5) + b"\0\0\0")
    assert read_times(path) == [1.5, 2.5]


def test_ten_thousand_devices_of_both_kinds() -> None:
    shown = document(4711)
    drivers = Counter(one.driver for site in shown.sites for one in site.devices)
    assert drivers == {"tcp": 5000, "http": 5000}


def test_its_bars() -> None:
    bars = {one.name: one.bar.limit for one in BENCH.metrics if one.bar is not None}
    assert bars == {"late_polls_ratio": 0.01, "resident_mib": 300.0, "restart_peak_ratio": 1.5}
