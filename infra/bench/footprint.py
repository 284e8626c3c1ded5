"""`bench footprint`: what an idle `up` keeps in memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.errors import WatchfloorError
from infra.layout import ROLES, SERVERS
from infra.setting_values import ROOT

__all__ = ["BENCH"]

EXPECTED: Final = (*SERVERS, "supervisor", *ROLES, "api")
KEPT: Final = ("WATCHFLOOR_CACHE", "WATCHFLOOR_DEBUG")
"""What the `up` that is measured takes over of our variables: it is one with every default."""

LOOK_S: Final = 5.0
SETTLED: Final = 0.005
LOOKS: Final = 4
"""It has settled when the last so many looks differ by less than that share of the total."""

PATIENCE_S: Final = 180.0
FULL_S: Final = 900.0
"""The long form looks at the end of a quarter of an hour: what leaks shows by then."""

UP_LIMIT_S: Final = 300.0

TOTAL: Final = Metric(
    name="resident_total_mib",
    unit="MiB",
    what="memory of all processes of an idle `up` (PSS: what is shared counts once)",
    bar=Bar(limit=1600.0, side="at most"),
)


def measure(run: Run) -> Sequence[Measured]:
    """Start an `up` of its own, wait until its memory has settled, and add it up."""
    with _own_up(run) as state:
        run.say("waiting until its memory has settled")
        look = partial(resident, state)
        found = watch(look, FULL_S) if run.full else settle(look)
        run.say("stopping it")
    return [total(found)]


def total(found: Mapping[str, float]) -> Measured:
    """The metric. found: MiB by process. Raises WatchfloorError where a process is missing."""
    missing = [name for name in EXPECTED if name not in found]
    if missing:
        raise WatchfloorError(f"bench: of what `up` starts, {', '.join(missing)} did not run")
    detail = {f"{name}_mib": round(found[name], 1) for name in sorted(found, key=found.__getitem__)}
    return Measured(
        metric=TOTAL, value=sum(found.values()), detail=dict(reversed(list(detail.items())))
    )


def by_name(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """MiB by what a process is, PostgreSQL's children under its name."""
    found: dict[str, float] = {}
    for row in rows:
        found[row["name"]] = found.get(row["name"], 0.0) + float(row["memory_mib"])
    return found


def settle(look: Callable[[], dict[str, float]], patience: float = PATIENCE_S) -> dict[str, float]:
    """What `look` finds once it has settled; when patience ends, as it is: that counts as well."""
    deadline = monotonic() + patience
    totals: list[float] = []
    while True:
        found = look()
        totals.append(sum(found.values()))
        if has_settled(totals) or monotonic() > deadline:
            return found
        sleep(LOOK_S)


def watch(look: Callable[[], dict[str, float]], seconds: float) -> dict[str, float]:
    """What `look` finds after so many seconds."""
    sleep(seconds)
    return look()


def has_settled(totals: Sequence[float]) -> bool:
    """Whether the last looks are close enough to each other."""
    last = totals[-LOOKS:]
    return len(last) == LOOKS and max(last) - min(last) <= SETTLED * max(last)


def resident(state: Path) -> dict[str, float]:
    """MiB by process of the `up` under a state directory."""
    from infra.probes import processes
    from infra.settings import Settings

    return by_name(processes(Settings(state_dir=state)))


@contextlib.contextmanager
def _own_up(run: Run) -> Iterator[Path]:
    """An `up` with every default under a state directory of its own, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="watchfloor-bench-"))
    state = folder / "state"
    try:
        run.say("starting everything")
        _command(state, "up", "--json")
        yield state
    finally:
        with contextlib.suppress(WatchfloorError):
            _command(state, "down")
        shutil.rmtree(folder, ignore_errors=True)


def _command(state: Path, *arguments: str) -> None:
    """Run a command of ours. Raises WatchfloorError with what it said where it fails."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WATCHFLOOR_") or name in KEPT
    }
    command = [sys.executable, "-m", "infra.cli", f"--state={state}", *arguments]
    try:
        subprocess.run(
            command,
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=UP_LIMIT_S,
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().removeprefix("watchfloor: ")[-1500:]
        raise WatchfloorError(f"bench: watchfloor {arguments[0]} failed: {said}") from None
    except subprocess.TimeoutExpired:
        raise WatchfloorError(
            f"bench: watchfloor {arguments[0]} took more than {UP_LIMIT_S:.0f} s"
        ) from None


BENCH: Final = Bench(
    name="footprint",
    summary="the memory of an idle `up`, by process",
    metrics=(TOTAL,),
    measure=measure,
)
