"""Who waits for which decision.

Each API replica follows the whole of `security.decisions.v1`, so that a decision finds its waiter
wherever the event was posted. The map is bounded, and so is the memory of recent answers, which
gives the same event its first result again without asking the database.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from api.event.schemas import Answer
from api.problems import Overloaded
from schemas.decision import Decision

__all__ = ["Flight", "Flights", "answer_of"]

RECENT: Final = 10_000
WAITING: Final = 800
SEND_S: Final = 10.0

Key = tuple[str, str]
"""Site and event."""


def answer_of(decision: Decision) -> Answer:
    """What a client is told of a decision."""
    return Answer(
        event_id=decision.event_id,
        site_id=decision.site_id,
        result=decision.result,
        reason=decision.reason,
        alert_id=decision.alert_id,
    )


class Flight:
    """One event under way, shared by everybody who posted it.

    taken: done when the event is safe in Kafka (or its answer was known already); fails with
    TimeoutError when that takes 10 s. answer: done when it is decided.
    """

    def __init__(self, key: Key, send: Callable[[], Awaitable[Answer | None]]) -> None:
        self.key = key
        self.waiters = 0
        self._counted = False
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.taken: asyncio.Task[None] = asyncio.create_task(self._take(send))
        # Nobody may be left to look at a failure, and that is no defect.
        self.taken.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _take(self, send: Callable[[], Awaitable[Answer | None]]) -> None:
        async with asyncio.timeout(SEND_S):
            known = await send()
        if known is not None:
            self._counted = True
            self.land(known)

    def land(self, answer: Answer) -> None:
        """The decision is there."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def first(self) -> bool:
        """Whether nobody has asked this yet, and the answer came from the pipeline: count it."""
        counted, self._counted = self._counted, True
        return not counted


class Flights:
    """Events under way, and the newest answers."""

    def __init__(self, *, recent: int = RECENT, waiting: int = WAITING) -> None:
        self._recent: OrderedDict[Key, Answer] = OrderedDict()
        self._recent_limit = recent
        self._waiting_limit = waiting
        self._flights: dict[Key, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def recent(self, key: Key) -> Answer | None:
        """The answer, where it came lately."""
        return self._recent.get(key)

    def decided(self, decision: Decision) -> bool:
        """Called with every decision; the first one about an event stands. False: it came again."""
        key = (decision.site_id, decision.event_id)
        answer = self._recent.get(key)
        first = answer is None
        if answer is None:
            answer = self._recent[key] = answer_of(decision)
            if len(self._recent) > self._recent_limit:
                self._recent.popitem(last=False)
        flight = self._flights.get(key)
        if flight is not None:
            flight.land(answer)
        return first

    @contextmanager
    def join(self, key: Key, send: Callable[[], Awaitable[Answer | None]]) -> Iterator[Flight]:
        """The flight of an event; the first to come starts it with `send`.

        The last to leave takes it away, once the event is sent: a client that goes away does not
        interrupt a produce. Raises Overloaded when too many are under way.
        """
        flight = self._flights.get(key)
        if flight is None:
            if len(self._flights) >= self._waiting_limit:
                raise Overloaded(self._waiting_limit)
            flight = self._flights[key] = Flight(key, send)
        flight.waiters += 1
        try:
            yield flight
        finally:
            flight.waiters -= 1
            if flight.waiters == 0:
                self._leave(flight)

    def _leave(self, flight: Flight) -> None:
        def gone(_: object) -> None:
            if flight.waiters == 0 and self._flights.get(flight.key) is flight:
                del self._flights[flight.key]

        if flight.taken.done():
            gone(None)
        else:
            flight.taken.add_done_callback(gone)

    async def close(self) -> None:
        """End what is under way."""
        tasks = [flight.taken for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
