"""The queue between a camera's thread and the loop."""

from __future__ import annotations

import asyncio
import threading

from agents.capture.outbox import Outbox


async def drain(outbox: Outbox[int]) -> list[int]:
    got: list[int] = []
    while not outbox.drained:
        got += await outbox.take(7, 1.0)
    return got


async def test_file_waits_and_loses_nothing() -> None:
    outbox: Outbox[int] = Outbox(4, lossy=False)

    def work() -> None:
        for number in range(500):
            assert outbox.put(number)
        outbox.finish()

    thread = threading.Thread(target=work)
    thread.start()
    assert await drain(outbox) == list(range(500))
    assert outbox.dropped == 0
    thread.join()


async def test_live_keeps_the_newest() -> None:
    outbox: Outbox[int] = Outbox(4, lossy=True)
    for number in range(100):
        assert outbox.put(number)
    outbox.finish()
    assert await drain(outbox) == [96, 97, 98, 99]
    assert outbox.dropped == 96


async def test_close_frees_a_thread_that_waits() -> None:
    outbox: Outbox[int] = Outbox(1, lossy=False)
    results: list[bool] = []
    waiting = threading.Event()

    def work() -> None:
        results.append(outbox.put(1))
        waiting.set()
        results.append(outbox.put(2))

    thread = threading.Thread(target=work)
    thread.start()
    await asyncio.to_thread(waiting.wait, 5)
    outbox.close()
    await asyncio.to_thread(thread.join, 5)
    assert results == [True, False]


async def test_take_ends_without_items() -> None:
    outbox: Outbox[int] = Outbox(4, lossy=True)
    assert await outbox.take(4, 0.01) == []
    assert not outbox.drained
    outbox.finish()
    assert await outbox.take(4, 10) == []
    assert outbox.drained


def test_thread_outlives_the_loop() -> None:
    async def make() -> Outbox[int]:
        return Outbox(4, lossy=True)

    outbox = asyncio.run(make())
    outbox.put(1)
    assert not outbox.put(2)
