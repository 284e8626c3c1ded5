"""Faust as it comes: its own transport, producer and tables, with their defaults.

`python -m infra.bench.stream.plain_faust TASK` runs until it is terminated. Set are only the
broker, where to begin, that there is no web server, and RocksDB for the table.
"""

from __future__ import annotations

import sys
from typing import Any

import faust

from infra.bench.stream.job import EVERY, WINDOW_MS, Task


class Report(faust.Record, serializer="json"):
    """A device's report."""

    device: str
    kind: str
    place: str
    level: float
    lap: int
    at_ms: int


def make_app(task: Task) -> Any:
    """The app, with its agent."""
    app = faust.App(
        task.group,
        broker=f"kafka://{task.bootstrap}",
        store="rocksdb://" if task.stateful else "memory://",
        datadir=str(task.folder / "faust"),
        topic_partitions=task.partitions,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
    )
    source = app.topic(task.source, value_type=Report)
    target = app.topic(task.target, value_type=Report)
    begin = task.starter()

    if task.stateful:
        table = app.Table("last", partitions=task.partitions)

        async def stateful(stream: Any) -> None:
            async for key, report in stream.items():
                begin()
                last = table.get(report.device)
                if last is None or report.at_ms - last >= WINDOW_MS:
                    table[report.device] = report.at_ms
                    await target.send(key=key, value=report)

        app.agent(source)(stateful)
    else:

        async def stateless(stream: Any) -> None:
            async for key, report in stream.items():
                begin()
                if report.lap % EVERY == 0:
                    await target.send(key=key, value=report)

        app.agent(source)(stateless)
    return app


if __name__ == "__main__":
    given = Task.given()
    sys.argv = ["faust", "worker", "--loglevel=warn", "--without-web"]
    make_app(given).main()
