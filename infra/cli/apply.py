"""`watchfloor apply`: put a site document into force."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, steps
from infra.errors import ExitCode, WatchfloorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.applied import Change
    from infra.settings import Settings
    from schemas.document import Document
    from schemas.document_reader import Problem, Reading

app = typer.Typer(add_completion=False)

MOST_CHANGES = 40


@app.command(
    "apply",
    epilog="\b\nExamples:\n  watchfloor apply site.yaml --dry-run\n  watchfloor apply site.yaml\n"
    "  my-generator | watchfloor apply - --json",
)
def apply(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(help="The document, YAML or JSON; `-` is standard input.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check it and say what would change; change nothing.")
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove the sites that the document does not name."),
    ] = False,
    author: Annotated[
        str | None, typer.Option(help="Who changes it, for the history; default: your login.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until every role works by it.")
    ] = True,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")] = 60.0,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a site document whole, and put it into force.

    Sites that it does not name stay as they are, and so does the routing where it has none.
    Exit status 1 where the document has problems: nothing was changed then.
    """
    from agents.watch.authorities import ca_files
    from infra import applied
    from schemas.document_reader import examine, not_acted_on_yet

    settings = settings_of(ctx, state)
    data, name = _read(file)
    current = _current(settings)
    receivers = None if current is None else [r.name for r in current.routing.receivers]
    # With brokers elsewhere, devices may be polled elsewhere too, and the files lie there.
    known = ca_files(settings.state_dir) if settings.kafka_embedded else None
    reading = examine(data, file=name, receivers=receivers, ca_files=known)
    document = reading.document
    if document is None:
        _refuse(reading, as_json=as_json)
        return
    changes = applied.changes(current, document, prune=prune)
    waiting = not_acted_on_yet(document)
    report: dict[str, Any] = {
        "ok": True,
        "dry_run": dry_run,
        "compared": current is not None,
        "changes": [change.to_json() for change in changes],
        "not_acted_on_yet": waiting,
        "notes": [_shown(note) for note in reading.notes],
    }
    if not as_json:
        _summary(changes, waiting, reading.notes, compared=current is not None)
    if dry_run:
        if as_json:
            print_json(report)
        else:
            console().print("Nothing was changed: this was a dry run.", markup=False)
        return
    revision = applied.put(settings, document, author or login(), prune=prune)
    with steps(quiet=as_json) as told:
        roles = (
            applied.wait_for_roles(settings, revision, timeout, told.say)
            if wait
            else applied.roles(settings)
        )
    behind = [role.name for role in roles if role.revision < revision]
    if as_json:
        print_json({**report, "revision": revision, "roles": [role.to_json() for role in roles]})
        return
    console().print(f"Revision {revision} is in force.", markup=False)
    if not roles:
        console().print(
            "No role runs here; they take it up when they start ('watchfloor up').", markup=False
        )
    elif behind:
        console().print(f"Not taken up yet by: {', '.join(behind)}.", markup=False)
    else:
        names = ", ".join(sorted({role.name for role in roles}))
        console().print(f"Taken up by: {names}.", markup=False)


def _current(settings: Settings) -> Document | None:
    """What is in force; None where it cannot be asked, which is no reason not to check a file."""
    from infra import applied

    try:
        return applied.current(settings)
    except WatchfloorError:
        return None


def _read(file: str) -> tuple[bytes, str]:
    """The document's bytes, bounded, and how problems call it."""
    from schemas.reading.tree import MAX_BYTES

    if file == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1), "stdin"
    try:
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1), file
    except OSError as error:
        raise WatchfloorError(f"{file}: {error.strerror}", exit_code=ExitCode.USAGE) from None


def _refuse(reading: Reading, *, as_json: bool) -> None:
    count = len(reading.problems)
    if as_json:
        print_json({"ok": False, "problems": [_shown(problem) for problem in reading.problems]})
        raise typer.Exit(ExitCode.FAILED)
    raise WatchfloorError(
        "\n".join(str(problem) for problem in reading.problems),
        hint=f"{count} problem{'s' if count > 1 else ''}; nothing was changed.",
    )


def _shown(problem: Problem) -> dict[str, Any]:
    return {"file": problem.file, "line": problem.line, "message": problem.message}


def _summary(
    changes: Sequence[Change],
    waiting: Sequence[str],
    notes: Sequence[Problem],
    *,
    compared: bool,
) -> None:
    out = console()
    if not compared:
        out.print("What is in force cannot be asked; the document has:", markup=False)
    if not changes:
        out.print("No change: it is in force already.", markup=False)
    for change in changes[:MOST_CHANGES]:
        out.print(f"  {change}", markup=False)
    if len(changes) > MOST_CHANGES:
        out.print(f"  and {len(changes) - MOST_CHANGES} more changes", markup=False)
    for note in notes:
        out.print(f"Note: {note}", markup=False)
    if waiting:
        out.print("Accepted, and nothing acts on it yet: " + "; ".join(waiting) + ".", markup=False)


def login() -> str:
    """Who is logged in here, for the history."""
    try:
        return getpass.getuser()[:200]
    except (KeyError, OSError):
        # A container's user may have no name.
        return "unknown"
