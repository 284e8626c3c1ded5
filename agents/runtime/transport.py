"""Faust's consumer, with offsets that are committed when their records are done and not before."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from time import monotonic
from typing import Any, Final, cast

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


class OrderedConsumer(driver.Consumer):
    """Replaces Faust's own account of what was read, acked and skipped by `Offsets`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offsets: Offsets[TP] = Offsets()
        self._read_offset = _Forgetful(lambda: None)
        self._went_back: dict[TP, tuple[int, float, int]] = {}

    async def perform_seek(self) -> None:
        """Go to the committed offsets, else to the beginnings; partitions are ours from there on.

        Faust goes nowhere where nothing is committed, and may have fetched before it came here.
        """
        await super().perform_seek()
        ours = [TP(*tp) for tp in self.assignment() if not self._is_changelog_tp(tp)]
        committed = {tp: self._committed_offset.get(tp) for tp in ours}
        fresh = [tp for tp in ours if committed[tp] is None]
        earliest = await self.earliest_offsets(*fresh) if fresh else {}
        for tp in fresh:
            await self.seek(tp, earliest[tp])
        for tp, offset in committed.items():
            self.offsets.begin(tp, earliest[tp] if offset is None else offset)

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
        else:
            place, when, times = self._went_back.get(tp, (-1, -LOOK_AGAIN_S, 0))
            times = times if place == missing else 0
            if monotonic() - when < LOOK_AGAIN_S and times:
                return seen
            earliest = (await self.earliest_offsets(tp)).get(tp, 0)
            if earliest > missing:
                self.offsets.skip(tp, earliest)
            elif times >= BELIEVE_AFTER:
                log.warning("%s: nothing at %d to %d", tp, missing, offset - 1)
                self.offsets.skip(tp, offset)
            else:
                log.info("%s: %d came before %d, going back", tp, offset, missing)
                self._went_back[tp] = (missing, monotonic(), times + 1)
                await self.seek(tp, missing)
                return seen
        return self.offsets.see(tp, offset)

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
