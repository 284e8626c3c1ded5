"""`watchfloor tables`: what the stages remember: list, get, stats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, table
from infra.errors import ExitCode, WatchfloorError

if TYPE_CHECKING:
    from agents.runtime.state import TableSpec
    from infra.tables import Partition

app = typer.Typer(add_completion=False, no_args_is_help=True)

MOST_SHOWN: Final = 20_000
"""Characters of one row for a person."""


@app.callback()
def tables() -> None:
    """What the stages remember, in tables by partition.

    A worker that runs on this machine is asked; of one that does not, its folder is read. Each
    partition is shown once, where it is furthest.
    """


@app.command(
    "list", epilog="\b\nExamples:\n  watchfloor tables list\n  watchfloor tables list --json"
)
def list_(ctx: typer.Context, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Every table: the role that has it, its rows by estimate, its size.

    Tables of one stage are kept together: their rows are counted together.
    """
    from infra.tables import known_tables, partitions

    known = known_tables()
    specs = {name: spec for name, (_, spec) in known.items()}
    places = partitions(settings_of(ctx, state), specs)
    rows = [_summary(name, role, spec, places) for name, (role, spec) in known.items()]
    if as_json:
        print_json(rows)
        return
    table(
        ("table", "role", "kept in", "parts", "rows", "on disk", ""),
        [
            (
                row["table"],
                row["role"],
                row["kept_in"],
                row["partitions"],
                row["rows"],
                _bytes(row["disk"]),
                ", ".join(row["workers"]),
            )
            for row in rows
        ],
    )


@app.command(
    "stats", epilog="\b\nExamples:\n  watchfloor tables stats\n  watchfloor tables stats --json"
)
def stats(ctx: typer.Context, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Every partition: rows by estimate, bytes on disk and in memory, how far its changelog is in.

    offset: of the changelog's last record that is in it. generation: of the worker that owns it.
    """
    from infra.tables import known_tables, partitions

    specs = {name: spec for name, (_, spec) in known_tables().items()}
    places = partitions(settings_of(ctx, state), specs)
    rows = [
        {**place.facts, "worker": place.source.instance, "live": place.source.live}
        for place in places
    ]
    if as_json:
        print_json(rows)
        return
    table(
        ("kept in", "part", "rows", "on disk", "in memory", "offset", "gen", "written", "worker"),
        [
            (
                row["table"],
                row["partition"],
                row["rows"],
                _bytes(row["disk"]),
                _bytes(row["memory"]),
                "–" if row["offset"] is None else row["offset"],
                row["generation"],
                str(row["written"] or "–")[:19],
                row["worker"] if row["live"] else f"{row['worker']} (does not run)",
            )
            for row in rows
        ],
    )


@app.command(
    "get",
    epilog="\b\nExamples:\n  watchfloor tables get route.alerts                  the first rows\n"
    "  watchfloor tables get route.alerts 5f0c… --json\n"
    "  watchfloor tables get rank.feedback --partition 2 --limit 10 --after KEY",
)
def get(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TABLE", help="The table's name.")],
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="KEY", help="The row's key; JSON where keys are typed. None: rows in order."
        ),
    ] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    after: Annotated[
        str | None, typer.Option(help="Rows after this: `next` of the page before.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Rows at most.")] = 20,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """A row as JSON, or the rows of a table, page by page.

    Exit status 1 where there is no row of that key.
    """
    from infra.tables import find_table, known_tables, partitions, read_page, read_row

    known = known_tables()
    spec = find_table(name, known)
    places = [
        place
        for place in partitions(settings_of(ctx, state), {n: s for n, (_, s) in known.items()})
        if partition is None or place.partition == partition
    ]
    if key is None:
        rows, last = read_page(places, spec, after=_after(after), limit=limit)
        following = None if last is None else json.dumps(last, ensure_ascii=True)
        if as_json:
            print_json({"rows": rows, "next": following})
            return
        for row in rows:
            _show(row)
        if following is not None:
            console().print(f"More: --after '{following}'", markup=False)
        return
    try:
        found = read_row(places, spec, key)
    except ValueError as error:
        raise WatchfloorError(f"tables get: {error}", exit_code=ExitCode.USAGE) from error
    if as_json:
        print_json([{**row, "worker": place.source.instance} for place, row in found])
    else:
        for _, row in found:
            _show(row)
    if not found:
        if not as_json:
            console(stderr=True).print(f"{name} has no row '{key}' here.", markup=False)
        raise typer.Exit(ExitCode.FAILED)


def _summary(name: str, role: str, spec: TableSpec[Any], places: list[Partition]) -> dict[str, Any]:
    own = [place for place in places if place.table == spec.table]
    return {
        "table": name,
        "role": role,
        "kept_in": spec.table,
        "partitions": len(own),
        "rows": sum(int(place.facts["rows"]) for place in own),
        "disk": sum(int(place.facts["disk"]) for place in own),
        "memory": sum(int(place.facts["memory"]) for place in own),
        "workers": sorted({place.source.instance for place in own}),
        "version": spec.version,
    }


def _show(row: Mapping[str, Any]) -> None:
    from topics.lines import printable

    head = f"{row['table']} {row['partition']} {printable(str(row['key']))}"
    if "error" in row:
        console().print(f"{head}: {row['bytes']} bytes: {printable(row['error'])}", markup=False)
        return
    text = json.dumps(row["value"], indent=2, ensure_ascii=True)
    cut = text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "\n…"
    console().print(f"{head}\n{cut}", markup=False)


def _after(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    try:
        partition, key = json.loads(text)
        return int(partition), str(key)
    except (ValueError, TypeError) as error:
        raise WatchfloorError(
            f"tables get: --after '{text}' is not what a page ended with",
            hint="Give what stands after 'More: --after', or `next` of --json.",
            exit_code=ExitCode.USAGE,
        ) from error


def _bytes(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MiB" if count >= 100_000 else f"{count / 1024:.1f} KiB"
