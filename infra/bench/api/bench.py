"""`bench api`: the façade with a month of ten million events behind it, and a thousand listeners.

The façade, PostgreSQL and Kafka are the real ones, PostgreSQL with the buffers that its handbook
gives to a server of its own. What searches read is brought into them before anything counts, as on
a server that has run for a day: right after a start, a disk's seeks are measured and nothing else.
The load comes from a
process of its own, by a timetable: a request is due when it is due, whatever became of those before
it, and its time counts from then.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from infra.bench.api import data
from infra.bench.frame import Bar, Bench, Measured, Metric, Run, percentile
from infra.errors import NotRunningError, WatchfloorError
from infra.setting_values import ROOT

if TYPE_CHECKING:
    from infra.bench.api.plan import Found
    from infra.sandbox import Sandbox
    from infra.settings import Settings

__all__ = ["BENCH", "facade", "measure"]

RATE: Final = 208.0
"""Asked a second, so that 200 can be served: at random times no half minute has exactly as many as
were meant."""
WARM_S: Final = 30.0
SECONDS: Final = 60.0
FULL_SECONDS: Final = 300.0
LISTENERS: Final = 1_000
ALERTS: Final = 20
HEARD_S: Final = 15.0

QUEUE_P99: Final = Metric(
    name="queue_p99_ms",
    unit="ms",
    what="the queue's first page, from when it was due; 99 of 100 are not slower",
    bar=Bar(limit=50.0, side="at most"),
)
SEARCH_P99: Final = Metric(
    name="search_p99_ms",
    unit="ms",
    what="a page of events by three filters, among the same requests",
    bar=Bar(limit=100.0, side="at most"),
)
PER_S: Final = Metric(
    name="requests_per_s",
    unit="1/s",
    what="requests that were answered well, of both kinds, while that was measured",
    bar=Bar(limit=200.0, side="at least"),
)
WS_LAST: Final = Metric(
    name="ws_last_ms",
    unit="ms",
    what="from an alert's sending to Kafka until the last of all listeners has it; the slowest",
    bar=Bar(limit=500.0, side="at most"),
)


def measure(run: Run) -> Sequence[Measured]:
    """Ask for pages, then tell alerts."""
    return measure_with(run, data.FULL, listeners=LISTENERS)


def measure_with(
    run: Run,
    size: data.Size,
    *,
    listeners: int,
    rate: float = RATE,
    place: Path | None = None,
) -> Sequence[Measured]:
    """The bench at another size. place: where the data are kept; None: in the cache.

    Raises WatchfloorError where it could not measure.
    """
    from infra.bench.machine import machine
    from infra.embedded.buffers import buffers_alone, memory

    with facade(run, size, place or run.settings.cache_dir) as box:
        seconds = 60.0 * run.minutes if run.minutes else FULL_SECONDS if run.full else SECONDS
        run.say(f"asking {rate:.0f} times a second")
        found = _asked(box, rate, min(WARM_S, seconds), seconds, run.seed)
        run.say(f"telling {listeners} listeners")
        last, fewest = _told(box, listeners)
    facts = {
        "events": size.events,
        "alerts": size.alerts,
        "seconds": seconds,
        "postgres_buffers_gib": round(buffers_alone(memory()) / 1024**3, 1),
    }
    return [
        Measured(
            metric=QUEUE_P99,
            value=found.queue_p99,
            detail={**facts, "p50_ms": round(found.queue_p50, 1), "machine": machine()},
        ),
        Measured(
            metric=SEARCH_P99,
            value=found.search_p99,
            detail={**facts, "p50_ms": round(found.search_p50, 1)},
        ),
        Measured(
            metric=PER_S,
            value=found.per_s,
            detail={"asked_per_s": rate, "asked": found.asked, "failed": found.failed},
        ),
        Measured(
            metric=WS_LAST,
            value=max(last),
            detail={
                "listeners": listeners,
                "silent_ones_beside": 1,
                "alerts": len(last),
                "p50_ms": round(percentile(last, 50), 1),
                "fewest_heard": fewest,
            },
        ),
    ]


@contextlib.contextmanager
def facade(run: Run, size: data.Size, place: Path) -> Iterator[Sandbox]:
    """The façade in front of the data, which are made where they are not there yet.

    place: the folder of the data; they stay there.
    """
    from infra.bench.api.warm import bring_into_memory
    from infra.db.documents import publish, republish
    from infra.db.outbox import drain_outbox
    from infra.embedded.buffers import buffers_alone, memory
    from infra.embedded.kafka import embedded_kafka
    from infra.embedded.postgres import embedded_postgres
    from infra.sandbox import Sandbox
    from topics import admin

    kept, there = data.folder_of(place, size)
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="watchfloor-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        run.say("starting PostgreSQL")
        kept.mkdir(parents=True, exist_ok=True)
        postgres = stack.enter_context(embedded_postgres(kept, buffers=buffers_alone(memory())))
        run.say("starting Apache Kafka")
        kafka = stack.enter_context(
            embedded_kafka(folder / "kafka", cache=run.settings.cache_dir, progress=run.count)
        )
        settings: Settings = replace(
            run.settings.in_namespace("bench-api"),
            postgres_url=postgres,
            kafka_url=kafka,
            state_dir=folder / "state",
            blob_url=None,
        )
        settings.state_dir.mkdir(mode=0o700)
        if not there:
            data.build(settings, size, run.say)
            (kept / data.DONE).touch()
        admin.ensure(settings)
        publish(settings, data.document(), "bench")
        # This broker is a new one; the documents may be there since the data were made.
        republish(settings)
        bring_into_memory(settings, run.say)
        asyncio.run(drain_outbox(settings))
        box = Sandbox(settings, folder, {}, stack)
        run.say("starting the API")
        box.start_api()
        box.wait_api()
        _wait_answering(box)
        yield box


def _wait_answering(box: Sandbox, limit: float = 60.0) -> None:
    """Until it has read the sites and has the database."""
    from infra.bench.api.plan import QUEUE
    from infra.local_token import bearer

    deadline = monotonic() + limit
    while True:
        with contextlib.suppress(OSError, NotRunningError):
            asked = urllib.request.Request(  # noqa: S310 - our own loopback
                box.url + QUEUE, headers=bearer(box.settings)
            )
            with urllib.request.urlopen(asked, timeout=20) as reply:  # noqa: S310
                if json.load(reply)["items"]:
                    return
        box.children["api"].check()
        if monotonic() > deadline:
            raise WatchfloorError(f"bench: the API has no queue after {limit:.0f} s")
        sleep(0.1)


def _asked(box: Sandbox, rate: float, warm: float, seconds: float, seed: int) -> Found:
    """What came of a timetable's requests once it was warm."""
    import msgspec

    from infra.bench.api.plan import Answered, judge, plan

    asked, answered = box.folder / "plan.json", box.folder / "answers.json"
    asked.write_bytes(msgspec.json.encode(list(plan(rate, warm + seconds, seed))))
    _python(box, "infra.bench.api.load", box.url, str(asked), str(answered))
    answers = msgspec.json.decode(answered.read_bytes(), type=list[Answered])
    return judge(answers, warm, warm + seconds)


def _env(box: Sandbox) -> dict[str, str]:
    from infra.bench.api.load import TOKEN
    from infra.local_token import local_token

    return {**os.environ, TOKEN: local_token(box.settings)}


def _python(box: Sandbox, module: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=_env(box),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WatchfloorError(f"bench: {module} failed: {done.stderr.strip()[-1500:]}")


def _told(box: Sandbox, listeners: int) -> tuple[list[float], int]:
    """Of each alert, the ms until the last listener had it, or HEARD_S; the fewest that had one."""
    url = box.url.replace("http", "ws", 1) + "/v1/stream"
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.bench.api.listeners", url, str(listeners)],
        cwd=ROOT,
        env=_env(box),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise WatchfloorError(f"bench: {listeners} listeners did not all get the queue")
        return asyncio.run(_tell(box.settings, process, listeners))
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


async def _tell(
    settings: Settings, process: subprocess.Popen[str], listeners: int
) -> tuple[list[float], int]:
    from agents.runtime.emitter import Emitter
    from infra.bench.api.watched import alert, record

    emitter = Emitter(settings, "bench-api")
    await emitter.start()
    times, fewest = [], listeners
    try:
        for number in range(-1, ALERTS):
            shown = alert(number + 1)
            told = record(shown)
            begun = monotonic()
            await emitter.emit([told])
            heard, last = await asyncio.to_thread(_heard, process, shown.alert_id, listeners)
            if number < 0:
                # The producer's and the topic's first record is no measure of the stream.
                continue
            fewest = min(fewest, heard)
            times.append((last - begun if heard == listeners else HEARD_S) * 1000)
    finally:
        await emitter.stop()
    return times, fewest


def _heard(process: subprocess.Popen[str], name: str, listeners: int) -> tuple[int, float]:
    """How many heard of an alert, asked until all did, and when the last one did."""
    assert process.stdin is not None
    assert process.stdout is not None
    deadline = monotonic() + HEARD_S
    while True:
        sleep(0.5)
        process.stdin.write(name + "\n")
        process.stdin.flush()
        count, _, last = process.stdout.readline().partition(" ")
        if not count:
            raise WatchfloorError("bench: the listeners ended")
        if int(count) >= listeners or monotonic() > deadline:
            return int(count), float(last)


BENCH: Final = Bench(
    name="api",
    summary="pages and searches over ten million events at 200 requests/s; 1,000 listeners",
    metrics=(QUEUE_P99, SEARCH_P99, PER_S, WS_LAST),
    measure=measure,
)
