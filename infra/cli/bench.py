"""`watchfloor bench`: measure, and say what holds."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import print_json, print_json_line, steps, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infra.bench.frame import Bar, Measured

EPILOG = """\
\b
Examples:
  watchfloor bench                  what there is
  watchfloor bench latency
  watchfloor bench rank --seeds 1..20
  watchfloor bench detect --json | jq .value
  watchfloor bench stream --report docs/benchmarks
  watchfloor bench soak --minutes 10
"""

MOST_SEEDS = 1000

app = typer.Typer(add_completion=False)


@app.command("bench", epilog=EPILOG)
def bench(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which one; none: list them.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="The long form: more rounds.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of whatever is drawn by chance.")] = 1,
    seeds: Annotated[
        str | None, typer.Option(metavar="A..B", help="Several, both ends included, for `rank`.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, max=10_080, help="How long, for `soak` (60).")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Also write what was found there: lines, a table, a picture."
        ),
    ] = None,
    as_json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """Measure what the product promises.

    A bench needs no `up`: it starts what it needs in a namespace of its own, and stops it. With
    --json it prints a line a metric. Exit status 0 when it could measure, whether or not what it
    found meets the bar.
    """
    from infra.bench.frame import Run, find

    if name is None:
        _list(as_json=as_json)
        return
    chosen = find(name)
    with stoppable(), steps() as told:
        run = Run(
            settings=settings_of(ctx, state),
            full=full,
            seed=seed,
            seeds=_seeds(seeds),
            minutes=minutes,
            say=told.say,
            count=told.count,
        )
        measured = chosen.measure(run)
    if report is not None:
        from infra.bench.report import write

        write(report, [one.line(chosen.name) for one in measured])
    if as_json:
        for one in measured:
            print_json_line(one.line(chosen.name))
    else:
        _show(measured)


def _seeds(text: str | None) -> tuple[int, ...]:
    """`3..7`, or one number; none: none. Raises BadParameter for anything else."""
    if text is None:
        return ()
    first, dots, last = text.partition("..")
    try:
        begin, end = int(first), int(last if dots else first)
    except ValueError:
        begin, end = 0, -1
    if not 0 <= begin <= end < begin + MOST_SEEDS:
        raise typer.BadParameter(f"write --seeds 1..20; at most {MOST_SEEDS} of them")
    return tuple(range(begin, end + 1))


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Take SIGTERM as Ctrl-C: what was started is stopped and taken away then as well."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _list(*, as_json: bool) -> None:
    from infra.bench.frame import benches

    rows = [
        (bench.name, metric.name, metric.unit, metric.bar, metric.what)
        for bench in benches().values()
        for metric in bench.metrics
    ]
    if as_json:
        print_json(
            [
                {
                    "bench": bench,
                    "metric": metric,
                    "unit": unit,
                    "bar": None if bar is None else bar.limit,
                    "what": what,
                }
                for bench, metric, unit, bar, what in rows
            ]
        )
    else:
        table(
            ("bench", "metric", "bar", ""),
            [(bench, metric, _bar(bar, unit), what) for bench, metric, unit, bar, what in rows],
        )


def _bar(bar: Bar | None, unit: str) -> str:
    return "" if bar is None else f"{bar.side} {bar.limit:g} {unit}".removesuffix(" 1")


def _show(measured: Sequence[Measured]) -> None:
    from rich.text import Text

    verdicts = {True: Text("holds", "green"), False: Text("fails", "red"), None: Text("")}
    table(
        ("metric", "value", "bar", "", "detail"),
        [
            (
                one.metric.name,
                f"{one.value:.4g} {one.metric.unit}".removesuffix(" 1"),
                _bar(one.metric.bar, one.metric.unit),
                verdicts[one.holds],
                "\n".join(f"{key} {value}" for key, value in one.detail.items()),
            )
            for one in measured
        ],
    )
