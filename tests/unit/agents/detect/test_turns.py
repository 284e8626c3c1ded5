"""Inference in so many threads at once."""

from __future__ import annotations

import threading

import pytest

from agents.detect.turns import Turns

LIMIT_S = 10.0


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_than_that_at_once(most: int) -> None:
    turns = Turns(most)
    full = threading.Barrier(most + 1)
    go = threading.Event()
    inside: list[int] = []

    def work(number: int) -> None:
        with turns:
            inside.append(number)
            if len(inside) <= most:
                full.wait(LIMIT_S)
                go.wait(LIMIT_S)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(most + 2)]
    for thread in threads:
        thread.start()
    full.wait(LIMIT_S)
    assert len(inside) == most  # the others wait, and nobody has left
    go.set()
    for thread in threads:
        thread.join(LIMIT_S)
    assert sorted(inside) == list(range(most + 2))


def test_waiting_is_told_once_and_to_who_waited() -> None:
    turns = Turns(1)
    waited: list[float] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with turns:
            pass
        waited.extend((turns.waited(), turns.waited()))

    with turns:
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(LIMIT_S)
    thread.join(LIMIT_S)
    assert waited[0] > 0.0  # its own
    assert waited[1] == 0.0  # not again


def test_a_failure_ends_the_turn() -> None:
    turns = Turns(1)
    with pytest.raises(ValueError, match="broken"), turns:
        raise ValueError("broken")
    done = threading.Event()

    def next_one() -> None:
        with turns:
            done.set()

    thread = threading.Thread(target=next_one, daemon=True)
    thread.start()
    assert done.wait(LIMIT_S)


def test_who_never_had_a_turn_has_not_waited() -> None:
    assert Turns(1).waited() == 0.0
