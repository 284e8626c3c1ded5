"""The entry: parse, run, and tell what went wrong in the way that a person can use."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any, Final, TextIO

import typer
from typer.exceptions import TyperException

from infra.cli.frame import LazyGroup, StateOption
from infra.errors import ExitCode, WatchfloorError

__all__ = ["INDENT", "main", "tell"]

INDENT: Final = " " * len("watchfloor: ")

EPILOG: Final = """\
\b
Examples:
  watchfloor demo                 see it work
  watchfloor up && watchfloor apply site.yaml
  watchfloor status --json | jq .
  watchfloor --state /var/lib/watchfloor up

\b
Exit status: 0 done, 1 failed, 2 wrong usage or setting, 3 this machine lacks something,
4 nothing runs, 5 a time limit passed, 130 interrupted.
"""

app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)


def _version(wanted: bool) -> None:
    if wanted:
        from infra.version import version

        typer.echo(f"watchfloor {version()}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    state: StateOption = None,
    _version_: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Cameras and recorders in, few, right, ranked alerts out."""
    ctx.obj = {"state": state}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status. No traceback, unless WATCHFLOOR_DEBUG=1."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        command = typer.main.get_command(app)
        result: Any = command.main(arguments, prog_name="watchfloor", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else ExitCode.OK
    except BrokenPipeError:
        # Whoever read us has enough: `watchfloor topics list | head`. Nothing is to be flushed
        # into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("watchfloor: interrupted\n")
        return ExitCode.INTERRUPTED
    except typer.Exit as stop:
        return stop.exit_code
    except TyperException as error:
        return _usage(error)
    except WatchfloorError as error:
        if os.environ.get("WATCHFLOOR_DEBUG") == "1":
            traceback.print_exc()
        tell(error, sys.stderr)
        return error.exit_code
    except Exception as error:
        return _unexpected(error)


def tell(error: WatchfloorError, out: TextIO) -> None:
    """Write an error as STYLE.md shows: what, then the way out, indented."""
    out.write("watchfloor: " + error.message.replace("\n", "\n" + INDENT) + "\n")
    if error.hint:
        out.write(INDENT + error.hint.replace("\n", "\n" + INDENT) + "\n")


def _usage(error: TyperException) -> int:
    ctx = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.format_message() + "\n")
        return ExitCode.USAGE
    path = (ctx.command_path if ctx is not None else "watchfloor").removeprefix("watchfloor")
    place = f"{path.strip()}: " if path.strip() else ""
    message = error.format_message().strip()
    hint = f"See: watchfloor{path} --help"
    tell(WatchfloorError(place + message, hint=hint), sys.stderr)
    return int(getattr(error, "exit_code", ExitCode.USAGE))


def _unexpected(error: Exception) -> int:
    """A defect of ours, or a full disk: told in a line, with the way to the rest."""
    from infra.secrets import scrub

    if os.environ.get("WATCHFLOOR_DEBUG") == "1":
        traceback.print_exc()
    if isinstance(error, OSError) and error.errno is not None:
        from pathlib import Path

        from infra.embedded.process import disk_error

        place = Path(str(error.filename)) if error.filename else Path.cwd()
        known = disk_error(place, error)
        tell(known, sys.stderr)
        return known.exit_code
    text = scrub(f"{type(error).__name__}: {error}"[:2000])
    tell(
        WatchfloorError(
            f"unexpected: {text}",
            hint="This is a defect. WATCHFLOOR_DEBUG=1 shows where; `watchfloor diag` gathers "
            "what a report needs.",
        ),
        sys.stderr,
    )
    return ExitCode.FAILED
