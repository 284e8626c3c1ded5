"""What `bench recovery` writes is what an owner would have written."""

from __future__ import annotations

import json
from collections import Counter

from agents.runtime.state import decode_row
from agents.runtime.store import row_key
from infra.bench.recovery import (
    KNOWN_AT_MS,
    Recovered,
    _report,
    device_of,
    rows,
)
from infra.bench.stream.job import WINDOW_MS
from infra.bench.stream.ours import LAST, Last


def test_rows_are_the_tables_own() -> None:
    for number, (key, value, partition) in enumerate(rows(9, 4)):
        assert partition == number % 4
        assert key == row_key(partition, LAST.row(device_of(number).decode()))
        assert decode_row(LAST, value) == Last(KNOWN_AT_MS)


def test_rows_are_spread_and_all_different() -> None:
    made = list(rows(1_000, 4))
    assert len({key for key, _, _ in made}) == 1_000
    assert set(Counter(partition for _, _, partition in made).values()) == {250}


def test_a_known_device_is_asked_within_its_window() -> None:
    device, value, partition = _report(6, 4)
    told = json.loads(value)
    assert device == device_of(6)
    assert told["device"].encode() == device
    assert 0 <= told["at_ms"] - KNOWN_AT_MS < WINDOW_MS
    assert partition == 2


def test_rate_is_of_what_the_rows_took() -> None:
    assert Recovered(keys=1_000, ready_s=7.0, idle_s=5.0).rows_per_s == 500
    assert Recovered(keys=1_000, ready_s=5.0, idle_s=5.1).rows_per_s == 1_000_000
