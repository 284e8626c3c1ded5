"""`watchfloor secrets`: set, list, rotate, remove."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, table
from infra.errors import SettingsError, WatchfloorError

if TYPE_CHECKING:
    from infra.vault import Vault

app = typer.Typer(add_completion=False, no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="What `credentials:` in a document says.")]
SiteOption = Annotated[str, typer.Option("--site", help="For this site alone; default: for all.")]
EVERY: Final = "(every site)"


@app.callback()
def secrets() -> None:
    """Credentials of cameras, recorders and channels, encrypted at rest."""


@app.command(
    "set",
    epilog="\b\nExamples:\n  watchfloor secrets set gate-cam            (asks)\n"
    "  watchfloor secrets set gate-cam --site north < file\n"
    "A camera's is user:password.",
)
def set_(
    ctx: typer.Context, name: NameArgument, site: SiteOption = "", state: StateOption = None
) -> None:
    """Keep a secret. Its value comes from the terminal or standard input, never an argument."""
    vault = _opened(ctx, state)
    vault.set(name, _value(name), site)
    console(stderr=True).print(f"{name}: kept for {site or 'every site'}", markup=False)


@app.command("vapid", epilog="\b\nExamples:\n  watchfloor secrets vapid phones")
def vapid(
    ctx: typer.Context, name: NameArgument, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Make the key of a `webpush` channel, where there is none; print its public part.

    Devices subscribe with it: another key in its place, and each has to be added once more.
    """
    from infra.secrets import SecretNotFoundError, lookup
    from infra.vapid import fresh_key, public_part

    vault = _opened(ctx, state)
    try:
        private = lookup(name, state_dir=settings_of(ctx, state).state_dir).reveal()
        made = False
    except SecretNotFoundError:
        private, made = fresh_key(), True
        vault.set(name, private)
    try:
        public = public_part(private)
    except ValueError as error:
        raise SettingsError(
            f"secret '{name}': {error}", hint=f"Remove it first: watchfloor secrets remove {name}"
        ) from None
    if as_json:
        print_json({"name": name, "public_key": public, "made": made})
        return
    console(stderr=True).print(f"{name}: {'made' if made else 'was there'}", markup=False)
    typer.echo(public)


@app.command("list", epilog="\b\nExamples:\n  watchfloor secrets list --json")
def list_(ctx: typer.Context, state: StateOption = None, as_json: JsonOption = False) -> None:
    """The secrets that are kept, without their values, and which key wrote each."""
    vault = _opened(ctx, state)
    entries = vault.entries()
    if as_json:
        print_json(
            [
                {"name": e.name, "site": e.site or None, "key": e.key, "current": e.current}
                for e in entries
            ]
        )
        return
    table(
        ("name", "site", "key"),
        [(e.name, e.site or EVERY, e.key if e.current else f"{e.key} (older)") for e in entries],
    )


@app.command(
    "rotate",
    epilog="\b\nExamples:\n  watchfloor secrets rotate\n  watchfloor secrets rotate --forget",
)
def rotate(
    ctx: typer.Context,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget",
            help="Then leave the new key alone in the file; backups of older secrets stay shut.",
        ),
    ] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Encrypt every secret anew: under a new key, or the first one that is given from outside."""
    vault = _opened(ctx, state)
    done = vault.rotate(forget=forget, also=lambda: _accounts(ctx, state, vault, forget=forget))
    if as_json:
        print_json({"rotated": done.rotated, "forgotten_keys": done.forgotten})
        return
    console(stderr=True).print(
        f"{done.rotated} encrypted anew, {done.forgotten} older keys forgotten"
    )


@app.command("remove", epilog="\b\nExamples:\n  watchfloor secrets remove gate-cam --site north")
def remove(
    ctx: typer.Context, name: NameArgument, site: SiteOption = "", state: StateOption = None
) -> None:
    """Remove a secret."""
    vault = _opened(ctx, state)
    if not vault.remove(name, site):
        raise WatchfloorError(
            f"secret '{name}': none is kept for {site or 'every site'}",
            hint="See: watchfloor secrets list",
        )


def _accounts(ctx: typer.Context, state: Path | None, vault: Vault, *, forget: bool) -> int:
    """Seal anew what the database keeps: signing keys, second factors and push subscriptions.

    Raises WatchfloorError where it is away and a key is to be forgotten: they would be lost.
    """
    import asyncio

    from infra.db.errors import DatabaseError

    settings = settings_of(ctx, state)
    if settings.postgres_url is None:
        return 0  # nothing was ever started here
    from api.account.console import Console

    try:
        return asyncio.run(Console(settings).reseal(vault))
    except DatabaseError as error:
        if forget:
            raise
        console(stderr=True).print(error.message, markup=False)
    console(stderr=True).print(
        "Signing keys, second factors and push subscriptions are in the database, and stay under "
        "the older key: rotate again while it runs, before that key is forgotten.",
        markup=False,
    )
    return 0


def _opened(ctx: typer.Context, state: Path | None) -> Vault:
    from infra.vault import Vault
    from infra.vault_keys import source_of

    settings = settings_of(ctx, state)
    return Vault(settings.state_dir, lambda: source_of(settings))


def _value(name: str) -> str:
    """The value: asked for twice on a terminal, else the whole of standard input."""
    from infra.secrets import MAX_SECRET_BYTES

    if sys.stdin.isatty():
        value: str = typer.prompt(f"{name}", hide_input=True, confirmation_prompt=True, err=True)
        return value
    data = b""
    while len(data) <= MAX_SECRET_BYTES:
        part = os.read(sys.stdin.fileno(), MAX_SECRET_BYTES + 1 - len(data))
        if not part:
            break
        data += part
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SettingsError(f"secret '{name}': what came in is not UTF-8 text") from None
