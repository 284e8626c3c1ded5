"""`watchfloor notify`: what receivers would be told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json
from infra.errors import WatchfloorError

app = typer.Typer(add_completion=False, no_args_is_help=True)

MOST_BYTES: Final = 16 * 1024 * 1024


@app.callback()
def notify() -> None:
    """Notifications: what receivers would be told."""


@app.command(
    "preview",
    epilog="\b\nExamples:\n"
    "  watchfloor notify preview site.yaml\n"
    "  watchfloor notify preview site.yaml --receiver desk --severity critical --alerts 30\n"
    "  watchfloor notify preview site.yaml --language pt --json | jq .",
)
def preview_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The site document; '-' reads standard input.")],
    receiver: Annotated[str | None, typer.Option(help="Only this receiver.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this channel, or kind.")] = None,
    site: Annotated[str | None, typer.Option(help="The site; the first one.")] = None,
    language: Annotated[str | None, typer.Option(help="In this language.")] = None,
    severity: Annotated[str, typer.Option(help="Of the worst alert.")] = "high",
    status: Annotated[str, typer.Option(help="firing or resolved.")] = "firing",
    alerts: Annotated[int, typer.Option(min=1, max=200, help="How many alerts.")] = 3,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a document's channels would be told, with its templates. Nothing is sent.

    Exit status 1 where the document has problems, a template that does not render among them.
    """
    from agents.notify.preview import preview, sample
    from agents.runtime.clock import wall
    from schemas.base import Severity
    from schemas.document_reader import DocumentError, read
    from schemas.notification import NotifyStatus

    settings = settings_of(ctx, state)
    try:
        document = read(_bytes(file), file=str(file))
    except DocumentError as error:
        raise WatchfloorError(str(error)) from None
    sites = {one.site_id: one for one in document.sites}
    chosen = next(iter(sites.values()), None) if site is None else sites.get(site)
    if site is not None and chosen is None:
        raise WatchfloorError(f"site '{site}' is not in {file}")
    receivers = [r for r in document.routing.receivers if receiver in (None, r.name)]
    if not receivers:
        raise WatchfloorError(
            f"{file} has no receiver" + ("" if receiver is None else f" '{receiver}'")
        )
    try:
        worst, what = Severity(severity), NotifyStatus(status)
    except ValueError as error:
        raise WatchfloorError(str(error)) from None
    found: dict[str, list[Any]] = {}
    for one in receivers:
        name = chosen.site_id if chosen is not None else "site"
        request = sample(name, one.name, wall(), severity=worst, status=what, alerts=alerts)
        found[one.name] = preview(
            request,
            one,
            site=chosen,
            templates=document.routing.templates,
            link_base=settings.link_base,
            channel=channel,
            language=language,
        )
    if as_json:
        print_json({name: [_plain(one) for one in parts] for name, parts in found.items()})
        return
    for name, parts in found.items():
        for part in parts:
            console().print(f"{name} / {part.channel} ({part.kind}, {part.language})", style="bold")
            console().print(f"{part.subject}\n{part.text}\n", markup=False)
            if part.messages:
                cards = sum(len(message.get("cardsV2", ())) for message in part.messages)
                console().print(
                    f"{cards} cards in {len(part.messages)} messages; --json shows them.\n",
                    markup=False,
                )


def _plain(value: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(value)


def _bytes(file: Path) -> bytes:
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)[:MOST_BYTES]
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)[:MOST_BYTES]
    except OSError as error:
        raise WatchfloorError(f"{file}: {error.strerror}") from None
