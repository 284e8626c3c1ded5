"""The frame around the commands: the table of them, loading on demand, the settings they get."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["COMMANDS", "JsonOption", "LazyCommand", "LazyGroup", "StateOption", "settings_of"]

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="Where data, logs and secrets live (WATCHFLOOR_STATE; default: .watchfloor here).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@dataclass(frozen=True)
class LazyCommand:
    """A command that is imported when it runs.

    module: has `app` (a Typer) or `command` (a function). section: under which heading it stands.
    """

    module: str
    help: str
    section: str


RUN: Final = "Run"
LOOK: Final = "Look"
CONFIGURE: Final = "Configure"
TRY: Final = "Try"
MACHINE: Final = "This machine"


def _table(section: str, rows: Iterable[tuple[str, str]]) -> dict[str, LazyCommand]:
    return {
        name: LazyCommand(f"infra.cli.{name.replace('-', '_')}", text, section)
        for name, text in rows
    }


COMMANDS: Final[dict[str, LazyCommand]] = {
    **_table(
        RUN,
        [
            ("demo", "From nothing to alerts of a simulated site, in the terminal and a browser."),
            ("up", "Start everything on this machine, and keep it running."),
            ("down", "Stop what `up` started, in order."),
            ("wait", "Wait until everything that `up` started is ready."),
            ("status", "What runs, where, and how it is."),
            ("worker", "Run one role in this process."),
            ("api", "Run the API in this process."),
        ],
    ),
    **_table(
        CONFIGURE,
        [
            ("apply", "Put a site document into force, after checking all of it."),
            ("discover", "Look for cameras on the network."),
            ("onboard", "Take a camera on, or a recorder with its cameras."),
            ("models", "The catalogue of detectors: list, pull, add."),
            ("secrets", "Credentials, encrypted at rest: set, list, rotate, remove."),
            ("user", "Accounts: add, list, reset, disable, sessions, link, rotate-keys."),
            ("config", "The settings, and where each came from."),
        ],
    ),
    # `import` is no name that a module can be imported by.
    "import": LazyCommand(
        "infra.cli.import_zones", "Make a site document of another relay's zones.", CONFIGURE
    ),
    **_table(
        LOOK,
        [
            ("alerts", "The queue of alerts."),
            ("devices", "Recorders, cameras and services: health, breaker, next poll."),
            ("topics", "The topics: list, describe, tail."),
            ("dlq", "Records that could not be processed: list, show, replay."),
            ("tables", "What the stages remember: list, get, stats."),
            ("topology", "Draw roles, stages, tables and topics."),
            ("asyncapi", "The topics as an AsyncAPI document."),
        ],
    ),
    **_table(
        TRY,
        [
            ("conformance", "Recorded behaviour: which cases hold, purely or through all roles."),
            ("replay", "Push a video through the whole pipeline, apart from the live one."),
            ("backtest", "Try another site document on what was recorded."),
            ("notify", "What receivers would be told: preview."),
            ("smoke", "Send one event through what runs, and see its alert come out."),
            ("simulate", "Devices that are none: a fleet on loopback, with faults from a script."),
            ("bench", "Measure."),
            ("drill", "Break things on purpose under load, and count what came of it."),
        ],
    ),
    **_table(
        MACHINE,
        [
            ("doctor", "Find what is wrong with this machine, and say what to do about it."),
            ("diag", "One archive with logs, versions, lags and settings, without secrets."),
            ("verify", "What a release must hold: locks, schemas, topics, settings."),
            ("test", "Lint, types and tests."),
            ("clean", "Remove what `up` left on this machine."),
        ],
    ),
}


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and help, and imports the one that runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name, lazy in COMMANDS.items() if _exists(lazy.module)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = self.commands.get(cmd_name)
        if found is None and cmd_name in COMMANDS and _exists(COMMANDS[cmd_name].module):
            # Enough for the list of commands; `resolve_command` puts the real one in its place.
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name].help, rich_markup_mode=None)
        return found

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name in COMMANDS and name not in self.commands and _exists(COMMANDS[name].module):
            self.add_command(load(name), name)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        names = self.list_commands(ctx)
        width = max(map(len, names), default=0)
        for section in dict.fromkeys(lazy.section for lazy in COMMANDS.values()):
            rows = [
                (name.ljust(width), COMMANDS[name].help)
                for name in names
                if COMMANDS[name].section == section
            ]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)


def _exists(module: str) -> bool:
    """Whether a command's module is there. By its file: find_spec would import its package."""
    path = Path(__file__).parent / module.rpartition(".")[2]
    return path.with_suffix(".py").exists() or path.is_dir()


def load(name: str) -> Any:
    """Import a command. It is shown in plain text, whatever its own Typer was told."""
    module = importlib.import_module(COMMANDS[name].module)
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(name)(module.command)
    app.rich_markup_mode = None
    command = typer.main.get_command(app)
    command.name = name
    command.params = [
        item
        for item in command.params
        if item.name not in ("install_completion", "show_completion")
    ]
    return command


def settings_of(ctx: typer.Context, state: Path | None = None) -> Settings:
    """The settings for a command. state: its own `--state`; else the one before the command."""
    from infra.settings import load as load_settings

    given = state or (ctx.find_root().obj or {}).get("state")
    return load_settings(state=given)
