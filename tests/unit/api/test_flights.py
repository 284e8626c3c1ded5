"""Who waits for which decision: shared, bounded, and left in order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from api.event.flights import Flights
from api.event.schemas import Answer
from api.problems import Overloaded
from schemas.decision import Decision, Result

KEY = ("north", "e")


def decision(event: str = "e", result: Result = Result.SENT, site: str = "north") -> Decision:
    return Decision(
        decision_id="d",
        event_id=event,
        site_id=site,
        result=result,
        decided_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


class Sender:
    """Counts what is sent; waits until it may."""

    def __init__(self, known: Answer | None = None) -> None:
        self.sent = 0
        self.may = asyncio.Event()
        self.known = known

    async def __call__(self) -> Answer | None:
        self.sent += 1
        await self.may.wait()
        return self.known


async def test_concurrent_duplicates_share_one_flight() -> None:
    flights = Flights()
    sender = Sender()
    with flights.join(KEY, sender) as first, flights.join(KEY, sender) as second:
        assert first is second
        sender.may.set()
        await first.taken
        flights.decided(decision())
        assert (await second.answer).result is Result.SENT
        assert sender.sent == 1
        assert [first.first(), second.first()] == [True, False]
    assert len(flights) == 0


async def test_a_decision_that_comes_before_the_produce_is_confirmed_is_kept() -> None:
    flights = Flights()
    sender = Sender()
    with flights.join(KEY, sender) as flight:
        flights.decided(decision())
        sender.may.set()
        await flight.taken
        assert flight.answer.done()


async def test_the_first_decision_stands() -> None:
    flights = Flights()
    flights.decided(decision(result=Result.SENT))
    flights.decided(decision(result=Result.FAILED))
    found = flights.recent(KEY)
    assert found is not None
    assert found.result is Result.SENT


async def test_another_site_with_the_same_id_is_another_event() -> None:
    flights = Flights()
    with flights.join(KEY, Sender()) as flight:
        flights.decided(decision(site="south"))
        assert not flight.answer.done()
        assert flights.recent(KEY) is None
    await flights.close()


async def test_who_leaves_early_does_not_interrupt_the_produce() -> None:
    flights = Flights()
    sender = Sender()
    with flights.join(KEY, sender) as flight:
        await asyncio.sleep(0)
    assert len(flights) == 1
    assert not flight.taken.done()
    sender.may.set()
    await flight.taken
    await asyncio.sleep(0)
    assert len(flights) == 0


async def test_an_answer_that_is_known_already_lands_and_is_not_counted() -> None:
    flights = Flights()
    known = Answer(event_id="e", site_id="north", result=Result.GROUPED, reason=None, alert_id="a")
    sender = Sender(known)
    sender.may.set()
    with flights.join(KEY, sender) as flight:
        assert await flight.answer == known
        assert not flight.first()


async def test_a_produce_that_fails_fails_for_all_and_is_tried_anew() -> None:
    flights = Flights()

    async def fail() -> None:
        raise RuntimeError("refused")

    with flights.join(KEY, fail) as flight, pytest.raises(RuntimeError):
        await flight.taken
    assert len(flights) == 0
    sender = Sender()
    with flights.join(KEY, sender):
        await asyncio.sleep(0)
        assert sender.sent == 1
    await flights.close()


async def test_both_memories_are_bounded() -> None:
    flights = Flights(recent=2, waiting=1)
    for name in ("a", "b", "c"):
        flights.decided(decision(name))
    assert flights.recent(("north", "a")) is None
    assert flights.recent(("north", "c")) is not None
    sender = Sender()
    with (
        flights.join(KEY, sender),
        pytest.raises(Overloaded),
        flights.join(("north", "other"), sender),
    ):
        pass
    with flights.join(KEY, sender):  # whoever waits for the same event is no further flight
        pass
    await flights.close()
