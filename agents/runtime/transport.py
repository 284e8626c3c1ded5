"""Faust's transport with our consumer: fetches come as chunks, and offsets are committed when
their records are done and not before.

Upstream makes two tasks a record in `Consumer._drain_messages`, and takes gaps for done (see
`offsets`). Both are replaced here through Faust's own extension points: a `Transport` names its
consumer and its conductor, a consumer its thread.
"""

from __future__ import annotations

import asyncio
import logging
import operator
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple, cast

import faust
from faust.tables.manager import TableManager
from faust.transport.conductor import Conductor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from agents.runtime.chunks import Chunk
from agents.runtime.fetching import ChunkThread
from agents.runtime.offsets import Offsets, Sight
from topics.declare import Topic

__all__ = ["OrderedApp", "OrderedConsumer"]

log = logging.getLogger("watchfloor.transport")

LOOK_AGAIN_S: Final = 2.0
"""After going back, so long for what is missing to come before going back once more."""
BELIEVE_AFTER: Final = 3
"""So often nothing came at the same place: nothing is there, say a transaction's marker."""
MOST_RECORDS: Final = 8_000
MOST_BYTES: Final = 16 * 1024 * 1024
"""What of a partition may be handed out and not be done. Above, it is not asked for: the others
go on, and it stays in the broker's keeping, not in our memory."""
MOST_CHANGELOG_CHUNKS: Final = 16
POLL_S: Final = 1.0
POLL_HELD_S: Final = 0.02
"""How long a fetch may wait while a partition is held back, since it may be wanted any moment."""


_value = operator.attrgetter("value")


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
    """Replaces Faust's fetch loop, and its account of what was read, acked and skipped."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._bytes: dict[TP, list[tuple[int, int]]] = {}
        super().__init__(*args, **kwargs)
        self.offsets: Offsets[TP] = Offsets()
        self._read_offset = _Forgetful(lambda: None)
        self._went_back: dict[TP, _Back] = {}

    def _new_consumer_thread(self) -> ChunkThread:
        declared = cast(OrderedApp, self.app).declared
        return ChunkThread(self, loop=self.loop, beacon=self.beacon, declared=declared)

    # Fetching

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand out what is fetched until the fetcher is stopped."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)  # type: ignore[arg-type]
                    continue
                wanted, held = self._wanted()
                if not wanted:
                    await asyncio.sleep(POLL_HELD_S)
                    continue
                generation = self.app.consumer_generation_id
                fetched = await self._getmany(wanted, POLL_HELD_S if held else POLL_S)
                for tp, records in fetched.items():
                    # What came for an assignment that is over will come again in the next one.
                    over = not self.flow_active or generation != self.app.consumer_generation_id
                    if over or not self._may_flow(tp):
                        await self._leave(TP(*tp), records[0].offset)
                    elif tp in wanted:
                        await self._hand_out(TP(*tp), records)
                if not fetched:
                    await asyncio.sleep(0)
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.transport.app.should_stop:
                raise

    def _may_flow(self, tp: TP) -> bool:
        """Whether records of a partition may be handed out now.

        Faust ends a rebalance by emptying the queues of its streams, after it has sought and let
        the partitions go: what was handed out in between would be gone, and be waited for.
        """
        return self._is_changelog_tp(tp) or not self.app.rebalancing

    async def _leave(self, tp: TP, offset: int) -> None:
        """Take records for not fetched: somebody may have gone to where they are already.

        A fetch that began before a rebalance may end after it, with what was sought since: for a
        standby that takes over, its own fence, for which it would wait for ever.
        """
        await cast(ChunkThread, self._thread).back_to(tp, offset)

    def _wanted(self) -> tuple[set[TP], bool]:
        """The partitions to ask for, and whether some are held back."""
        active = self._get_active_partitions()
        tables = cast(TableManager, self.app.tables)
        full = tables.changelog_queue.qsize() >= MOST_CHANGELOG_CHUNKS
        held = {
            tp
            for tp in active
            if not self._may_flow(tp) or (full if self._is_changelog_tp(tp) else self._is_full(tp))
        }
        return active - held, bool(held)

    def _is_full(self, tp: TP) -> bool:
        progress = self.offsets.progress(tp)
        if progress is None or progress.outstanding == 0:
            self._bytes.pop(tp, None)
            return False
        if progress.outstanding >= MOST_RECORDS:
            return True
        sizes = self._bytes.get(tp, [])
        while sizes and sizes[0][0] <= progress.safe:
            sizes.pop(0)
        return sum(size for _, size in sizes) >= MOST_BYTES

    async def _hand_out(self, tp: TP, records: Sequence[Any]) -> None:
        """Hand on a fetch of one partition as one event, or what of it is new."""
        if self._is_changelog_tp(tp):
            await self._deliver(Chunk(tp, records))
            return
        progress = self.offsets.progress(tp)
        # From the offset that comes next, or from the first record where none is left before it.
        start = records[0].offset if progress is None else max(progress.next, records[0].offset)
        sight = await self._sight(tp, records[0].offset, records[-1].offset + 1)
        if sight is not Sight.NEXT or progress is None:
            return
        if records[0].offset < start:
            records = [record for record in records if record.offset >= start]
        size = sum(map(len, filter(None, map(_value, records))))
        self._bytes.setdefault(tp, []).append((records[-1].offset + 1, size))
        await self._deliver(Chunk(tp, records, start, progress))

    async def _deliver(self, chunk: Chunk) -> None:
        # Of a message, Faust itself looks at its place alone.
        message = ConsumerMessage(
            chunk.tp.topic,
            chunk.tp.partition,
            chunk.last,
            0.0,
            0,
            None,
            None,
            cast(Any, chunk),
            None,
            0,
            0,
            chunk.tp,
            generation_id=self.app.consumer_generation_id,
        )
        await self.callback(message)

    # Offsets

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

    async def _seek(self, partition: TP, offset: int) -> None:
        """Upstream goes there from the loop's thread, under the hands of the fetcher in its own:
        what it is just handing out is gone, and the worker with it (KeyError; as in issue 19 of
        robinhood/aiokafka)."""
        await cast(ChunkThread, self._thread).go_to(partition, offset)

    async def is_member(self) -> bool:
        """Whether the broker takes this worker for a member of the current generation."""
        return await cast(ChunkThread, self._thread).is_member()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Partitions are lost: what is in work is finished and committed, or counts no more."""
        ours = {TP(*tp) for tp in revoked}
        try:
            await cast(OrderedApp, self.app).settle(ours)
            await super().on_partitions_revoked(revoked)
        finally:
            self.offsets.forget(ours)

    async def _sight(self, tp: TP, start: int, end: int) -> Sight:
        """What a span is; where something before it is missing, the fetcher goes back for it."""
        seen = self.offsets.take(tp, start, end)
        if seen is not Sight.BEYOND:
            return seen
        progress = self.offsets.progress(tp)
        assert progress is not None
        missing = progress.next
        if tp.topic in cast(OrderedApp, self.app).compact:
            self.offsets.skip(tp, start)
            return self.offsets.take(tp, start, end)
        back = self._went_back.get(tp)
        times = back.times if back is not None and back.to == missing else 0
        if back is not None and times and monotonic() - back.at < LOOK_AGAIN_S:
            return seen
        earliest = (await self.earliest_offsets(tp)).get(tp, 0)
        if earliest > missing:
            self.offsets.skip(tp, min(earliest, start))
        elif times >= BELIEVE_AFTER:
            log.warning("%s: nothing at %d to %d", tp, missing, start - 1)
            self.offsets.skip(tp, start)
        else:
            log.info("%s: %d came before %d, going back", tp, start, missing)
            await self._go_back(tp, missing, times + 1)
            return seen
        return self.offsets.take(tp, start, end)

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

    async def _commit_offsets(self, offsets: Mapping[TP, int], *_: Any, **__: Any) -> bool:
        """Commit the offsets of partitions that are ours; whether it was done.

        Upstream first draws a table of them, for a log level below debug: the loop answers nobody
        meanwhile (48 partitions: over a millisecond, four times a second). And it takes a commit
        that came too late, in a rebalance, for done.
        """
        assignment = self.assignment()
        ours = {tp: offset for tp, offset in offsets.items() if tp in assignment}
        done: bool = bool(ours) and await self._commit(ours)
        if done:
            self._committed_offset.update(ours)
            self.app.tables.on_commit(ours)
            self.app.monitor.on_tp_commit(ours)
        return done

    async def verify_all_partitions_active(self) -> None:
        """Upstream looks into the fetcher from another thread, to log what is slow. A partition
        whose records were deleted before they were read has no position for a moment, and the
        look ends the worker (AssertionError). What is late, our own metrics say."""

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


class ChunkConductor(Conductor):
    """Puts a chunk, as it is, into the queues of the channels that take its partition.

    Nothing is decoded here, and nothing waits: a partition whose queue is long is not asked for.
    """

    def _build_handler(self, tp: TP, channels: Any) -> Callable[[Any], Awaitable[None]]:
        async def on_message(message: Any) -> None:
            message.incref(len(channels))
            event = faust.Event(self.app, None, message.value, None, message)
            for channel in channels:
                channel.queue.put_nowait(event)

        return on_message


class OrderedTransport(driver.Transport):
    """Faust's transport, with our consumer and conductor."""

    Consumer = OrderedConsumer
    Conductor = ChunkConductor


async def _nothing(_parts: Iterable[TP]) -> None:
    """Nothing is in work."""


class OrderedApp(faust.App):
    """Faust's app, with our transport.

    declared: the topics that agents read, by their whole names. compact: those whose offsets have
    holes by nature. settle: finishes what is in work of partitions that are about to be lost,
    within a second or two.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.declared: dict[str, Topic] = {}
        self.compact: set[str] = set()
        self.settle: Callable[[set[TP]], Awaitable[None]] = _nothing

    def _new_transport(self) -> OrderedTransport:
        return OrderedTransport(self.conf.broker_consumer, self)
