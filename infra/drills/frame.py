"""What a drill is, what it measures, and where they all are."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.bench.frame import Bar, Measured, Metric
from infra.errors import ExitCode, MachineError, WatchfloorError

if TYPE_CHECKING:
    from infra.drills.arena import Arena
    from infra.drills.servers import Kind, Pool
    from infra.settings import Settings

__all__ = [
    "DUPLICATES",
    "FIRST_ALERT",
    "GAP",
    "IN",
    "LOST",
    "METRICS",
    "OUT",
    "TOLD_TWICE",
    "Drill",
    "DrillRun",
    "SkippedError",
    "drills",
    "find",
    "line",
]

IN: Final = Metric(
    name="in", unit="1", what="records that the broker, or the API with a 2xx, has taken"
)
OUT: Final = Metric(
    name="out", unit="1", what="of these, those whose decision, picture or dead letter came out"
)
LOST: Final = Metric(
    name="lost",
    unit="1",
    what="ids that were taken and did not come out everywhere: decision, alert, notification, row",
    bar=Bar(limit=0, side="at most"),
)
DUPLICATES: Final = Metric(
    name="sink_duplicates",
    unit="1",
    what="what stands twice after the upserting sink, and decisions at odds for one event",
    bar=Bar(limit=0, side="at most"),
)
TOLD_TWICE: Final = Metric(
    name="notification_duplicates",
    unit="1",
    what="deliveries of a notification beyond its first; at most those in flight at a fault",
    bar=Bar(limit=0, side="at most"),
)
FIRST_ALERT: Final = Metric(
    name="first_alert_after_s",
    unit="s",
    what="from a fault (of the broker: its end) to the alert of an event taken since; "
    "the slowest fault and site",
)
GAP: Final = Metric(name="gap_s", unit="s", what="the longest time without a captured frame")
METRICS: Final = (IN, OUT, LOST, DUPLICATES, TOLD_TWICE, FIRST_ALERT)

Say = Callable[[str], None]
Count = Callable[[int, int], None]


class SkippedError(MachineError):
    """The drill cannot be done on this machine; the message says what it needs."""


@dataclass(frozen=True, kw_only=True)
class DrillRun:
    """One run. full: the long form. pool: the servers that several drills share; None: its own.

    keep: where the processes' logs go when a drill fails; None: `drills` under the state.
    """

    settings: Settings
    full: bool = False
    seed: int = 1
    say: Say = lambda text: None
    count: Count = lambda done, total: None
    pool: Pool | None = None
    keep: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Drill:
    """A drill. drive: breaks things in an arena whose roles are ready and whose load runs.

    broker: what kind of servers it needs.
    rate: events a second of the load; 0: the drill sends by itself. settle_s: seconds for which
    nothing comes out before what is missing is lost. env, more_env(folder): what its roles'
    processes get. module: what is run as a role. lacks: what this machine lacks, or None.
    metrics: what it prints.
    """

    name: str
    summary: str
    drive: Callable[[Arena], None]
    roles: tuple[str, ...] = ("decide", "act")
    broker: Kind = "one"
    rate: float = 50.0
    settle_s: float = 30.0
    api: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    module: str = "agents.runtime"
    more_env: Callable[[Path], Mapping[str, str]] = lambda folder: {}
    lacks: Callable[[], str | None] = lambda: None
    metrics: tuple[Metric, ...] = METRICS


def drills() -> dict[str, Drill]:
    """Every drill by its name: each module of this folder that has `DRILLS`."""
    folder = Path(__file__).parent
    found: dict[str, Drill] = {}
    for module in pkgutil.iter_modules([str(folder)]):
        loaded = importlib.import_module(f"infra.drills.{module.name}")
        for drill in getattr(loaded, "DRILLS", ()):
            found[drill.name] = drill
    return found


def find(name: str) -> Drill:
    """The drill of that name. Raises WatchfloorError, which lists all, for another."""
    known = drills()
    if name not in known:
        raise WatchfloorError(
            f"drill: there is no drill '{name[:40]}'",
            hint=f"There are {', '.join(known)}; 'all' is every one of them.",
            exit_code=ExitCode.USAGE,
        )
    return known[name]


def line(drill: str, measured: Measured) -> dict[str, Any]:
    """A metric for `--json`: a bench's line, under the drill's name."""
    said = measured.line(drill)
    del said["bench"]
    return {"drill": drill, **said}


def held(measured: Sequence[Measured]) -> bool:
    """Whether no bar fails."""
    return all(one.holds is not False for one in measured)


def allowing(metric: Metric, limit: float) -> Metric:
    """The metric with another limit."""
    return replace(metric, bar=Bar(limit=limit, side="at most"))
