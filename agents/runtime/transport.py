"""Faust's consumer, with offsets that are committed when their records are done and not before."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from time import monotonic
from typing import Any, Final, NamedTuple, cast

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from agents.runtime.offsets import Offsets, Sight

__all__ = ["OrderedApp", "OrderedConsumer"]

log = logging.getLogger("watchfloor.transport")

LOOK_AGAIN_S: Final = 2.0
"""After going back, so long for what is missing to come before going back once more."""
BELIEVE_AFTER: Final = 3
"""So often nothing came at the same place: nothing is there, say a transaction's marker."""


class _Forgetful(defaultdict[TP, int | None]):
    """In the place of the offsets that Faust has read: it drops what is fetched a second time,
    and with it what was fetched too early, and dropped, the first time."""

    def __setitem__(self, _tp: TP, _offset: int | None) -> None:
        """Keep nothing."""

    def update(self, *_args: Any, **_kwargs: Any) -> None:
        """Keep nothing."""


class _Back(NamedTuple):
    """Where the fetcher was sent back to, when, and how often so far."""

    to: int
    at: float
    times: int


class OrderedConsumer(driver.Consumer):
    """Replaces Faust's own account of what was read, acked and skipped by `Offsets`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offsets: Offsets[TP] = Offsets()
        self._read_offset = _Forgetful(lambda: None)
        self._went_back: dict[TP, _Back] = {}

    async def perform_seek(self) -> None:
        """Go to the committed offsets, else to the beginnings; partitions are ours from there on.

        Faust goes nowhere where nothing is committed, and may have fetched before it came here.
        An offset beyond the end was committed for a topic that was made anew since.
        """
        await super().perform_seek()
        self._went_back.clear()
        ours = [TP(*tp) for tp in self.assignment() if not self._is_changelog_tp(tp)]
        ends = await self.highwaters(*ours) if ours else {}
        first = {
            tp: offset
            for tp in ours
            if (offset := self._committed_offset.get(tp)) is not None and offset <= ends[tp]
        }
        fresh = [tp for tp in ours if tp not in first]
        earliest = await self.earliest_offsets(*fresh) if fresh else {}
        for tp in fresh:
            first[tp] = earliest[tp]
            self._committed_offset[tp] = None
        for tp, offset in first.items():
            self.offsets.begin(tp, offset)
            # What was fetched before it was ours was not taken: it is to come again.
            await self.seek(tp, offset)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Partitions are lost: before anything else that may take a while."""
        self.offsets.forget(TP(*tp) for tp in revoked)
        await super().on_partitions_revoked(revoked)

    async def sight(self, tp: TP, offset: int) -> Sight:
        """What a record is; where one before it is missing, the fetcher goes back for it."""
        seen = self.offsets.see(tp, offset)
        if seen is not Sight.BEYOND:
            return seen
        progress = self.offsets.progress(tp)
        assert progress is not None
        missing = progress.next
        if tp.topic in cast(OrderedApp, self.app).compact:
            self.offsets.skip(tp, offset)
            return self.offsets.see(tp, offset)
        back = self._went_back.get(tp)
        times = back.times if back is not None and back.to == missing else 0
        if back is not None and times and monotonic() - back.at < LOOK_AGAIN_S:
            return seen
        earliest = (await self.earliest_offsets(tp)).get(tp, 0)
        if earliest > missing:
            self.offsets.skip(tp, earliest)
        elif times >= BELIEVE_AFTER:
            log.warning("%s: nothing at %d to %d", tp, missing, offset - 1)
            self.offsets.skip(tp, offset)
        else:
            log.info("%s: %d came before %d, going back", tp, offset, missing)
            await self._go_back(tp, missing, times + 1)
            return seen
        return self.offsets.see(tp, offset)

    async def _go_back(self, tp: TP, to: int, times: int) -> None:
        self._went_back[tp] = _Back(to, monotonic(), times)
        await self.seek(tp, to)

    async def force_commit(self, *args: Any, **kwargs: Any) -> bool:
        """Commit, several times a second; and go back again where nothing came of going back.

        A record that is missing at the end of its partition has none after it to be noticed by.
        """
        for tp, back in tuple(self._went_back.items()):
            progress = self.offsets.progress(tp)
            if progress is None or progress.next != back.to:
                del self._went_back[tp]
            elif monotonic() - back.at >= LOOK_AGAIN_S and back.times < BELIEVE_AFTER:
                await self._go_back(tp, back.to, back.times + 1)
        done: bool = await super().force_commit(*args, **kwargs)
        return done

    def ack(self, message: Any) -> bool:
        """Of Faust's own account only what is outstanding is kept."""
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in self.offsets if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self.offsets.safe(tp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """No gap is taken for done."""


class OrderedTransport(driver.Transport):
    """Faust's transport, with our consumer."""

    Consumer = OrderedConsumer


class OrderedApp(faust.App):
    """Faust's app, with our transport. compact: topics whose offsets have holes by nature."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.compact: set[str] = set()

    def _new_transport(self) -> OrderedTransport:
        return OrderedTransport(self.conf.broker_consumer, self)
