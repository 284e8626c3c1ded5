"""How a run is cut among workers."""

from __future__ import annotations

import pytest

from infra.backtest.plan import Part, shares


@pytest.mark.parametrize(
    ("sizes", "workers", "wanted"),
    [
        ((10, 10, 10, 10), 1, [((0, 1, 2, 3), (0, 1))]),  # one worker has all of it
        ((10, 10, 10, 10), 2, [((0, 2), (0, 1)), ((1, 3), (0, 1))]),  # even: an event once
        ((100, 1, 1), 2, [((0, 1, 2), (0,)), ((0, 1, 2), (1,))]),  # one site: by document
        ((0, 0, 7), 1, [((2,), (0, 1))]),  # what is empty is not read
        ((7,), 2, [((0,), (0,)), ((0,), (1,))]),
        ((100, 50, 50), 4, [((0,), (0,)), ((1, 2), (0,)), ((0,), (1,)), ((1, 2), (1,))]),
    ],
)
def test_shares(
    sizes: tuple[int, ...], workers: int, wanted: list[tuple[tuple[int, ...], tuple[int, ...]]]
) -> None:
    parts = [Part(number, 5, 5 + size) for number, size in enumerate(sizes)]
    found = shares(parts, 2, workers)
    assert [(tuple(p.number for p in s.parts), s.documents) for s in found] == wanted


@pytest.mark.parametrize("workers", range(1, 9))
def test_every_partition_is_run_once_under_each_document(workers: int) -> None:
    parts = [Part(number, 0, 1 + number * number) for number in range(12)]
    done = [
        (part.number, document)
        for share in shares(parts, 2, workers)
        for part in share.parts
        for document in share.documents
    ]
    assert sorted(done) == sorted((part.number, d) for part in parts for d in (0, 1))
    assert len(shares(parts, 2, workers)) <= workers


def test_nothing_recorded_is_one_empty_share() -> None:
    (share,) = shares([Part(0, 3, 3)], 2, 4)
    assert share.parts == ()
    assert share.documents == (0, 1)
