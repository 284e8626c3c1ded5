"""The launcher, in copies of the tree: what it makes, what it does not make twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from infra.errors import ExitCode
from infra.setting_values import ROOT

pytestmark = pytest.mark.launcher

FAKE_CLI = """\
import os, sys
print(os.getcwd(), sys.prefix, *sys.argv[1:], sep="|")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The launcher and what it needs, in a folder with blanks, with locks that hold nothing."""
    root = tmp_path / "a folder 'with' blanks"
    (root / "infra" / "cli").mkdir(parents=True)
    (root / "infra" / "locks").mkdir()
    shutil.copy(ROOT / "watchfloor", root)
    for name in ("__init__", "bootstrap", "errors", "secrets"):
        shutil.copy(ROOT / "infra" / f"{name}.py", root / "infra")
    (root / "infra" / "cli" / "__init__.py").touch()
    (root / "infra" / "cli" / "__main__.py").write_text(FAKE_CLI)
    for name in ("runtime", "dev"):
        (root / "infra" / "locks" / f"{name}.txt").write_text(f"# nothing, for {name}\n")
    return root


def run(
    launcher: Path, *arguments: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("WATCHFLOOR_")}
    return subprocess.run(
        [launcher, *arguments],
        cwd=cwd,
        env={**inherited, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_first_and_second_start(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # A module of that name where one stands must not be taken for ours.
    (elsewhere / "infra").mkdir()
    (elsewhere / "infra" / "__init__.py").write_text("raise SystemExit('imported the wrong one')")
    link = tmp_path / "bin" / "wf"
    link.parent.mkdir()
    link.symlink_to(Path("..") / checkout.name / "watchfloor")

    first = run(link, "up", "--site", "two words", "*", cwd=elsewhere)
    assert first.returncode == 0, first.stderr
    said = first.stdout.strip().split("|")
    assert said == [str(elsewhere), str(checkout / ".venv"), "up", "--site", "two words", "*"]
    assert "installing 0 locked packages" in first.stderr
    stamp = checkout / ".venv" / "watchfloor-runtime.lock"
    assert stamp.read_text() == "# nothing, for runtime\n"

    # Nothing is made, nothing is said, and no other Python is even looked for.
    (checkout / "infra" / "bootstrap.py").write_text("raise SystemExit('it was run again')")
    second = run(checkout / "watchfloor", "status", cwd=elsewhere)
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout.endswith("|status\n")


def test_dev_lock_holds_the_runtime_lock_too(checkout: Path) -> None:
    assert "nothing" in (checkout / "infra" / "locks" / "dev.txt").read_text()
    assert run(checkout / "watchfloor", "test", cwd=checkout).returncode == 0
    stamps = {path.name for path in (checkout / ".venv").glob("*.lock")}
    assert stamps == {"watchfloor-runtime.lock", "watchfloor-dev.lock"}
    # Another lock: what was installed for the old one counts no more.
    (checkout / "infra" / "locks" / "runtime.txt").write_text("# something else\n")
    again = run(checkout / "watchfloor", "status", cwd=checkout)
    assert "installing" in again.stderr
    assert {path.name for path in (checkout / ".venv").glob("*.lock")} == {
        "watchfloor-runtime.lock"
    }


def test_two_at_once(checkout: Path) -> None:
    both = [
        subprocess.Popen(
            [checkout / "watchfloor", "x"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    ended = [process.communicate(timeout=240) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    assert all(out.endswith("|x\n") for out, _ in ended)
    # One made it, the other waited for that, or came late enough to find it.
    assert sum("making .venv" in err for _, err in ended) == 1


def test_interrupted_half_way(checkout: Path) -> None:
    # Killed before the stamp was written: whatever is there is not trusted.
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    (checkout / ".venv" / "pyvenv.cfg").write_text("home = /nowhere\n")
    done = run(checkout / "watchfloor", "x", cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("|x\n")


def test_killed_while_it_makes_the_environment(checkout: Path) -> None:
    with subprocess.Popen(
        [checkout / "watchfloor", "x"], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as first:
        assert first.stderr is not None
        assert "making .venv" in first.stderr.readline()
        os.killpg(first.pid, signal.SIGKILL)
    assert not list((checkout / ".venv").glob("*.lock"))
    done = run(checkout / "watchfloor", "x", cwd=checkout)
    assert done.returncode == 0, done.stderr


def test_a_lock_that_cannot_be_had(checkout: Path) -> None:
    lock = checkout / "infra" / "locks" / "runtime.txt"
    lock.write_text(f"no-such-thing==1 \\\n    --hash=sha256:{'0' * 64}\n")
    env = {"PIP_NO_INDEX": "1", "PIP_INDEX_URL": "https://kim:hunter2@127.0.0.1:9/simple"}
    done = run(checkout / "watchfloor", "x", cwd=checkout, env=env)
    assert done.returncode == ExitCode.FAILED
    assert "pip ended with exit status 1" in done.stderr
    assert "way to the package index" in done.stderr
    assert "Traceback" not in done.stderr
    assert (
        "hunter2" not in done.stderr + (checkout / ".venv" / "watchfloor-install.log").read_text()
    )
    assert not list((checkout / ".venv").glob("*.lock"))


def tools(folder: Path, **scripts: str) -> dict[str, str]:
    """A PATH with the system's tools, and of Python only what `scripts` says."""
    folder.mkdir()
    for tool in ("sh", "ls", "dirname", "cmp", "uname"):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    for name, body in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return {"PATH": str(folder)}


def test_no_python(checkout: Path, tmp_path: Path) -> None:
    env = tools(tmp_path / "bin", python3="exit 1")  # too old, or a shim without a version
    done = run(checkout / "watchfloor", "x", cwd=checkout, env=env)
    assert done.returncode == ExitCode.MACHINE
    assert done.stderr.startswith("watchfloor: no Python 3.11 or newer")
    assert "WATCHFLOOR_PYTHON" in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_checkout_that_cannot_be_written(checkout: Path) -> None:
    checkout.chmod(0o555)
    done = run(checkout / "watchfloor", "x", cwd=checkout)
    checkout.chmod(0o755)
    assert done.returncode == ExitCode.MACHINE
    assert "Is the checkout writable" in done.stderr


@pytest.mark.timeout(900)
def test_a_clean_copy_of_the_tree(tmp_path: Path) -> None:
    """The real locks: everything is downloaded, and the command line runs on it."""
    copy = tmp_path / "watchfloor copy"
    ignore = shutil.ignore_patterns(".*", "__pycache__", "node_modules")
    shutil.copytree(ROOT, copy, ignore=ignore)
    launcher = copy / "watchfloor"
    state = {"WATCHFLOOR_STATE": str(tmp_path / "state")}
    done = subprocess.run(
        [launcher, "--version"], capture_output=True, text=True, check=False, timeout=800,
        env={**os.environ, **state},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.startswith("watchfloor ")
    checked = run(launcher, "doctor", "--json", cwd=tmp_path, env=state)
    assert '"found": "as infra/locks/runtime.txt says"' in checked.stdout
