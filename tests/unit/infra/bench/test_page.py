"""Which task of a browser's trace was the longest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.bench.page import Tasks, tasks_of
from infra.errors import WatchfloorError


def thread(pid: int, tid: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}


def task(pid: int, tid: int, ms: float, cpu_ms: float, **more: Any) -> dict[str, Any]:
    found = {"ph": "X", "name": "RunTask", "pid": pid, "tid": tid, "ts": 1}
    return {**found, "dur": ms * 1000, "tdur": cpu_ms * 1000, **more}


def trace(*events: dict[str, Any]) -> bytes:
    return json.dumps({"traceEvents": events}).encode()


def test_the_busiest_page_counts_and_no_other_thread() -> None:
    found = tasks_of(
        trace(
            thread(1, 1, "CrBrowserMain"),
            thread(2, 1, "CrRendererMain"),
            thread(3, 1, "CrRendererMain"),
            thread(2, 7, "Compositor"),
            task(1, 1, 900, 900),
            task(2, 7, 800, 800),
            # Another page's thread, which waited long and did little.
            task(3, 1, 700, 1),
            task(2, 1, 10, 9),
            task(2, 1, 50, 40),
            task(2, 1, 50.5, 12),
            # Within a task, and not one itself.
            task(2, 1, 600, 600, name="FunctionCall"),
            task(2, 1, 600, 600, ph="B"),
            # A marker has no duration.
            {"ph": "I", "name": "RunTask", "pid": 2, "tid": 1},
        )
    )
    assert found == Tasks(count=3, longest_ms=50.5, longest_cpu_ms=40, long=1)


@pytest.mark.parametrize(
    "events", [[], [thread(2, 1, "CrRendererMain")], [task(2, 1, 60, 60)]], ids=repr
)
def test_a_trace_without_a_page_is_no_measure(events: list[dict[str, Any]]) -> None:
    with pytest.raises(WatchfloorError, match="no task of a page"):
        tasks_of(trace(*events))
