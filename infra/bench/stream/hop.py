"""One record's way through our stateful stage, from the send call to the reader's poll."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter, sleep
from typing import Any, Final

from infra.bench.stream.contest import Contest, Entry
from infra.bench.stream.field import Field
from infra.errors import WatchfloorError

__all__ = ["RATE", "Hops", "hops"]

RATE: Final = 20.0
"""Records a second."""
WARM_UP: Final = 60
LIMIT_S: Final = 60.0


@dataclass(frozen=True)
class Hops:
    """ms of each record, in the order of their sending, those that only warmed up left out."""

    ms: Sequence[float]


class _Times:
    """When each record was sent and when it came out; two threads write it."""

    def __init__(self, count: int) -> None:
        self.sent: list[float] = [0.0] * count
        self.came: list[float] = [0.0] * count
        self.left = count

    def ms(self) -> list[float]:
        return [
            (came - sent) * 1000 for sent, came in zip(self.sent, self.came, strict=True) if came
        ]


def hops(contest: Contest, partitions: int, count: int) -> Hops:
    """Send so many records at the rate, each of a device of its own, and see them come out.

    The role, its partitions and its configuration are those of the throughput runs. Raises
    WatchfloorError where a record does not come.
    """
    field = contest.field
    source = f"{contest.namespace}.bench.hop.v1"
    field.make(source, partitions)
    task = contest.task(Entry(name="ours", stateful=True, laps=1), source, partitions)
    times = _Times(count + WARM_UP)
    with (
        contest.process("ours", task) as worker,
        field.reader(task.target, from_start=True) as reader,
    ):
        # It has to be there before the first one is sent that counts.
        _await_ready(field, source, reader, worker)
        sender = threading.Thread(target=_send, args=(field, source, times), daemon=True)
        sender.start()
        _receive(reader, times, worker)
        sender.join(LIMIT_S)
    return Hops(times.ms()[WARM_UP:])


def _value(number: int) -> tuple[bytes, bytes]:
    device = b"hop-%07d" % number
    body = b'{"device":"%b","kind":"motion","place":"north/yard-01","level":0.5,"lap":%d,"at_ms":0}'
    return device, body % (device, number)


def _await_ready(field: Field, source: str, reader: Any, worker: Any) -> None:
    with field.producer() as producer:
        key, value = _value(-1)
        producer.produce(source, value, key)
        producer.flush(LIMIT_S)
    deadline = monotonic() + LIMIT_S
    while (message := reader.poll(0.2)) is None or message.error() is not None:
        worker.check()
        if monotonic() > deadline:
            raise WatchfloorError(f"bench: the stage let no record through in {LIMIT_S:.0f} s")


def _send(field: Field, source: str, times: _Times) -> None:
    with field.producer() as producer:
        begun = perf_counter()
        for number in range(len(times.sent)):
            wait = begun + number / RATE - perf_counter()
            if wait > 0:
                sleep(wait)
            key, value = _value(number)
            times.sent[number] = perf_counter()
            producer.produce(source, value, key)
            producer.poll(0)


def _receive(reader: Any, times: _Times, worker: Any) -> None:
    deadline = monotonic() + len(times.sent) / RATE + LIMIT_S
    while times.left:
        message = reader.poll(0.5)
        now = perf_counter()
        if message is None or message.error() is not None:
            worker.check()
            if monotonic() > deadline:
                raise WatchfloorError(f"bench: {times.left} of {len(times.sent)} hops never ended")
            continue
        number = json.loads(message.value())["lap"]
        if number >= 0 and not times.came[number]:
            times.came[number] = now
            times.left -= 1
