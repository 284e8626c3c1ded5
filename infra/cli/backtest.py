"""`watchfloor backtest`: another site document tried on what was recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, steps, table
from infra.errors import ExitCode, NotRunningError, WatchfloorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.backtest.report import Backtest, Fate, RuleRow

EPILOG = """\
\b
Examples:
  watchfloor backtest --site-document new.yaml --from 7d
  watchfloor backtest --site-document new.yaml --from 2026-03-02 --to 2026-03-09 --json
  watchfloor backtest --site-document new.yaml --from 60d --to 30d --source archive
"""

MOST_ROWS: Final = 20

app = typer.Typer(add_completion=False)


@app.command("backtest", epilog=EPILOG)
def backtest(
    ctx: typer.Context,
    site_document: Annotated[
        Path, typer.Option(help="The document to try; sites that it does not name stay.")
    ],
    since: Annotated[
        str, typer.Option("--from", help="A time (ISO 8601), or how long ago: 7d, 12h.")
    ],
    until: Annotated[str | None, typer.Option("--to", help="Likewise; without it, now.")] = None,
    source: Annotated[
        str, typer.Option(help="topic, archive (PostgreSQL), or auto: by age.")
    ] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes; default: one a core.")
    ] = None,
    json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """Run recorded events under the document in force and under another, and compare.

    The same rules as live, on the site's own past, and nothing else: nothing is sent, written or
    changed. Deliveries are taken to succeed. Zones whose polygon, labels, confidence or dwell
    change are tried on the recorded tracks.
    """
    from agents.runtime.clock import wall
    from infra import applied
    from infra.backtest.run import backtest as run
    from infra.replay import read_document

    if source not in ("auto", "topic", "archive"):
        raise typer.BadParameter("one of auto, topic, archive", param_hint="--source")
    now = wall()
    begin = moment(since, now, "--from")
    end = now if until is None else moment(until, now, "--to")
    new = read_document(site_document)
    settings = settings_of(ctx, state)
    current = applied.current(settings)
    if current is None:
        raise NotRunningError("backtest: no broker is known, so nothing was recorded")
    with steps(quiet=json) as step:

        def progress(what: str, done: int, total: int) -> None:
            share = f": {done:,} of {total:,}" if total else ""
            step.say(f"{what}{share}")

        result = run(
            settings,
            new,
            begin,
            end,
            now=now,
            current=current,
            source=source,  # type: ignore[arg-type]
            workers=workers,
            progress=progress,
        )
    if json:
        import msgspec

        print_json(msgspec.to_builtins(result))
    else:
        show(result)


def moment(text: str, now: datetime, option: str) -> datetime:
    """A time, a day, or so long before now. Raises WatchfloorError."""
    from schemas.base import SchemaError, parse_duration

    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        ago: timedelta = parse_duration(text)
        return now - ago
    except (SchemaError, OverflowError):
        raise WatchfloorError(
            f"{option} {text[:60]!r} is no time; write 2026-03-02T10:00:00Z, 2026-03-02, or 7d",
            exit_code=ExitCode.USAGE,
        ) from None


def show(result: Backtest) -> None:
    """For people."""
    out = console()
    out.print(
        f"{result.since:%Y-%m-%d %H:%M} to {result.until:%Y-%m-%d %H:%M} UTC, "
        f"{result.events:,} events of {_names(result.sites)}, from the {result.source}, "
        f"in {result.seconds:.1f} s",
        markup=False,
    )
    for change in result.changes[:MOST_ROWS]:
        out.print(f"  {change}", markup=False)
    if not result.changes:
        out.print("  The document changes nothing.", markup=False)
    rows: list[tuple[str, object, object, str, object]] = [
        _figure("alerts", result.recorded.alerts, result.before.alerts, result.after.alerts),
        _figure("  of them told", "", result.before.told, result.after.told),
        _figure(
            "notifications",
            result.recorded.notifications,
            result.before.notifications,
            result.after.notifications,
        ),
    ]
    names = dict.fromkeys([*result.before.decisions, *result.after.decisions])
    rows += [
        _figure(
            f"events {name}",
            "",
            result.before.decisions.get(name, 0),
            result.after.decisions.get(name, 0),
        )
        for name in names
    ]
    table(("", "before", "after", "", "recorded"), rows)
    _fates("Confirmed by analysts, and would now be missed", result.missed)
    _fates("Confirmed, would be an alert, and nobody would be told", result.untold)
    _fates("Dismissed by analysts, and would now be gone", result.gone)
    _fates("Judged by nobody, and would now be gone", result.unjudged)
    out.print(
        f"Of {result.recorded.confirmed} confirmed alerts {len(result.missed)} would be missed; "
        f"of {result.recorded.dismissed} dismissed ones {len(result.gone)} would be gone; "
        f"{len(result.unjudged)} that nobody judged would be gone, and {len(result.added)} would "
        "be new.",
        markup=False,
    )
    _rules(result.rules)
    for note in result.notes:
        out.print(f"Note: {note}", markup=False)


def _names(sites: Sequence[str]) -> str:
    shown = ", ".join(sites[:5])
    return shown + (f" and {len(sites) - 5} more sites" if len(sites) > 5 else "")


def _figure(
    name: str, recorded: object, before: int, after: int
) -> tuple[str, object, object, str, object]:
    change = "" if after == before else f"{after - before:+,}"
    shown = f"{recorded:,}" if isinstance(recorded, int) else recorded
    return (name, f"{before:,}", f"{after:,}", change, shown)


def _fates(title: str, fates: Sequence[Fate]) -> None:
    if not fates:
        return
    console().print(f"{title}: {len(fates)}", markup=False)
    table(
        ("opened", "site", "camera", "zone", "type", "by", "why", "already so"),
        [
            (
                f"{one.opened_at:%Y-%m-%d %H:%M:%S}",
                one.site,
                one.camera,
                one.zone,
                one.label or one.type,
                one.resolved_by or "",
                one.reason or "",
                "" if one.before else "yes",
            )
            for one in fates[:MOST_ROWS]
        ],
    )
    if len(fates) > MOST_ROWS:
        console().print(f"and {len(fates) - MOST_ROWS} more (--json has all)", markup=False)


def _rules(rows: Sequence[RuleRow]) -> None:
    if not rows:
        return

    def pair(values: tuple[int, int]) -> str:
        before, after = values
        return f"{before:,}" if before == after else f"{before:,} > {after:,}"

    table(
        ("camera", "zone", "type", "events", "folded", "alerts", "told", "missed", "gone"),
        [
            (
                f"{row.site}/{row.camera}",
                row.zone,
                row.type,
                pair(row.events),
                pair(row.folded),
                pair(row.alerts),
                pair(row.told),
                row.confirmed_missed or "",
                row.dismissed_gone or "",
            )
            for row in rows[:MOST_ROWS]
        ],
    )
    if len(rows) > MOST_ROWS:
        console().print(f"and {len(rows) - MOST_ROWS} more rules (--json has all)", markup=False)
