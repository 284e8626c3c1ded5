"""A line to the broker: a librdkafka producer, and another one where it does not come back.

Where a broker that starts answers a question for metadata before it has registered itself, it names
no broker at all. librdkafka takes that for the truth, forgets the only one it knows, and has nobody
left to ask: what is sent by that producer times out for as long as it lives (issue 5301 of
confluentinc/librdkafka, seen with 2.12 to 2.16 and either `metadata.recovery.strategy`; of 200
producers whose broker was restarted under load, ten). Issue 5430, a partition whose leader was
unknown for a moment, looks the same.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from confluent_kafka import Producer

__all__ = ["Client", "Line"]

log = logging.getLogger("watchfloor.emitter")

POLL_S: Final = 0.1


class Client:
    """A producer, and the thread that polls it for delivery reports.

    flights: sendings that wait for theirs; set by the loop alone. many: whoever sends polls as
    well, and the thread does so only while nobody sends. A thread is told of a record at once,
    but each report takes the interpreter's lock from the loop: of thousands, that is most of
    what they cost.
    """

    def __init__(self, name: str, config: Mapping[str, Any], *, many: bool = False) -> None:
        self.producer = Producer(dict(config))
        self.flights = 0
        self.many = many
        self.since = monotonic()
        self._retired = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._poll, name=name, daemon=True)
        self._thread.start()

    def _poll(self) -> None:
        while not self._end.is_set():
            # What nobody waits for any more may still be under way.
            if self._retired.is_set() and not self.flights and not len(self.producer):
                return
            if self.many and self.flights:
                self._end.wait(POLL_S)
            else:
                self.producer.poll(POLL_S)

    def retire(self) -> None:
        """Nothing is sent by it any more: it ends once everything is reported."""
        self._retired.set()

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    async def stop(self) -> None:
        """Close it; what is still under way is told as not confirmed."""
        self._end.set()
        await asyncio.to_thread(self._thread.join, 5)
        await asyncio.to_thread(self.producer.flush, 2)
        self.producer.purge()
        await asyncio.to_thread(self.producer.flush, 1)


class Line:
    """The producer that is sent by now; older ones still report what was sent by them.

    patience_s: a producer is replaced if what was sent times out so long after it was made, or
    later. While the broker is away one is made every so often, which costs next to nothing.
    many: see `Client`.
    """

    def __init__(
        self, name: str, config: Mapping[str, Any], patience_s: float, *, many: bool = False
    ) -> None:
        self._name = name
        self._many = many
        self._config = dict(config)
        self._patience_s = patience_s
        self._client: Client | None = None
        self._retired: list[Client] = []

    def client(self) -> Client:
        """The one to send by; made at the first call."""
        if self._client is None:
            self._client = Client(self._name, self._config, many=self._many)
        return self._client

    def timed_out(self, client: Client) -> None:
        """What was sent by it timed out: what comes is sent by another one."""
        if client is not self._client or monotonic() - client.since < self._patience_s:
            return
        log.warning("what was sent is not confirmed: trying another connection")
        self._retired = [one for one in self._retired if not one.ended]
        self._retired.append(client)
        client.retire()
        self._client = Client(self._name, self._config, many=self._many)

    async def stop(self) -> None:
        """Close it; what is still under way is told as not confirmed."""
        # Whoever is told from here on finds nothing to send with again.
        client, self._client = self._client, None
        clients = [*self._retired, *([client] if client is not None else [])]
        self._retired.clear()
        await asyncio.gather(*(one.stop() for one in clients))
