"""`watchfloor dlq`: records that could not be taken: list, show, replay."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json
from infra.errors import ExitCode, TimeLimitError, WatchfloorError

if TYPE_CHECKING:
    from infra.settings import Settings
    from topics.reader import RawRecord

app = typer.Typer(add_completion=False, no_args_is_help=True)

PORTION = 20
"""Records held at once: a picture may have 4 MiB."""

LIMIT_S = 30.0

TopicOption = Annotated[
    str | None, typer.Option("--topic", help="The source topic, or its dead-letter topic.")
]


@app.callback()
def dlq() -> None:
    """Records that could not be processed: where they are, why, and back onto their topic."""


@app.command("list", epilog="\b\nExamples:\n  watchfloor dlq list\n  watchfloor dlq list --json")
def list_(
    ctx: typer.Context,
    topic: TopicOption = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """How many dead letters each topic has, and why.

    Topics without any are left out. Records that were replayed stay until their retention is over.
    """
    from topics import deadletters
    from topics.lines import printable

    found = deadletters.summary(settings_of(ctx, state), _names(topic))
    if as_json:
        print_json([entry.to_json() for entry in found])
        return
    if not found:
        console().print("No dead letters.", markup=False)
        return
    for entry in found:
        console().print(
            f"{entry.topic}: {entry.records}, {entry.oldest} to {entry.newest}", markup=False
        )
        for reason, count in entry.reasons.items():
            console().print(f"  {count:>6}  {printable(reason, 100)}", markup=False)


@app.command(
    "show",
    epilog="\b\nExamples:\n  watchfloor dlq show security.events.v1\n"
    "  watchfloor dlq show security.events.v1 --offset 3 --json",
)
def show(
    ctx: typer.Context,
    topic: Annotated[str, typer.Argument(help="The source topic, or its dead-letter topic.")],
    partition: Annotated[int, typer.Option(min=0)] = 0,
    offset: Annotated[
        int | None, typer.Option(min=0, help="Which one; without it the newest.")
    ] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """One dead letter: its headers, what was wrong, and its value."""
    from topics import deadletters
    from topics.lines import as_json as record_json
    from topics.lines import printable

    record = deadletters.find(
        settings_of(ctx, state), _names(topic)[0], partition=partition, offset=offset
    )
    shown = record_json(record)
    if as_json:
        print_json(shown)
        return
    out = console()
    out.print(f"{record.topic} {record.partition}/{record.offset}", markup=False)
    for name, value in shown["headers"].items():
        out.print(f"  {printable(name)}: {printable(value)}", markup=False)
    out.print(f"key: {printable(str(shown['key']))}", markup=False)
    out.print(_value(record, shown), markup=False)


@app.command(
    "replay",
    epilog="\b\nExamples:\n  watchfloor dlq replay --topic security.events.v1 --offset 3\n"
    "  watchfloor dlq replay --all --reason SchemaError --yes",
)
def replay(
    ctx: typer.Context,
    topic: TopicOption = None,
    partition: Annotated[int, typer.Option(min=0)] = 0,
    offset: Annotated[int | None, typer.Option(min=0, help="Only this one.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All of them, of --topic or of all.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Only those of this error class or stage.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put original records back onto their topic, with the header wf_replayed: 1.

    The record is as it was, byte for byte; only the error headers are gone. It stays among the
    dead letters until their retention is over. Replaying it twice does no harm: its id is the
    same, and the same event gets the same decision.
    """
    from topics import deadletters

    settings = settings_of(ctx, state)
    if (offset is None) is not every:
        raise WatchfloorError(
            "dlq replay: say which: --topic T --offset N, or --all",
            hint="'watchfloor dlq list' shows what is there.",
            exit_code=ExitCode.USAGE,
        )
    if offset is not None:
        if topic is None:
            raise WatchfloorError("dlq replay: --offset needs --topic", exit_code=ExitCode.USAGE)
        one = deadletters.find(settings, _names(topic)[0], partition=partition, offset=offset)
        found = iter([one])
    else:
        found = deadletters.select(settings, _names(topic), reason)
    if not yes:
        what = "it" if offset is not None else f"all{f' of {reason}' if reason else ''}"
        typer.confirm(f"Put {what} back?", abort=True)
    replayed, refused = _send(settings, found)
    if as_json:
        print_json({"replayed": replayed, "refused": refused})
    else:
        console().print(f"{replayed} replayed.", markup=False)
        for text in refused:
            console(stderr=True).print(text, markup=False)
    if refused:
        raise typer.Exit(ExitCode.FAILED)


def _send(settings: Settings, records: Iterable[RawRecord]) -> tuple[int, list[str]]:
    """Emit the originals in bounded portions: how many, and what was refused and why."""
    import asyncio

    from agents.runtime.emitter import EmitError, Emitter, RefusedError
    from topics import deadletters

    refused: list[str] = []

    async def send() -> int:
        emitter = Emitter(settings, "watchfloor-dlq")
        await emitter.start()
        try:
            rest = iter(records)
            while portion := await asyncio.to_thread(lambda: list(islice(rest, PORTION))):
                found, without = deadletters.originals(portion)
                refused.extend(without)
                try:
                    async with asyncio.timeout(LIMIT_S):
                        await emitter.emit(found)
                except RefusedError as error:
                    refused.extend(f"{r.topic}: {reason}" for r, reason in error.refused)
            return emitter.emitted
        except TimeoutError:
            raise TimeLimitError(
                f"dlq replay: the broker did not confirm within {LIMIT_S:.0f} s; "
                f"{emitter.emitted} were confirmed before",
                hint="Replay again: a record that comes twice is the same record.",
            ) from None
        except EmitError as error:
            raise WatchfloorError(f"dlq replay: {error}") from error
        finally:
            await emitter.stop()

    return asyncio.run(send()), refused


def _names(topic: str | None) -> list[str]:
    """The dead-letter topics that are meant."""
    from infra.cli.topics import declared_topic
    from topics.catalogue import TOPICS

    return [t.dlq for t in TOPICS] if topic is None else [declared_topic(topic).dlq]


def _value(record: RawRecord, shown: dict[str, Any]) -> str:
    """The value as text that moves no cursor."""
    import json

    from topics.lines import printable

    if record.value is None:
        return "value: none (a tombstone)"
    if shown.get("value") is not None:
        text = json.dumps(shown["value"], indent=2, ensure_ascii=True)
        return text if len(text) <= 20_000 else text[:20_000] + "\n…"
    sample = printable(record.value[:400].decode("utf-8", "backslashreplace"))
    return f"value: {len(record.value)} bytes: {sample}"
