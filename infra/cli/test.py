"""`watchfloor test`: lint, types and tests."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

import typer

from infra.cli.frame import settings_of
from infra.dashboard import build, check
from infra.errors import ExitCode
from infra.setting_values import ROOT

app = typer.Typer(add_completion=False)

LINTS = (
    ("ruff check", ["ruff", "check", "--quiet", "."]),
    ("ruff format", ["ruff", "format", "--check", "--quiet", "."]),
    ("mypy", ["mypy", "--no-error-summary"]),
)


@app.command(
    "test",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    epilog="\b\nExamples:\n  watchfloor test\n  watchfloor test --no-lint tests/unit -x\n"
    "  watchfloor test -m 'not browser'",
)
def run_tests(
    ctx: typer.Context,
    lint: Annotated[
        bool, typer.Option("--lint/--no-lint", help="ruff, mypy and the dashboard's first.")
    ] = True,
) -> None:
    """Lint, types and tests. What it does not know goes to pytest.

    pytest's closing line comes last; the exit status is not 0 where any of them failed.
    """
    cache = settings_of(ctx, None).cache_dir
    unbuilt = build(cache, _say)
    if unbuilt is not None:
        _say(unbuilt)
    failed = [name for name, command in LINTS if not _run(name, command)] if lint else []
    for why in check(cache, _say) if lint else []:
        _say(why)
        failed.append(why.partition(":")[0])
    if failed:
        sys.stdout.write(f"watchfloor: {', '.join(failed)} failed; the tests run all the same\n")
        sys.stdout.flush()
    status = _call(["pytest", *ctx.args])
    raise typer.Exit(status or (ExitCode.FAILED if failed else ExitCode.OK))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _run(name: str, command: list[str]) -> bool:
    _say(name)
    return _call(command) == 0


def _call(command: list[str]) -> int:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    return done.returncode
