"""What is read once for many: fresh for each of them, and never more than two at a time."""

from __future__ import annotations

import asyncio

import pytest

from api.sharing import Shared


class Reading:
    """Readings that end when they are told to."""

    def __init__(self) -> None:
        self.begun: list[asyncio.Future[int]] = []

    async def read(self) -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.begun.append(future)
        return await future


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_comes_while_it_is_read_shares_the_next_reading() -> None:
    shared, reading = Shared[str, int](), Reading()
    first = asyncio.create_task(shared.get("a", reading.read))
    await settle()
    later = [asyncio.create_task(shared.get("a", reading.read)) for _ in range(5)]
    await settle()
    assert len(reading.begun) == 1
    reading.begun[0].set_result(1)
    await settle()
    # The first has its own; nobody who came later was told what was read before.
    assert await first == 1
    assert not any(task.done() for task in later)
    assert len(reading.begun) == 2
    last = asyncio.create_task(shared.get("a", reading.read))
    await settle()
    reading.begun[1].set_result(2)
    assert await asyncio.gather(*later) == [2] * 5
    await settle()
    reading.begun[2].set_result(3)
    assert await last == 3
    await settle()
    assert len(shared) == 0


async def test_keys_do_not_wait_for_each_other() -> None:
    shared, reading = Shared[str, int](), Reading()
    tasks = [asyncio.create_task(shared.get(key, reading.read)) for key in ("a", "b")]
    await settle()
    reading.begun[1].set_result(2)
    assert await tasks[1] == 2
    assert not tasks[0].done()
    reading.begun[0].set_result(1)
    assert await tasks[0] == 1


async def test_one_that_leaves_takes_it_from_nobody() -> None:
    shared, reading = Shared[str, int](), Reading()
    first = asyncio.create_task(shared.get("a", reading.read))
    await settle()
    second, third = (asyncio.create_task(shared.get("a", reading.read)) for _ in range(2))
    await settle()
    first.cancel()
    second.cancel()
    await settle()
    reading.begun[0].set_result(1)
    await settle()
    reading.begun[1].set_result(2)
    assert await third == 2


async def test_a_failure_is_told_to_all_and_ends_nothing() -> None:
    shared, reading = Shared[str, int](), Reading()
    tasks = [asyncio.create_task(shared.get("a", reading.read)) for _ in range(3)]
    await settle()
    reading.begun[0].set_exception(OSError("away"))
    await settle()
    reading.begun[1].set_exception(OSError("still away"))
    for task, words in zip(tasks, ("away", "still away", "still away"), strict=True):
        with pytest.raises(OSError, match=f"^{words}$"):
            await task
    again = asyncio.create_task(shared.get("a", reading.read))
    await settle()
    reading.begun[2].set_result(5)
    assert await again == 5
