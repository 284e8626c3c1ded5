"""The bare loop: confluent-kafka and msgspec, at least once, no framework.

`python -m infra.bench.stream.bare TASK` runs until it is terminated. Outputs are confirmed before
the offsets behind them are committed, once a second, as a person would write it by hand.
"""

from __future__ import annotations

import signal
from time import monotonic
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, KafkaException, Producer

from infra.bench.stream.job import EVERY, Task

BATCH: Final = 10_000
COMMIT_S: Final = 1.0


class Report(msgspec.Struct, frozen=True):
    """A device's report."""

    device: str
    kind: str
    place: str
    level: float
    lap: int
    at_ms: int


def main(task: Task) -> None:
    """Do the stateless job until SIGTERM. Raises KafkaException where the broker refuses."""
    if task.stateful:
        raise ValueError("the bare loop keeps no state")
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stop.append(number))
    consumer = Consumer(
        {
            "bootstrap.servers": task.bootstrap,
            "group.id": task.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": task.bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
        }
    )
    failed: list[Any] = []

    def delivered(error: Any, _message: Any) -> None:
        if error is not None:
            failed.append(error)

    decode, encode = msgspec.json.Decoder(Report).decode, msgspec.json.Encoder().encode
    consumer.subscribe([task.source])
    committed, begin = monotonic(), task.starter()
    while not stop:
        messages = consumer.consume(BATCH, timeout=0.1)
        if messages:
            begin()
        for message in messages:
            if message.error() is not None:
                raise KafkaException(message.error())
            key, value = message.key(), message.value()
            assert key is not None
            assert value is not None
            report = decode(value)
            if report.lap % EVERY == 0:
                _send(producer, task.target, key, encode(report), delivered)
        producer.poll(0)
        if monotonic() - committed >= COMMIT_S:
            _commit(consumer, producer, failed)
            committed = monotonic()
    _commit(consumer, producer, failed)
    consumer.close()


def _send(producer: Producer, topic: str, key: bytes, value: bytes, delivered: Any) -> None:
    while True:
        try:
            producer.produce(topic, value, key, on_delivery=delivered)
            return
        except BufferError:
            producer.poll(0.01)


def _commit(consumer: Consumer, producer: Producer, failed: list[Any]) -> None:
    producer.flush()
    if failed:
        raise KafkaException(failed[0])
    if any(one.offset >= 0 for one in consumer.position(consumer.assignment())):
        consumer.commit(asynchronous=False)


if __name__ == "__main__":
    main(Task.given())
