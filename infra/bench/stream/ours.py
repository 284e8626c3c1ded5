"""Our runtime: a role with one stage, wired and run as every other role is.

`python -m infra.bench.stream.ours TASK` is the role's process, until it is terminated. The other
benches of the runtime (hop, soak, recovery) run the same role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec
from msgspec import Struct

from agents.runtime.record import Record
from agents.runtime.role import Role
from agents.runtime.stage import Chain, Context, Effect, Emit, Stage
from agents.runtime.state import TableSpec
from infra.bench.stream.job import EVERY, WINDOW_MS, Task
from schemas.base import Message, encode
from topics.declare import KeyKind, Topic
from topics.record import OutRecord

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["LAST", "TABLE", "Last", "Report", "role", "role_name", "settings_for", "ticks_of"]

TABLE: Final = "dedupe"


class Report(Message, frozen=True, kw_only=True):
    """A device's report."""

    SCHEMA: ClassVar[str] = "bench-report.v1"

    device: str
    kind: str
    place: str
    level: float
    lap: int
    at_ms: int


class Last(Struct, frozen=True):
    """When a device's last report was forwarded."""

    at_ms: int


LAST: Final = TableSpec(name=TABLE, value=Last)


def settings_for(task: Task) -> Settings:
    """The settings of the role's process: its namespace is what all its topics begin with."""
    from infra.settings import load

    return load(
        env={
            "WATCHFLOOR_STATE": str(task.folder / "state"),
            "WATCHFLOOR_KAFKA_URL": task.bootstrap,
            "WATCHFLOOR_NAMESPACE": namespace_of(task),
            "WATCHFLOOR_LOG_LEVEL": "warning",
        }
    )


def namespace_of(task: Task) -> str:
    """What its topics begin with, up to the first dot."""
    return task.source.partition(".")[0]


def role_name(task: Task) -> str:
    """The role's name, from a group `NAMESPACE.watchfloor-NAME`."""
    return task.group.rpartition("watchfloor-")[2]


def ticks_of(task: Task) -> str:
    """The whole name of the topic of its clock."""
    return f"{namespace_of(task)}.ticks.{role_name(task)}.v1"


def _topic(name: str, task: Task) -> Topic:
    return Topic(
        name=name.partition(".")[2],
        key=KeyKind.CAMERA,
        value=Report,
        keep=timedelta(days=1),
        owner="bench",
        promise="made for a bench, and gone with it",
        partitions=task.partitions,
        group=role_name(task),
    )


def role(task: Task) -> Role:
    """The role that does the job of a task."""
    from schemas.tick import Tick

    source, target = _topic(task.source, task), _topic(task.target, task)
    name = role_name(task)
    ticks = Topic(
        name=f"ticks.{name}.v1",
        key=KeyKind.NONE,
        value=Tick,
        keep=timedelta(hours=1),
        owner="bench",
        promise="the time, once a second",
        partitions=task.partitions,
        group=name,
    )
    stage = Stage(
        name=TABLE, reads=(source,), writes=(target,), state=(LAST,) if task.stateful else ()
    )
    handlers = (stateful, each_stateful) if task.stateful else (stateless, each_stateless)
    if task.each:
        stage.on(Report)(handlers[1](target, task.starter()))
    else:
        stage.on_chunk(source)(handlers[0](target, task.starter()))
    chain = Chain(name=name, stages=(stage,), ticks=ticks, timed=(source,))
    return Role(name=name, title="the job of a bench", chains=(chain,))


Handler = Callable[[Context, Report], Iterable[Effect]]
WholeHandler = Callable[[Context, Sequence[Record]], Iterable[Effect]]
NEVER: Final = -WINDOW_MS


def stateless(target: Topic, begin: Callable[[], None]) -> WholeHandler:
    """Forward every third report of a device."""
    decode = msgspec.json.Decoder(Report).decode

    def handle(_ctx: Context, records: Sequence[Record]) -> Iterable[Effect]:
        begin()
        reports = [decode(record.value or b"") for record in records]
        return [Emit(_record(target, report)) for report in reports if report.lap % EVERY == 0]

    return handle


def stateful(target: Topic, begin: Callable[[], None]) -> WholeHandler:
    """Forward a report unless the device's last that was forwarded is too young."""
    decode = msgspec.json.Decoder(Report).decode

    def handle(ctx: Context, records: Sequence[Record]) -> Iterable[Effect]:
        begin()
        last: dict[str, int] = {}
        fresh: dict[str, int] = {}
        effects: list[Effect] = []
        for record in records:
            report = decode(record.value or b"")
            device = report.device
            before = last.get(device)
            if before is None:
                row = ctx.get(LAST, device)
                before = last[device] = NEVER if row is None else row.at_ms
            if report.at_ms - before >= WINDOW_MS:
                last[device] = fresh[device] = report.at_ms
                effects.append(Emit(_record(target, report)))
        for device, at_ms in fresh.items():
            ctx.put(LAST, device, Last(at_ms))
        return effects

    return handle


def each_stateless(target: Topic, begin: Callable[[], None]) -> Handler:
    """The same, a message at a time."""

    def handle(_ctx: Context, report: Report) -> Iterable[Effect]:
        begin()
        return () if report.lap % EVERY else (Emit(_record(target, report)),)

    return handle


def each_stateful(target: Topic, begin: Callable[[], None]) -> Handler:
    """The same, a message at a time."""

    def handle(ctx: Context, report: Report) -> Iterable[Effect]:
        begin()
        last = ctx.get(LAST, report.device)
        if last is not None and report.at_ms - last.at_ms < WINDOW_MS:
            return ()
        ctx.put(LAST, report.device, Last(report.at_ms))
        return (Emit(_record(target, report)),)

    return handle


def _record(target: Topic, report: Report) -> OutRecord:
    return OutRecord(topic=target, key=report.device.encode(), value=encode(report), headers=())


async def _run(task: Task) -> None:
    from agents.runtime.worker import RoleProcess

    await RoleProcess(role(task), settings_for(task)).run()


def main(task: Task) -> None:
    """Be the role's process."""
    from agents.runtime import eventloop
    from agents.runtime.app import changelog_names
    from infra.processes import become_process
    from topics.admin import ensure_changelogs

    settings = settings_for(task)
    become_process(settings, "bench")
    made = role(task)
    ensure_changelogs(settings, changelog_names(settings, made.name, made.chains), task.partitions)
    eventloop.run(_run(task))


if __name__ == "__main__":
    main(Task.given())
