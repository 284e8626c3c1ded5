"""`watchfloor user` before it needs its database."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.cli.main import main
from infra.errors import ExitCode


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "a b"], "name:"),
        (["add", "token/kim"], "name:"),
        (["add", "kim", "--role", "root"], "role:"),
        (["add", "kim", "--site", "../x"], "sites"),
    ],
)
def test_what_cannot_be_a_user(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["user", *arguments, "--state", str(tmp_path)]) == ExitCode.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert f"watchfloor: user: {said}" in told.err


@pytest.mark.parametrize("command", [["list"], ["reset", "kim"], ["link", "kim"], ["rotate-keys"]])
def test_without_a_database_it_says_so(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
) -> None:
    monkeypatch.delenv("WATCHFLOOR_POSTGRES_URL", raising=False)
    assert main(["user", *command, "--state", str(tmp_path)]) == ExitCode.USAGE
    assert "no database is known" in capsys.readouterr().err
