"""`watchfloor drill`: break things on purpose, and count what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.bench import stoppable
from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import print_json, print_json_line, steps, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infra.bench.frame import Bar, Measured
    from infra.drills.frame import Drill, DrillRun
    from infra.drills.lane import Outcome

EPILOG = """\
\b
Examples:
  watchfloor drill list
  watchfloor drill kill-roles                 kill -9 under load, in half a minute
  watchfloor drill zombie --full --seed 7
  watchfloor drill all --short --json | jq 'select(.holds == false)'

\b
Exit status: 0 every bar holds, 1 one does not, 3 this machine lacks what the drill needs.
"""

app = typer.Typer(add_completion=False)
ALL = "all"


@app.command("drill", epilog=EPILOG)
def drill(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which one; `all`; or `list`.")],
    full: Annotated[
        bool, typer.Option("--full/--short", help="The long form, or the one the tests run.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the load and of the moments.")] = 1,
    as_json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """Break things on purpose under load, and count by id what was taken and what came out.

    A drill starts a broker, a database and roles of its own, and stops them; what `up` runs is
    not touched. `all --short` does several side by side. With --json it prints a line a metric.
    Where a bar fails, the logs of its processes are kept under DIR/drills of the state directory,
    and it says where.
    """
    from infra.drills.frame import DrillRun, drills, find

    if name == "list":
        _list(as_json=as_json)
        return
    chosen = list(drills().values()) if name == ALL else [find(name)]
    with stoppable(), steps() as told:
        run = DrillRun(
            settings=settings_of(ctx, state), full=full, seed=seed, say=told.say, count=told.count
        )
        held = _every(chosen, run, as_json=as_json)
    raise typer.Exit(0 if held else 1)


def _every(chosen: Sequence[Drill], run: DrillRun, *, as_json: bool) -> bool:
    """Whether all bars hold. Whatever becomes of one, the others are done."""
    from infra.drills.frame import held, line

    holds = True
    for outcome in _outcomes(chosen, run):
        holds = holds and outcome.failed is None and held(outcome.measured)
        for why in ("skipped", "failed"):
            reason = getattr(outcome, why)
            if reason is None:
                continue
            if as_json:
                print_json_line({"drill": outcome.drill, why: reason})
            else:
                typer.echo(f"{outcome.drill}: {why}: {reason}")
        if as_json:
            for figure in outcome.measured:
                print_json_line(line(outcome.drill, figure))
        elif outcome.measured:
            typer.echo(outcome.drill)
            _show(outcome.measured)
    return holds


def _outcomes(chosen: Sequence[Drill], run: DrillRun) -> Iterator[Outcome]:
    """As they come. A long form has the machine for itself: what it says of time is to hold."""
    from dataclasses import replace

    from infra.drills.lane import Outcome, attempt
    from infra.drills.perform import perform, shared_pool
    from infra.drills.together import together

    if len(chosen) == 1:
        yield Outcome(drill=chosen[0].name, measured=tuple(perform(chosen[0], run)))
    elif run.full:
        with shared_pool(run) as pool:
            for one in chosen:
                yield attempt(one, replace(run, pool=pool))
    else:
        with together(chosen, run) as begun:
            for done, outcome in enumerate(begun.finished(), start=1):
                run.say(f"{outcome.drill} is done, {done} of {len(chosen)}")
                yield outcome


def _list(*, as_json: bool) -> None:
    from infra.drills.frame import drills

    rows = [(one.name, one.summary, one.lacks() or "") for one in drills().values()]
    if as_json:
        print_json(
            [{"drill": name, "what": what, "lacks": lacks or None} for name, what, lacks in rows]
        )
    else:
        table(("drill", "", "cannot be done here"), rows)


def _show(measured: Sequence[Measured]) -> None:
    from rich.text import Text

    verdicts = {True: Text("holds", "green"), False: Text("fails", "red"), None: Text("")}
    table(
        ("metric", "value", "bar", "", "detail"),
        [
            (
                one.metric.name,
                f"{one.value:.4g} {one.metric.unit}".removesuffix(" 1"),
                _bar(one.metric.bar),
                verdicts[one.holds],
                "\n".join(f"{key} {value}" for key, value in one.detail.items()),
            )
            for one in measured
        ],
    )


def _bar(bar: Bar | None) -> str:
    return "" if bar is None else f"{bar.side} {bar.limit:g}"
