from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cli import frame
from infra.cli.main import main, tell
from infra.embedded.supervisor import Supervisor
from infra.errors import ExitCode, MachineError, WatchfloorError
from infra.setting_values import ROOT


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("WATCHFLOOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("WATCHFLOOR_DEBUG", raising=False)


def test_errors_are_written_as_agreed() -> None:
    out = io.StringIO()
    tell(MachineError("site.yaml:14: no\nmore", hint="Do\nthis."), out)
    assert out.getvalue() == (
        "watchfloor: site.yaml:14: no\n            more\n            Do\n            this.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (["frobnicate"], ExitCode.USAGE, "frobnicate"),
        (["--nope"], ExitCode.USAGE, "--nope"),
        (["up", "--nope"], ExitCode.USAGE, "up: No such option: --nope"),
        (["wait", "--timeout", "soon"], ExitCode.USAGE, "--timeout"),
        (["worker", "cook"], ExitCode.USAGE, "capture, detect, decide, act"),
        (["worker"], ExitCode.USAGE, "ROLE"),
        (["status"], ExitCode.NOT_RUNNING, "watchfloor up"),
        (["wait"], ExitCode.NOT_RUNNING, "watchfloor up"),
    ],
)
def test_wrong_usage_is_told_in_our_form(
    arguments: list[str], status: int, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("watchfloor: ")
    assert named in err
    assert "Traceback" not in err


def test_bad_settings_are_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_API_PORT", "eighty")
    assert main(["config", "show"]) == ExitCode.USAGE
    assert "$WATCHFLOOR_API_PORT" in capsys.readouterr().err


class _BrokenCommand:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def command(self) -> None:
        """A command that fails."""
        raise self.error


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> _BrokenCommand:
    """`watchfloor status` raises `error`."""
    broken = _BrokenCommand(ValueError("postgresql://kim:hunter2@db went wrong"))
    monkeypatch.setitem(sys.modules, "infra.cli.status", broken)
    return broken


def test_a_defect_is_one_line_without_secrets(
    failing: _BrokenCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == ExitCode.FAILED
    err = capsys.readouterr().err
    assert "ValueError: postgresql://kim:***@db went wrong" in err
    assert "Traceback" not in err
    assert "hunter2" not in err


def test_debug_shows_where(
    failing: _BrokenCommand,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHFLOOR_DEBUG", "1")
    failing.error = WatchfloorError("it broke")
    assert main(["status"]) == ExitCode.FAILED
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "named"),
    [
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, ""),
        (OSError(28, "No space left on device", "/x/y"), ExitCode.MACHINE, "the disk is full"),
        (PermissionError(13, "Permission denied", "/x/y"), ExitCode.MACHINE, "/x/y"),
        (WatchfloorError("a", exit_code=42), 42, "a"),
    ],
)
def test_exit_status(
    failing: _BrokenCommand,
    error: BaseException,
    status: int,
    named: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing.error = error  # type: ignore[assignment]
    assert main(["status"]) == status
    assert named in capsys.readouterr().err


def test_help_imports_no_command() -> None:
    code = (
        "import sys, infra.cli.main as m; m.main(['--help']);"
        "loaded = [n for n in sys.modules if n.startswith(('infra.cli.', 'rich.', 'psycopg',"
        " 'confluent', 'faust', 'numpy', 'msgspec', 'asyncio'))];"
        "print(sorted(loaded), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stderr.strip() == "['infra.cli.frame', 'infra.cli.main']"
    for name in ("up", "status", "doctor"):
        assert f"  {name}" in done.stdout


def test_every_command_that_is_there_has_help_and_examples_keep_their_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["up", "--help"]) == ExitCode.OK
    out = capsys.readouterr().out
    assert "Examples:\n    watchfloor up\n" in out
    assert "╭" not in out


@pytest.mark.parametrize(
    "name",
    ["up", "down", "wait", "status", "worker", "api", "config", "topology", "clean", "doctor",
     "diag", "verify", "test"],
)  # fmt: skip
def test_command_loads(name: str) -> None:
    command = frame.load(name)
    assert command.name == name
    assert command.help
    assert not {p.name for p in command.params} & {"install_completion", "show_completion"}


def test_missing_commands_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    ghost = frame.LazyCommand("infra.cli.ghost", "A ghost.", frame.TRY)
    monkeypatch.setitem(frame.COMMANDS, "ghost", ghost)
    assert main(["ghost"]) == ExitCode.USAGE


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("watchfloor 0.")


def test_config_show_masks_and_says_where_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_POSTGRES_URL", "postgresql://kim:hunter2@db/w")
    monkeypatch.setenv("WATCHFLOOR_API_PROT", "1")
    assert main(["config", "show", "--json"]) == ExitCode.OK
    body = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in body["settings"]}
    assert rows["postgres_url"]["value"] == "postgresql://kim:***@db/w"
    assert rows["postgres_url"]["origin"] == "$WATCHFLOOR_POSTGRES_URL"
    assert rows["api_port"]["origin"] == "default"
    assert body["unknown_variables"] == ["WATCHFLOOR_API_PROT"]

    assert main(["config", "show", "--docs"]) == ExitCode.OK
    text = capsys.readouterr()
    assert "postgresql://kim:***@db/w" in text.out
    assert "\x1b[" not in text.out  # no terminal, no colour
    assert "WATCHFLOOR_API_PROT" in text.err


def test_state_before_and_after_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        ["--state", str(tmp_path / "a"), "config", "show", "--json"],
        ["config", "show", "--json", "--state", str(tmp_path / "a")],
    ):
        assert main(arguments) == ExitCode.OK
        rows = json.loads(capsys.readouterr().out)["settings"]
        assert next(r["value"] for r in rows if r["name"] == "state_dir") == str(tmp_path / "a")


def test_down_where_nothing_runs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["down", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"stopped": False}
    assert not (tmp_path / "state").exists()


def test_clean_asks_and_removes_only_what_is_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    for name in ("kafka", "logs", "mine"):
        (state / name).mkdir(parents=True)
        (state / name / "file").write_text("x")
    (state / "watchfloor.toml").write_text("")
    assert main(["clean"]) == ExitCode.USAGE  # nobody to ask
    assert "--yes" in capsys.readouterr().err
    assert (state / "kafka").exists()

    assert main(["clean", "--yes", "--json"]) == ExitCode.OK
    removed = json.loads(capsys.readouterr().out)["removed"]
    assert {Path(path).name for path in removed} == {"kafka", "logs"}
    assert {path.name for path in state.iterdir()} == {"mine", "watchfloor.toml"}
    assert main(["clean", "--yes"]) == ExitCode.OK


def test_clean_is_refused_while_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state" / "kafka").mkdir(parents=True)
    monkeypatch.setattr(Supervisor, "pid", 1)
    assert main(["clean", "--yes"]) == ExitCode.FAILED
    assert "watchfloor down" in capsys.readouterr().err
    assert (tmp_path / "state" / "kafka").exists()


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    line = f"'{sys.executable}' -m infra.cli config show --json | head -c 1; echo"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "{\n"
    assert done.stderr == ""
