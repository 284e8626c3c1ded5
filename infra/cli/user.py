"""`watchfloor user`: accounts from the console."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, table
from infra.errors import SettingsError

if TYPE_CHECKING:
    from api.account.console import Console

app = typer.Typer(add_completion=False, no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="What one signs in with.")]


@app.callback()
def user() -> None:
    """People who may sign in. Works on the database itself, so also when nobody can sign in."""


@app.command(
    "add",
    epilog="\b\nExamples:\n  watchfloor user add kim --role operator --site north --site south\n"
    "  watchfloor user add lee --role viewer",
)
def add(
    ctx: typer.Context,
    name: NameArgument,
    role: Annotated[str, typer.Option(help="viewer, operator or admin.")] = "operator",
    site: Annotated[
        list[str] | None, typer.Option("--site", help="May see this site; default: every site.")
    ] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a user, and print the password for the first sign-in."""
    import msgspec

    from api.account.user.schemas import UserBody

    given = {"name": name, "role": role, "sites": site or None}
    try:
        body = msgspec.convert(given, UserBody)
    except msgspec.ValidationError as error:
        detail, _, place = str(error).partition(" - at `$.")
        raise SettingsError(f"user: {place.rstrip('`') or 'name'}: {detail}") from None
    password = asyncio.run(_console(ctx, state).add(body))
    _tell(name, password, as_json=as_json)


@app.command("list", epilog="\b\nExamples:\n  watchfloor user list --json")
def list_(ctx: typer.Context, state: StateOption = None, as_json: JsonOption = False) -> None:
    """All users, what they may do and where."""
    found = asyncio.run(_console(ctx, state).every())
    if as_json:
        import msgspec

        from api.account.user.schemas import user_view

        print_json(msgspec.to_builtins([user_view(account) for account in found]))
        return
    table(
        ("name", "role", "sites", "second factor", "last sign-in", ""),
        [
            (
                account.name,
                account.role.value,
                "every" if account.sites is None else " ".join(sorted(account.sites)) or "none",
                "yes" if account.totp is not None else "no",
                f"{account.signed_in_at:%Y-%m-%d %H:%M} UTC" if account.signed_in_at else "never",
                "disabled" if account.disabled else "",
            )
            for account in found
        ],
    )


@app.command("reset", epilog="\b\nExamples:\n  watchfloor user reset admin")
def reset(
    ctx: typer.Context, name: NameArgument, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Print a temporary password. No second factor, no lock and no session is left."""
    _tell(name, asyncio.run(_console(ctx, state).reset(name)), as_json=as_json)


@app.command("disable", epilog="\b\nExamples:\n  watchfloor user disable kim")
def disable(
    ctx: typer.Context,
    name: NameArgument,
    undo: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False,
    state: StateOption = None,
) -> None:
    """Let somebody in no more; their sessions end."""
    asyncio.run(_console(ctx, state).disable(name, disabled=not undo))
    console(stderr=True).print(f"{name}: {'enabled' if undo else 'disabled'}", markup=False)


@app.command("sessions", epilog="\b\nExamples:\n  watchfloor user sessions kim --end")
def sessions(
    ctx: typer.Context,
    name: NameArgument,
    end: Annotated[bool, typer.Option("--end", help="Sign them out everywhere.")] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where somebody is signed in."""
    opened = _console(ctx, state)
    if end:
        asyncio.run(opened.end_sessions(name))
    found = asyncio.run(opened.sessions(name))
    if as_json:
        import msgspec

        from api.account.user.schemas import session_view

        print_json(msgspec.to_builtins([session_view(session, None) for session in found]))
        return
    table(
        ("since", "renewed", "how", "from", "with"),
        [
            (
                f"{session.created_at:%Y-%m-%d %H:%M}",
                f"{session.used_at:%Y-%m-%d %H:%M}",
                session.method.value,
                session.address,
                session.agent[:60],
            )
            for session in found
        ],
    )


@app.command("link", epilog="\b\nExamples:\n  watchfloor user link admin")
def link(
    ctx: typer.Context, name: NameArgument, state: StateOption = None, as_json: JsonOption = False
) -> None:
    """Print an address that signs somebody in: once, within ten minutes."""
    url = (
        f"{settings_of(ctx, state).api_url}/sign-in/{asyncio.run(_console(ctx, state).link(name))}"
    )
    if as_json:
        print_json({"name": name, "url": url})
    else:
        console().print(url, markup=False)


@app.command(
    "rotate-keys",
    epilog="\b\nExamples:\n  watchfloor user rotate-keys\n  watchfloor user rotate-keys --at-once",
)
def rotate_keys(
    ctx: typer.Context,
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once",
            help="Believe no older one any more: one may be in other hands.",
        ),
    ] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign access tokens with a new key. It is done by itself every 30 days."""
    key_id = asyncio.run(_console(ctx, state).rotate_keys(at_once=at_once))
    if as_json:
        print_json({"key_id": key_id})
    else:
        console(stderr=True).print(f"Tokens are signed with {key_id} now", markup=False)


def _console(ctx: typer.Context, state: Path | None) -> Console:
    from api.account.console import Console

    return Console(settings_of(ctx, state))


def _tell(name: str, password: str, *, as_json: bool) -> None:
    """The password goes to standard output alone, and nowhere else."""
    if as_json:
        print_json({"name": name, "password": password})
        return
    console(stderr=True).print(
        f"{name}: the password for the next sign-in, to be changed then:", markup=False
    )
    console().print(password, markup=False)
