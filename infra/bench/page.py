"""`bench page`: the queue with five thousand alerts in a browser, while it scrolls and hears news.

A long task is time in which the page answers nobody. Chromium's own trace says how long each task
of the page's thread took, in all and of the processor's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from infra.bench.api import data
from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.errors import WatchfloorError

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from infra.sandbox import Sandbox
    from infra.settings import Settings

__all__ = ["BENCH", "Tasks", "chromium", "measure", "measure_with", "tasks_of"]

SIZE: Final = data.Size(200_000, 200_000)
"""One in forty is not resolved."""
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")
CATEGORIES: Final = ("toplevel", "disabled-by-default-devtools.timeline")
TASKS: Final = frozenset({"RunTask", "ThreadControllerImpl::RunTask"})
THREAD: Final = "CrRendererMain"
LONG_MS: Final = 50.0
"""The W3C's Long Tasks API calls a task long from there on."""

PATIENCE_S: Final = 120.0
WHEELS: Final = 150
WHEEL_PX: Final = 400
WAVES: Final = 10
A_WAVE: Final = 10
KEYS: Final = 5
ALERTS: Final = "/v1/alerts?state=open&state=acknowledged&limit=500"

COUNT: Final = """
() => Number((document.querySelector("#count")?.textContent ?? "").replace(/[^0-9].*$/, ""))
"""

TOP: Final = "() => document.querySelector('#queue').scrollTop"
PICKED: Final = """
() => Number(document.querySelector('#queue [aria-selected="true"]')?.ariaRowIndex ?? -1)
"""
STILL: Final = 3
"""So many looks, a tenth of a second apart, at which nothing has moved."""

SCROLL: Final = Metric(
    name="scroll_longest_task_ms",
    unit="ms",
    what="the longest task of the page's thread while the queue scrolls through its alerts",
    bar=Bar(limit=LONG_MS, side="at most"),
)
UPDATE: Final = Metric(
    name="update_longest_task_ms",
    unit="ms",
    what="the same while a hundred alerts come in waves and change, and keys are pressed",
    bar=Bar(limit=LONG_MS, side="at most"),
)


class Tasks(Struct, frozen=True, kw_only=True):
    """What a thread did. longest_ms, and longest_cpu_ms of any task: the processor's time."""

    count: int
    longest_ms: float
    longest_cpu_ms: float
    long: int


def tasks_of(trace: bytes) -> Tasks:
    """The tasks of the page's thread: of the renderers' main threads, the busiest one.

    trace: Chromium's, JSON. Raises WatchfloorError where there is no such thread in it.
    """
    events: list[dict[str, Any]] = json.loads(trace)["traceEvents"]
    threads = {
        (one["pid"], one["tid"])
        for one in events
        if one.get("name") == "thread_name" and one["args"].get("name") == THREAD
    }
    found: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for one in events:
        thread = (one.get("pid"), one.get("tid"))
        if one.get("ph") == "X" and one.get("name") in TASKS and thread in threads:
            took = (one.get("dur", 0) / 1000, one.get("tdur", 0) / 1000)
            found.setdefault((one["pid"], one["tid"]), []).append(took)
    if not found:
        raise WatchfloorError("bench: the browser's trace has no task of a page")
    busiest = max(found.values(), key=lambda tasks: sum(cpu for _, cpu in tasks))
    return Tasks(
        count=len(busiest),
        longest_ms=max(wall for wall, _ in busiest),
        longest_cpu_ms=max(cpu for _, cpu in busiest),
        long=sum(wall > LONG_MS for wall, _ in busiest),
    )


def chromium() -> str | None:
    """Where Chromium is, by the names that it goes by; None where it is not on the PATH."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def measure(run: Run) -> Sequence[Measured]:
    """Scroll, then tell news."""
    return measure_with(run, SIZE)


def measure_with(run: Run, size: data.Size, *, place: Path | None = None) -> Sequence[Measured]:
    """The bench with another number of alerts. place: where the data are kept; None: in the cache.

    Raises WatchfloorError where it could not measure: without Chromium, or a built dashboard.
    """
    from infra.bench.api.bench import facade
    from infra.bench.machine import machine
    from infra.dashboard import build

    run.say("building the dashboard")
    unbuilt = build(run.settings.cache_dir, run.say)
    if unbuilt is not None:
        raise WatchfloorError(f"bench: {unbuilt}")
    with facade(run, size, place or run.settings.cache_dir) as box:
        count = _unresolved(box)
        run.say("opening the queue")
        with _page(box, count) as page:
            run.say("scrolling")
            scrolled = _traced(page, lambda: _scroll(page))
            run.say("telling news")
            told = _traced(page, lambda: _news(page, box.settings, count))
    facts = {"alerts": count, "machine": machine()}
    return [
        Measured(metric=SCROLL, value=scrolled.longest_ms, detail={**_detail(scrolled), **facts}),
        Measured(metric=UPDATE, value=told.longest_ms, detail={**_detail(told), **facts}),
    ]


def _detail(tasks: Tasks) -> dict[str, Any]:
    return {
        "tasks": tasks.count,
        "long_tasks": tasks.long,
        "longest_cpu_ms": round(tasks.longest_cpu_ms, 1),
    }


def _unresolved(box: Sandbox) -> int:
    from urllib.request import Request, urlopen

    from infra.local_token import bearer

    count, cursor = 0, ""
    while True:
        asked = Request(box.url + ALERTS + cursor, headers=bearer(box.settings))  # noqa: S310
        with urlopen(asked, timeout=60) as reply:  # noqa: S310 - our own loopback
            page = json.load(reply)
        count += len(page["items"])
        if page["next"] is None:
            return count
        cursor = f"&cursor={page['next']}"


@contextlib.contextmanager
def _page(box: Sandbox, count: int) -> Iterator[Page]:
    """The queue of an administrator, all of it there."""
    from playwright.sync_api import sync_playwright

    from api.account.console import Console

    path = chromium()
    if path is None:
        raise WatchfloorError(
            "bench: no Chromium on the PATH", hint="Install it: apt-get install chromium"
        )
    code = asyncio.run(Console(box.settings).door())
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 860}, locale="en-GB")
            page.goto(f"{box.url}/sign-in/{code}")
            _await_count(page, count)
            yield page
        finally:
            browser.close()


def _await_count(page: Page, count: int) -> None:
    _await(page, COUNT, count, f"the queue shows {{}} of {count} alerts")


def _await(page: Page, script: str, wanted: int, otherwise: str) -> None:
    deadline = monotonic() + PATIENCE_S
    while (found := page.evaluate(script)) != wanted:
        if monotonic() > deadline:
            raise WatchfloorError(f"bench: {otherwise.format(found)}")
        sleep(0.1)


def _traced(page: Page, work: Callable[[], None]) -> Tasks:
    browser = page.context.browser
    assert browser is not None
    browser.start_tracing(page=page, categories=list(CATEGORIES))
    try:
        work()
    finally:
        trace = browser.stop_tracing()
    return tasks_of(trace)


def _scroll(page: Page) -> None:
    """Down as a wheel does it, and by keys to the end and back."""
    page.mouse.move(400, 400)
    for _ in range(WHEELS):
        page.mouse.wheel(0, WHEEL_PX)
    _settle(page)
    page.keyboard.press("End")
    _settle(page)
    page.keyboard.press("Home")
    _await(page, PICKED, 1, "row {} is picked, and not the first one")


def _settle(page: Page) -> None:
    """A wheel's turns are drawn after it was turned; what is pressed meanwhile adds to them."""
    before, still = -1, 0
    while still < STILL:
        sleep(0.1)
        now = page.evaluate(TOP)
        before, still = now, still + 1 if now == before else 0


def _news(page: Page, settings: Settings, count: int) -> None:
    """Alerts that come and change, while somebody goes through the queue."""
    # Playwright holds this thread's loop.
    with ThreadPoolExecutor(1) as elsewhere:
        for wave in range(WAVES):
            elsewhere.submit(asyncio.run, _tell(settings, wave)).result()
            for _ in range(KEYS):
                page.keyboard.press("j")
            _await_count(page, count + (wave + 1) * A_WAVE)


async def _tell(settings: Settings, wave: int) -> None:
    """A wave of new alerts at all ranks, and the wave before it at others."""
    from agents.runtime.emitter import Emitter
    from infra.bench.api.watched import alert, record

    first = wave * A_WAVE
    told = [replace(alert(first + n), rank=n * 9 % 100) for n in range(A_WAVE)]
    if wave:
        told += [
            replace(alert(first - A_WAVE + n), rank=n * 7 % 100, revision=2) for n in range(A_WAVE)
        ]
    emitter = Emitter(settings, "bench-page")
    await emitter.start()
    try:
        await emitter.emit([record(one) for one in told])
    finally:
        await emitter.stop()


BENCH: Final = Bench(
    name="page",
    summary="the queue with 5,000 alerts in a browser: the longest task while it scrolls and hears",
    metrics=(SCROLL, UPDATE),
    measure=measure,
)
