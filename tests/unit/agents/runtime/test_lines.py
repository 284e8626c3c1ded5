"""A producer that does not come back is replaced, and what it still has under way is reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest
import pytest_asyncio

from agents.runtime.lines import Client, Line

NOWHERE = {
    "bootstrap.servers": "127.0.0.1:1",
    "message.timeout.ms": 100,
    "log_level": 0,
    "enable.metrics.push": False,
}


@pytest_asyncio.fixture
async def line() -> AsyncIterator[Line]:
    made = Line("test", NOWHERE, patience_s=0.0)
    yield made
    await made.stop()


async def until_ended(client: Client, seconds: float = 10) -> None:
    deadline = monotonic() + seconds
    while not client.ended:
        assert monotonic() < deadline, "it goes on"
        await asyncio.sleep(0.02)


async def test_it_stays_with_its_producer(line: Line) -> None:
    assert line.client() is line.client()


async def test_what_timed_out_is_followed_by_another_producer(line: Line) -> None:
    first = line.client()
    line.timed_out(first)
    second = line.client()
    assert second is not first
    await until_ended(first)
    assert not second.ended


async def test_many_that_time_out_at_once_make_one(line: Line) -> None:
    first = line.client()
    line.timed_out(first)
    second = line.client()
    line.timed_out(first)
    assert line.client() is second


async def test_a_young_one_is_kept() -> None:
    line = Line("test", NOWHERE, patience_s=3600)
    first = line.client()
    line.timed_out(first)
    assert line.client() is first
    await line.stop()
    assert first.ended


@pytest.mark.parametrize("waited_for", [True, False])
async def test_one_that_was_replaced_reports_what_it_has(line: Line, waited_for: bool) -> None:
    """A sending that waits for its report keeps it going, and so does a record under way."""
    told: list[object] = []
    first = line.client()
    first.flights += waited_for
    first.producer.produce("anywhere", b"x", on_delivery=lambda error, _: told.append(error))
    line.timed_out(first)
    deadline = monotonic() + 10
    while not told:
        assert monotonic() < deadline, "it was not reported"
        await asyncio.sleep(0.02)
    assert told[0] is not None
    if waited_for:
        assert not first.ended
        first.flights -= 1
    await until_ended(first)


async def test_who_stops_ends_those_before_too(line: Line) -> None:
    first = line.client()
    first.flights += 1
    line.timed_out(first)
    second = line.client()
    await line.stop()
    assert first.ended
    assert second.ended
