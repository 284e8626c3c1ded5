"""What aiokafka has fetched, taken out of its fetcher and made into our records at once.

Upstream's own way out makes a dataclass of eleven fields of each record, through two generators,
and ours would be made of those: two thirds of what reading costs (measured).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import dropwhile, islice
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException

from agents.runtime.lenient import KeptRecords, batch_at, records_of
from agents.runtime.record import Record
from topics.declare import Topic

__all__ = ["Unread", "fetched_records", "to_records"]

_NO_HEADERS: Final[Mapping[str, bytes]] = MappingProxyType({})


def to_records(topic: Topic, partition: int, raws: Iterable[Any]) -> list[Record]:
    """Our records of aiokafka's DefaultRecord or LegacyRecord."""
    return [
        Record(
            topic,
            partition,
            raw.offset,
            raw.timestamp,
            raw.key,
            raw.value,
            _headers(headers) if (headers := raw.headers) else _NO_HEADERS,
        )
        for raw in raws
    ]


def _headers(pairs: Sequence[tuple[str, bytes | None]]) -> Mapping[str, bytes]:
    found: dict[str, Any] = dict(pairs)
    if None in found.values():
        # One without a value is as good as none, and takes no other's place.
        return {name: value for name, value in pairs if value is not None}
    return found


class Unread:
    """What of one fetch of a partition was not handed out yet, in the place of PartitionRecords.

    parts: that one, before anything was read of it; FetchResult takes `next_fetch_offset` for the
    position. topic: what its records are of; None: they stay as aiokafka's parser makes them.
    Aborted transactions are not left out: nothing that we read is written in one.
    """

    def __init__(self, parts: Any, topic: Topic | None) -> None:
        self.next_fetch_offset: int = parts.next_fetch_offset
        self._tp = parts._tp
        self._topic = topic
        self._batches = parts._records
        self._number = -1
        self._check_crcs: bool = parts._check_crcs
        self._batch: Any = None
        self._raws: Any = None
        # The way out that is not taken holds its owner, and that one the bytes of the whole fetch:
        # a circle that nothing here would make the collector look for.
        parts._records_iterator = None

    def take(self, most: int) -> list[Any]:
        """The next records, at most so many; fewer where no more are left.

        Raises CorruptRecordException where the bytes are not what the broker was given.
        """
        taken: list[Any] = []
        while len(taken) < most and self._open():
            wanted = most - len(taken)
            try:
                found = self._made(wanted)
            except UnicodeDecodeError:
                if not isinstance(self._batches, KeptRecords):
                    raise
                # What came of it before is not counted yet, and comes again.
                batch = records_of(batch_at(self._batches.data, self._number))
                self._raws = _from(self.next_fetch_offset, batch)
                found = self._made(wanted)
            if found:
                self.next_fetch_offset = found[-1].offset + 1
            if len(found) < wanted:
                # Not the last one's: compaction may have removed the records at its end.
                self.next_fetch_offset = self._batch.next_offset
                self._batch = None
            taken += found
        return taken

    def _made(self, wanted: int) -> list[Any]:
        raws = islice(self._raws, wanted)
        if self._topic is None:
            return list(raws)
        return to_records(self._topic, self._tp.partition, raws)

    def _open(self) -> bool:
        """Whether a batch is open to be read: the one that was begun, or the next of records."""
        while self._batch is None and self._batches.has_next():
            batch = self._batches.next_batch()
            self._number += 1
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"{self._tp}: a batch has not the CRC that it names")
            if batch.is_control_batch:
                self.next_fetch_offset = batch.next_offset
            else:
                self._batch, self._raws = batch, _from(self.next_fetch_offset, batch)
        return self._batch is not None


def _from(offset: int, batch: Iterable[Any]) -> Iterator[Any]:
    """A batch comes whole, also where its middle was asked for."""
    return dropwhile(lambda raw: raw.offset < offset, batch)


def _take(result: Any, topic: Topic | None, most: int) -> list[Any]:
    """Take records out of a FetchResult; none where somebody has gone elsewhere since."""
    if not result.check_assignment(result._topic_partition):
        return []
    if not isinstance(result._partition_records, Unread):
        result._partition_records = Unread(result._partition_records, topic)
    unread: Unread = result._partition_records
    records = unread.take(most)
    result._update_position()
    if len(records) < most:
        result._partition_records = None
    return records


async def fetched_records(
    fetcher: Any,
    partitions: Collection[Any],
    declared: Mapping[str, Topic],
    timeout: float,
    most: int,
) -> dict[Any, list[Any]]:
    """As aiokafka's `Fetcher.fetched_records`: what is there, or what comes within `timeout` s.

    partitions: those to look at; none for all. declared: by their whole names, the topics whose
    records are made into ours. most: so many records, of all partitions together. Raises
    KafkaError for what the broker said of a partition.
    """
    until = monotonic() + timeout
    while True:
        if fetcher._subscriptions.reassignment_in_progress:
            await fetcher._subscriptions.wait_for_assignment()
        drained = _drain(fetcher, partitions, declared, most)
        left = until - monotonic()
        if drained or left <= 0:
            return drained
        waiter = fetcher._create_fetch_waiter()
        done, _ = await asyncio.wait([waiter], timeout=left)
        if not done or fetcher._closed:
            waiter.cancel()
            return {}
        # It is told of a group that may not read.
        waiter.result()


def _drain(
    fetcher: Any, partitions: Collection[Any], declared: Mapping[str, Topic], most: int
) -> dict[Any, list[Any]]:
    drained: dict[Any, list[Any]] = {}
    for tp, result in tuple(fetcher._records.items()):
        if partitions and tp not in partitions:
            if not fetcher._subscriptions.is_assigned(tp):
                del fetcher._records[tp]
            continue
        if type(result) is not FetchResult:
            if not drained:
                _forget(fetcher, tp)
                result.check_raise()
            # What is in hand goes first; the next call says so.
            break
        try:
            records = _take(result, declared.get(tp.topic), most)
        except BaseException:
            # Nothing of it was handed out: it is fetched again, from where it was.
            _forget(fetcher, tp)
            raise
        if not result.has_more():
            _forget(fetcher, tp)
        if records:
            drained[tp] = records
            most -= len(records)
    return drained


def _forget(fetcher: Any, tp: Any) -> None:
    """A partition has nothing left to be taken: it may be fetched again."""
    del fetcher._records[tp]
    fetcher._notify(fetcher._wait_consume_future)
