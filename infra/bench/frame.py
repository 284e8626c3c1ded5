"""What a bench is, and what it measures."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from infra.errors import ExitCode, WatchfloorError

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Bar", "Bench", "Measured", "Metric", "Run", "asset", "benches", "find", "percentile"]

Say = Callable[[str], None]
Count = Callable[[int, int], None]

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Where a metric has to be. `at least` for what should be much, `at most` for what costs."""

    limit: float
    side: Literal["at least", "at most"]

    def holds(self, value: float) -> bool:
        """Whether a value is on the right side; the limit itself is. NaN is on neither."""
        return value >= self.limit if self.side == "at least" else value <= self.limit


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure that a bench promises. unit: `ms`, `MiB`, `1` for a ratio. bar: None for none."""

    name: str
    unit: str
    what: str
    bar: Bar | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A metric's value. detail: what a reader needs to judge it, as JSON."""

    metric: Metric
    value: float
    detail: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    @property
    def holds(self) -> bool | None:
        """Whether it meets its bar; None where it has none."""
        bar = self.metric.bar
        return None if bar is None else bar.holds(self.value)

    def line(self, bench: str) -> dict[str, Any]:
        """For `--json`."""
        bar = self.metric.bar
        return {
            "bench": bench,
            "metric": self.metric.name,
            "value": round(self.value, 3),
            "unit": self.metric.unit,
            "bar": None if bar is None else bar.limit,
            "holds": self.holds,
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a bench. full: the long form. seed: of whatever is drawn by chance.

    seeds: where one is not enough; none: the bench's own choice, from `seed` on.
    minutes: for a bench that takes as long as one likes; None for its own default.

    say(text) names the step; count(done, total) shows bytes of a download.
    """

    settings: Settings
    full: bool = False
    seed: int = 1
    seeds: tuple[int, ...] = ()
    minutes: float | None = None
    say: Say = lambda text: None
    count: Count = lambda done, total: None


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A bench. measure: runs it, in at most 12 minutes on two cores unless `full`.

    It raises WatchfloorError where it could not measure; a bar that does not hold is a result.
    """

    name: str
    summary: str
    metrics: tuple[Metric, ...]
    measure: Callable[[Run], Sequence[Measured]]


def benches() -> dict[str, Bench]:
    """Every bench by its name: each module of this folder that has a `BENCH`."""
    folder = Path(__file__).parent
    found: dict[str, Bench] = {}
    for module in pkgutil.iter_modules([str(folder)]):
        bench = getattr(importlib.import_module(f"infra.bench.{module.name}"), "BENCH", None)
        if isinstance(bench, Bench):
            found[bench.name] = bench
    return found


def find(name: str) -> Bench:
    """The bench of that name. Raises WatchfloorError, which lists all, for another."""
    known = benches()
    if name not in known:
        raise WatchfloorError(
            f"bench: there is no bench '{name[:40]}'",
            hint=f"There are {', '.join(known)}.",
            exit_code=ExitCode.USAGE,
        )
    return known[name]


def asset(settings: Settings, name: str) -> Path:
    """A file among the assets. Raises WatchfloorError, which says where it looked."""
    path = settings.assets_dir / name
    if not path.is_file():
        raise WatchfloorError(
            f"bench: {path}: no such file, and it cannot be measured without",
            hint="WATCHFLOOR_ASSETS says where footage and models are.",
            exit_code=ExitCode.MACHINE,
        )
    return path


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least so many percent of all do not exceed (nearest rank).

    Raises ValueError where there are none.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 100) - 1)]
