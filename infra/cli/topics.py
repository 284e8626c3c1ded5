"""`watchfloor topics`: list, describe, tail, check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, print_json_line, table
from infra.errors import ExitCode, WatchfloorError

if TYPE_CHECKING:
    from topics.declare import Topic
    from topics.reader import Start

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def topics() -> None:
    """The topics: what they are, what is on them, whether the broker has them as declared."""


@app.command(
    "list", epilog="\b\nExamples:\n  watchfloor topics list\n  watchfloor topics list --json"
)
def list_(
    ctx: typer.Context,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every topic, and how many records are on it.

    Of a compacted topic the number counts what is not compacted away yet.
    """
    from topics.catalogue import TOPICS
    from topics.reader import count

    settings = settings_of(ctx, state)
    known = settings.kafka_url is not None
    counts = count(settings, [topic.name for topic in TOPICS]) if known else {}
    rows = [{**_facts(topic), "records": counts.get(topic.name)} for topic in TOPICS]
    if as_json:
        print_json(rows)
        return
    table(
        ("topic", "key", "parts", "keep", "by", "records"),
        [
            (
                row["topic"],
                row["key"],
                row["partitions"],
                row["keep"],
                row["owner"],
                "–" if row["records"] is None else row["records"],
            )
            for row in rows
        ],
    )


@app.command("describe", epilog="\b\nExamples:\n  watchfloor topics describe security.alerts.v1")
def describe(
    ctx: typer.Context,
    topic: Annotated[str, typer.Argument(help="The topic's name.")],
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """A topic's promise, an example record, a consumer to copy."""
    import json

    from topics.consumer import consumer_example
    from topics.examples import example
    from topics.plan import ClusterShape, plan, prefix_of

    settings = settings_of(ctx, state)
    declared = declared_topic(topic)
    name = prefix_of(settings.namespace) + declared.name
    planned = next(p for p in plan(ClusterShape.of(1)) if p.name == declared.name)
    shown = example(declared)
    script = consumer_example(declared, name)
    if as_json:
        print_json(
            {
                **_facts(declared),
                "settings": dict(planned.config),
                "example": {
                    "key": shown.record.key.decode() if shown.record.key else None,
                    "headers": shown.headers,
                    "message": shown.body,
                },
                "consumer": script,
            }
        )
        return
    out = console()
    facts = _facts(declared)
    table(("", ""), [(key, value) for key, value in facts.items() if value is not None])
    out.print("An example:\n", markup=False)
    for key, value in shown.headers.items():
        out.print(f"  {key}: {value}", markup=False)
    out.print(json.dumps(shown.body, indent=2, ensure_ascii=False), markup=False)
    out.print("\nA consumer, whole (KAFKA=host:port python it.py):\n", markup=False)
    out.print(script, markup=False, end="")


@app.command(
    "tail",
    epilog="\b\nExamples:\n  watchfloor topics tail security.alerts.v1\n"
    "  watchfloor topics tail security.events.v1 --site north --from 10m\n"
    "  watchfloor topics tail camera.frames.v1 --from earliest --limit 5 --json | jq .headers",
)
def tail(
    ctx: typer.Context,
    topic: Annotated[str, typer.Argument(help="The topic's name; `.dlq` after it for its dead.")],
    site: Annotated[str | None, typer.Option(help="Only this site's records.")] = None,
    camera: Annotated[str | None, typer.Option(help="Only this camera's or device's.")] = None,
    begin: Annotated[
        str,
        typer.Option(
            "--from", help="latest, earliest, a time (2026-03-02T10:00:00Z), or how long ago (10m)."
        ),
    ] = "latest",
    limit: Annotated[int, typer.Option(min=1, help="End after so many records.")] = 2**31,
    follow: Annotated[
        bool,
        typer.Option("--follow/--no-follow", help="Wait for more at the end, until Ctrl-C."),
    ] = True,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print records as they come, a line each.

    With --json whole records with their headers, one a line.
    """
    from topics import lines
    from topics.reader import read

    settings = settings_of(ctx, state)
    declared_topic(topic)
    printed = 0
    out = console()
    for record in read(settings, [topic], start=_start(begin), follow=follow):
        if not lines.matches(record, site, camera):
            continue
        if as_json:
            print_json_line(lines.as_json(record))
        else:
            out.print(lines.line(record), markup=False)
        printed += 1
        if printed >= limit:
            return


@app.command(
    "check", epilog="\b\nExamples:\n  watchfloor topics check\n  watchfloor topics check --repair"
)
def check(
    ctx: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Set the settings that drifted; moves no record.")
    ] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the broker's topics with the declarations.

    Exit status 1 where they differ.
    """
    from topics import admin

    settings = settings_of(ctx, state)
    drifts = admin.check(settings)
    if repair:
        drifts = admin.repair(settings, drifts)
    if as_json:
        print_json(
            [
                {
                    "topic": drift.topic,
                    "setting": drift.setting,
                    "is": drift.actual,
                    "should_be": drift.desired,
                    "remedy": drift.remedy,
                }
                for drift in drifts
            ]
        )
    else:
        for drift in drifts:
            console().print(str(drift), markup=False)
        if not drifts:
            console().print("Every topic is as declared.", markup=False)
    if drifts:
        raise typer.Exit(ExitCode.FAILED)


def declared_topic(name: str) -> Topic:
    """The declaration of a topic, or of a dead-letter topic's source. Raises for none."""
    import difflib

    from topics.catalogue import BY_NAME
    from topics.declare import DLQ_SUFFIX

    found = BY_NAME.get(name.removesuffix(DLQ_SUFFIX))
    if found is None:
        near = difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.5)
        guess = f"Did you mean '{near[0]}'? " if near else ""
        raise WatchfloorError(
            f"topics: there is no topic '{name}'",
            hint=f"{guess}'watchfloor topics list' names them.",
            exit_code=ExitCode.USAGE,
        )
    return found


def _facts(topic: Topic) -> dict[str, Any]:
    from infra.setting_values import show_duration

    return {
        "topic": topic.name,
        "promise": topic.promise,
        "key": topic.key.value,
        "partitions": topic.partitions,
        "keep": "compact" if topic.keep is None else show_duration(topic.keep),
        "owner": topic.owner,
        "content": topic.content.value,
        "schema": topic.dataschema,
        "header": topic.header,
        "group": topic.group,
        "personal": topic.personal,
    }


def _start(text: str) -> Start:
    from schemas.base import SchemaError, parse_duration, utc

    if text == "latest":
        return "latest"
    if text == "earliest":
        return "earliest"
    try:
        return utc(datetime.fromisoformat(text))
    except SchemaError as error:
        raise _no_start(text) from error
    except ValueError:
        pass
    try:
        ago: timedelta = parse_duration(text)
    except SchemaError as error:
        raise _no_start(text) from error
    return datetime.now(UTC) - ago


def _no_start(text: str) -> WatchfloorError:
    return WatchfloorError(
        f"topics tail: --from '{text}' is neither a time nor a duration",
        hint="Write latest, earliest, 2026-03-02T10:00:00Z or 10m.",
        exit_code=ExitCode.USAGE,
    )
