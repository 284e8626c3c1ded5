"""Quix Streams as it comes, in an environment of its own (`rival.py`).

`python -m infra.bench.stream.quix TASK` ends once it has seen every record: then its checkpoint is
committed at once, and not up to five seconds later.
"""

from __future__ import annotations

from typing import Any

from infra.bench.stream.job import EVERY, WINDOW_MS, Task


def main(task: Task) -> None:
    """Do the job."""
    from quixstreams import Application

    app = Application(
        broker_address=task.bootstrap,
        consumer_group=task.group,
        auto_offset_reset="earliest",
        state_dir=task.folder / "quix",
        loglevel="WARNING",
    )
    frame = app.dataframe(app.topic(task.source, value_deserializer="json"))
    seen, begin = 0, task.starter()

    def note() -> None:
        nonlocal seen
        begin()
        seen += 1
        if seen == task.count:
            app.stop()

    def stateless(report: dict[str, Any]) -> bool:
        note()
        return bool(report["lap"] % EVERY == 0)

    def stateful(report: dict[str, Any], state: Any) -> bool:
        note()
        last = state.get("at_ms")
        if last is not None and report["at_ms"] - last < WINDOW_MS:
            return False
        state.set("at_ms", report["at_ms"])
        return True

    frame = frame.filter(stateful, stateful=True) if task.stateful else frame.filter(stateless)
    frame.to_topic(app.topic(task.target, value_serializer="json"))
    app.run()


if __name__ == "__main__":
    main(Task.given())
