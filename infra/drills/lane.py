"""A lane: drills one after the other on servers of its own, in a process of its own.

`python -m infra.drills.lane --folder DIR NAME...` takes what no other lane of the folder has taken
yet, until there is nothing left.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from infra.bench.frame import Measured
from infra.drills.frame import Drill, DrillRun, SkippedError, find
from infra.drills.perform import perform, shared_pool
from infra.embedded.process import die_with_parent, parent_of
from infra.errors import WatchfloorError
from infra.settings import load

__all__ = ["Outcome", "attempt", "claimed_by", "main", "outcome_in", "takes"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a drill. skipped, failed: why it has no figures. said: what it told meanwhile.

    seconds: that it took, without the servers that it shares.
    """

    drill: str
    measured: tuple[Measured, ...] = ()
    skipped: str | None = None
    failed: str | None = None
    said: tuple[str, ...] = ()
    seconds: float = 0.0


def outcome_in(folder: Path, name: str) -> Outcome | None:
    """A drill's outcome, once its lane has written it."""
    try:
        text = (folder / f"{name}.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    # A figure may be NaN, which json writes and reads, and msgspec does not.
    return msgspec.convert(json.loads(text), Outcome)


def claimed_by(folder: Path, what: str) -> int | None:
    """The pid of the lane that took a drill, or a kind of servers; None while nobody has."""
    try:
        return int((folder / f"{what}.claim").readlink().name)
    except FileNotFoundError:
        return None


def _claim(folder: Path, what: str) -> bool:
    """Whether it is ours, now or already. A link is there with what it says, or not at all."""
    try:
        (folder / f"{what}.claim").symlink_to(str(os.getpid()))
    except FileExistsError:
        return claimed_by(folder, what) == os.getpid()
    return True


def takes(folder: Path, chosen: Sequence[Drill]) -> Iterator[Drill]:
    """The drills that this lane is to do, in their order, one whenever it is free.

    Servers of a special kind are one lane's: they are started once.
    """
    for drill in chosen:
        if drill.broker != "one" and not _claim(folder, f"kind-{drill.broker}"):
            continue
        if claimed_by(folder, drill.name) is None and _claim(folder, drill.name):
            yield drill


def attempt(drill: Drill, run: DrillRun) -> Outcome:
    """Perform a drill, whatever becomes of it."""
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        run.say(text)

    begun = monotonic()
    outcome = Outcome(drill=drill.name)
    try:
        outcome = replace(outcome, measured=tuple(perform(drill, replace(run, say=say))))
    except SkippedError as reason:
        outcome = replace(outcome, skipped=reason.message)
    except WatchfloorError as error:
        outcome = replace(outcome, failed=error.message)
        if run.pool is not None:
            run.pool.renew()
    return replace(outcome, said=tuple(said), seconds=round(monotonic() - begun, 1))


def _write(folder: Path, outcome: Outcome) -> None:
    # Empty details are a mapping that msgspec does not know.
    plain: Any = msgspec.to_builtins(outcome, builtin_types=(float,), enc_hook=dict)
    fresh = folder / f"{outcome.drill}.new"
    fresh.write_text(json.dumps(plain), encoding="utf-8")
    fresh.replace(folder / f"{outcome.drill}.json")


def main(argv: Sequence[str] | None = None) -> None:
    """Do what is left to do."""
    parser = argparse.ArgumentParser(prog="python -m infra.drills.lane")
    parser.add_argument("names", nargs="+")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--die-with", type=parent_of, metavar="PID|parent")
    given = parser.parse_args(argv)
    if given.die_with is not None:
        die_with_parent(signal.SIGTERM, given.die_with)

    def stop(*_: object) -> None:
        raise SystemExit(143)

    # What was started is stopped and taken away, too.
    signal.signal(signal.SIGTERM, stop)
    settings = load()
    run = DrillRun(settings=settings, seed=given.seed, keep=given.keep)
    with shared_pool(run) as pool:
        for drill in takes(given.folder, [find(name) for name in given.names]):
            pool.keep_only(drill.broker)
            _write(given.folder, attempt(drill, replace(run, pool=pool)))


if __name__ == "__main__":
    main()
