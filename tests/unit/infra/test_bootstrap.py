from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from infra import bootstrap
from infra.bootstrap import Line, in_step, lock_of, only_one, stamp
from infra.setting_values import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree with two locks and an environment that has an interpreter."""
    (tmp_path / "infra" / "locks").mkdir(parents=True)
    lock_of(tmp_path, "runtime").write_text("a==1 --hash=sha256:0\n")
    lock_of(tmp_path, "dev").write_text("a==1 --hash=sha256:0\nb==2 --hash=sha256:1\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def test_in_step_only_with_the_very_lock(checkout: Path) -> None:
    assert not in_step(checkout, "runtime")
    written = stamp(checkout / ".venv", "runtime")
    written.write_bytes(lock_of(checkout, "runtime").read_bytes())
    assert in_step(checkout, "runtime")
    assert not in_step(checkout, "dev")
    lock_of(checkout, "runtime").write_text("a==2 --hash=sha256:0\n")
    assert not in_step(checkout, "runtime")


def test_not_in_step_without_an_interpreter_that_is_there(checkout: Path) -> None:
    stamp(checkout / ".venv", "runtime").write_bytes(lock_of(checkout, "runtime").read_bytes())
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")  # the Python that made it was removed
    assert not in_step(checkout, "runtime")


def test_only_one_waits_for_the_other(checkout: Path) -> None:
    out = io.StringIO()
    code = (
        "import sys; from pathlib import Path; from infra.bootstrap import Line, only_one\n"
        "with only_one(Path(sys.argv[1]), Line(sys.stderr)):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(checkout)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"

        class Said(io.StringIO):
            def write(self, text: str) -> int:
                # Only now does the other one let go: it was waited for.
                other.kill()
                return out.write(text)

        with only_one(checkout, Line(Said())):
            assert "waiting for another start" in out.getvalue()
    assert sorted(p.name for p in checkout.iterdir()) == [".venv", "infra"]


def test_line_is_quiet_about_details_without_a_terminal() -> None:
    out = io.StringIO()
    line = Line(out)
    for count in range(50):
        line.say("installing", detail=str(count))
    line.say("installed")
    line.clear()
    assert out.getvalue() == "watchfloor: installing\nwatchfloor: installed\n"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_line_is_rewritten_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = _Terminal()
    line = Line(out)
    line.say("installing", detail="x" * 100)
    line.say("done")
    line.clear()
    assert "\n" not in out.getvalue()
    assert all(len(part) < 40 for part in out.getvalue().split("\r"))


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "locked"),
        ("ERROR: No matching distribution found for a==1", "package index"),
        ("OSError: [Errno 28] No space left on device", "1.5 GB"),
        ("something else", "next start tries again"),
    ],
)
def test_failure_says_what_to_do(tmp_path: Path, said: str, named: str) -> None:
    log = tmp_path / "install.log"
    log.write_text(f"Collecting a\n{said}\n")
    error = bootstrap._failure(log, 1)
    assert named in str(error.hint)


def test_it_needs_nothing_that_is_installed() -> None:
    code = "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p];"
    code += "import infra.bootstrap; print(sorted(n for n in sys.modules if n.startswith('infra')))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wanted = ["infra", "infra.bootstrap", "infra.errors", "infra.secrets"]
    assert done.stdout.strip() == str(wanted)
