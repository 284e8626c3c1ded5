"""How much of a machine an embedded PostgreSQL may hold in buffers."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from infra.embedded import buffers

GIB = 1024**3


@pytest.mark.parametrize(
    ("total", "held"),
    [
        (0, 32 * 1024**2),
        (GIB // 4, 32 * 1024**2),
        (4 * GIB, GIB // 4),
        (16 * GIB, GIB),
        (512 * GIB, GIB),
    ],
)
def test_a_share_of_the_memory_within_bounds(total: int, held: int) -> None:
    assert buffers.buffers_for(total) == held


def test_where_the_machine_is_the_servers_own_it_has_two_fifths() -> None:
    assert buffers.buffers_alone(10 * GIB) == 4 * GIB
    assert buffers.buffers_alone(0) == buffers.LEAST_BUFFERS


@pytest.mark.parametrize(("limit", "found"), [("65536\n", 65536), ("max\n", None), (None, None)])
def test_a_control_groups_limit_counts(
    limit: str | None, found: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "memory.max"
    if limit is not None:
        path.write_text(limit)
    monkeypatch.setattr(buffers, "LIMIT", path)
    assert buffers.memory() == (found or psutil.virtual_memory().total)
