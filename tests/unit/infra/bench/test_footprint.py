"""The memory of an idle `up`: adding up, and when to."""

from __future__ import annotations

import pytest

from infra.bench.footprint import EXPECTED, by_name, has_settled, settle, total
from infra.errors import WatchfloorError


def test_children_count_with_their_server() -> None:
    rows = [
        {"pid": 1, "name": "kafka", "memory_mib": 200.0},
        {"pid": 2, "name": "postgres", "memory_mib": 4.5},
        {"pid": 3, "name": "postgres", "memory_mib": 1.5},
    ]
    assert by_name(rows) == {"kafka": 200.0, "postgres": 6.0}


def test_total_and_its_parts_largest_first() -> None:
    found = {name: float(number) for number, name in enumerate(EXPECTED, 1)}
    measured = total(found)
    assert measured.value == sum(range(1, len(EXPECTED) + 1))
    assert measured.holds is True
    assert list(measured.detail) == [f"{name}_mib" for name in reversed(EXPECTED)]
    assert total(dict.fromkeys(EXPECTED, 1000.0)).holds is False


@pytest.mark.parametrize("name", EXPECTED)
def test_a_process_that_is_missing_is_no_saving(name: str) -> None:
    found = dict.fromkeys(EXPECTED, 10.0)
    del found[name]
    with pytest.raises(WatchfloorError, match=name):
        total(found)


@pytest.mark.parametrize(
    ("totals", "settled"),
    [
        ([600.0] * 3, False),  # too few looks
        ([600.0] * 4, True),
        ([500.0, 600.0, 600.0, 601.0, 602.0], True),  # what was before does not count
        ([600.0, 600.0, 600.0, 610.0], False),  # it still grows
        ([610.0, 600.0, 600.0, 600.0], False),  # or shrinks
    ],
)
def test_settled(totals: list[float], settled: bool) -> None:
    assert has_settled(totals) is settled


def test_what_never_settles_is_taken_when_patience_ends() -> None:
    assert settle(lambda: {"kafka": 1.0}, patience=0.0) == {"kafka": 1.0}
