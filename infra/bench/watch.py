"""`bench watch`: ten thousand devices polled by one worker of the role, on one core.

The worker is the role's own process, with its broker, its tables and its stage. It begins as one
that has polled for long; after the first part of the time it is killed, and started again a while
later. When polls begin is told by the devices and by the topics, not by the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Any, Final

from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.errors import WatchfloorError
from infra.setting_values import ROOT

if TYPE_CHECKING:
    from infra.embedded.process import Child
    from infra.sandbox import Sandbox
    from schemas.document import Document

__all__ = ["BENCH", "document"]

SITES: Final = 100
DEVICES: Final = 100
"""A site's."""
MINUTES: Final = 10.0
FIRST_PART: Final = 0.6
AWAY_S: Final = 30.0
LONG_AWAY_S: Final = 150.0
"""What is overdue by then, with what is not, is the most that can come together."""
LOOK_S: Final = 1.0
MEAN_S: Final = 240.0
"""Between two polls of a device that is well."""
WINDOW_S: Final = 10.0
SETTLE_S: Final = 3.0

LATE: Final = Metric(
    name="late_polls_ratio",
    unit="1",
    what="polls that began more than 5 s after they were due, or not at all, while a worker was up",
    bar=Bar(limit=0.01, side="at most"),
)
RESIDENT: Final = Metric(
    name="resident_mib",
    unit="MiB",
    what="the most memory that the worker's process kept",
    bar=Bar(limit=300.0, side="at most"),
)
PEAK: Final = Metric(
    name="restart_peak_ratio",
    unit="1",
    what="connections in the fullest 10 s after a restart, as a multiple of the normal rate",
    bar=Bar(limit=1.5, side="at most"),
)


@dataclass
class _Worker:
    """What was seen of the worker's processes. Times since the epoch; cpu_s: of all of them."""

    spans: list[tuple[float, float]]
    resident: float = 0.0
    cpu_s: float = 0.0
    up_s: float = 0.0


def document(port: int) -> Document:
    """The devices, a site's at one host; half of them asked by TCP and half by HTTP."""
    from infra.bench.watching.devices import HOSTS
    from schemas.document import Device, Document, Site

    def device(site: int, number: int) -> Device:
        name = f"device-{number:03d}"
        if number % 2:
            address, driver = f"http://{HOSTS[site]}:{port}/{name}", "http"
        else:
            address, driver = f"{HOSTS[site]}:{port}", "tcp"
        return Device(device_id=name, kind="nvr", address=address, driver=driver)

    return Document(
        sites=tuple(
            Site(
                site_id=f"site-{site:03d}",
                devices=tuple(device(site, number) for number in range(DEVICES)),
            )
            for site in range(SITES)
        )
    )


def measure(run: Run) -> Sequence[Measured]:
    """Poll, kill, poll again."""
    from infra.bench.machine import machine
    from infra.bench.watching.devices import read_times
    from infra.bench.watching.judge import lateness, peak
    from infra.sandbox import publish, sandbox

    seconds = 60.0 * (run.minutes if run.minutes is not None else MINUTES)
    away = LONG_AWAY_S if run.full else AWAY_S
    with sandbox(run.settings, "bench", roles=(), say=run.say, count=run.count) as box:
        times = box.folder / "connections"
        with _devices(times) as port:
            run.say("assigning ten thousand devices")
            shown = document(port)
            publish(box.settings, shown, "bench")
            asyncio.run(_seed(box, shown, run.seed))
            seen = _Worker(spans=[])
            _phase(run, box, seen, seconds * FIRST_PART, "before the restart")
            run.say(f"nobody polls for {away:.0f} s")
            sleep(away)
            _phase(run, box, seen, seconds * (1.0 - FIRST_PART), "after the restart")
            sleep(SETTLE_S)
            plans, polls = _told(box)
            connections = read_times(times)
    late = lateness(plans, polls, seen.spans)
    normal = SITES * DEVICES * WINDOW_S / MEAN_S
    (first, first_end), (second, second_end) = seen.spans
    most = peak(connections, second, second_end)
    rate = sum(first <= at < first_end for at in connections) / (first_end - first)
    facts: dict[str, Any] = {"devices": SITES * DEVICES, "minutes": round(seconds / 60, 1)}
    return [
        Measured(
            metric=LATE,
            value=late.ratio,
            detail={
                **facts,
                "due": late.due,
                "late": late.late,
                "latest_s": round(late.worst, 2),
                "machine": machine(),
            },
        ),
        Measured(
            metric=RESIDENT,
            value=seen.resident,
            detail={**facts, "cores_used": round(seen.cpu_s / seen.up_s, 3)},
        ),
        Measured(
            metric=PEAK,
            value=most / normal,
            detail={
                **facts,
                "away_s": round(second - first_end, 1),
                "peak_polls": most,
                "normal_polls": round(normal),
                "before_restart_polls": round(rate * WINDOW_S),
            },
        ),
    ]


def _phase(run: Run, box: Sandbox, seen: _Worker, seconds: float, what: str) -> None:
    """Run a worker for so long from when it is ready, on one core, and kill it."""
    import psutil

    worker = box.start("watch")
    process = psutil.Process(worker.pid)
    if hasattr(process, "cpu_affinity"):
        process.cpu_affinity([process.cpu_affinity()[0]])
    _wait_polling(box, worker)
    started, begun = time(), monotonic()
    before = sum(process.cpu_times()[:2])
    while (at := monotonic() - begun) < seconds:
        worker.check()
        seen.resident = max(seen.resident, process.memory_info().rss / 2**20)
        run.say(f"{what}: {at / 60:.1f} of {seconds / 60:.1f} min, {seen.resident:.0f} MiB")
        sleep(LOOK_S)
    seen.cpu_s += sum(process.cpu_times()[:2]) - before
    seen.up_s += monotonic() - begun
    seen.spans.append((started, time()))
    worker.kill()


def _wait_polling(box: Sandbox, worker: Child, limit: float = 120.0) -> None:
    """Wait until the worker knows its devices: from then on what is due is to be polled."""
    deadline = monotonic() + limit
    wanted = f'watchfloor_watch_devices{{kind="nvr",state="normal"}} {SITES * DEVICES:.1f}'
    while wanted not in box.metrics("watch"):
        worker.check()
        if monotonic() > deadline:
            raise WatchfloorError(f"bench: the worker has not all devices after {limit:.0f} s")
        sleep(0.1)


async def _seed(box: Sandbox, shown: Document, seed: int) -> None:
    """Write the health of devices that have been polled for long."""
    from agents.runtime.emitter import Emitter
    from infra.bench.watching.judge import seeded
    from topics.catalogue import DEVICE_HEALTH
    from topics.record import make

    keys = [(site.site_id, one.device_id) for site in shown.sites for one in site.devices]
    emitter = Emitter(box.settings, "bench-watch")
    await emitter.start()
    try:
        await emitter.emit(
            [
                make(
                    DEVICE_HEALTH,
                    health,
                    id=f"{health.site_id}/{health.device_id}/{health.at.isoformat()}",
                    time=health.at,
                    source="watchfloor/bench",
                    key=f"{health.site_id}/{health.device_id}",
                )
                for health in seeded(keys, datetime.now(UTC), seed)
            ]
        )
    finally:
        await emitter.stop()


def _told(
    box: Sandbox,
) -> tuple[Mapping[str, list[tuple[float, float]]], Mapping[str, list[float]]]:
    """The plans and the polls that are on the topics, by device, in order."""
    from schemas.base import decode
    from schemas.device import DeviceHealth, Probe
    from topics.catalogue import DEVICE_HEALTH, PROBES
    from topics.reader import read

    plans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    polls: dict[str, list[float]] = defaultdict(list)
    for record in read(box.settings, [DEVICE_HEALTH.name, PROBES.name]):
        key = (record.key or b"").decode()
        if record.value is None:
            continue
        if record.topic.endswith(PROBES.name):
            polls[key].append(decode(record.value, Probe).at.timestamp())
        else:
            health = decode(record.value, DeviceHealth)
            plans[key].append((health.at.timestamp(), health.next_poll_at.timestamp()))
    return plans, polls


@contextlib.contextmanager
def _devices(times: Path) -> Iterator[int]:
    """The devices' process, and its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.bench.watching.devices", str(times)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line.isdecimal():
            raise WatchfloorError("bench: the devices did not start")
        yield int(line)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


BENCH: Final = Bench(
    name="watch",
    summary="ten thousand devices polled by one worker on one core (--minutes for another time)",
    metrics=(LATE, RESIDENT, PEAK),
    measure=measure,
)
