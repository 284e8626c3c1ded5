from __future__ import annotations

from pathlib import Path

import pytest

from infra.packages import installed_problems, lock_problems, locked, wanted

SHA = "0" * 64
JAR = f"org.apache.kafka:kafka_2.13:4.1.2 1 sha256:{SHA}\n"
PROJECT = """\
[project]
dependencies = ["Typer", "psycopg[binary,pool]", "numpy<3"]
[dependency-groups]
dev = ["pytest"]
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project with locks that hold."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    runtime = (
        f"typer==1 \\\n    --hash=sha256:{SHA}\n    # via x\n"
        f"psycopg==3.1 \\\n    --hash=sha256:{SHA}\n"
        f"numpy==2.4 ; python_full_version < '3' \\\n    --hash=sha256:{SHA}\n"
        f"numpy==2.5 ; python_full_version >= '3' \\\n    --hash=sha256:{SHA}\n"
    )
    locks = tmp_path / "locks"
    locks.mkdir()
    (locks / "runtime.txt").write_text(runtime)
    (locks / "dev.txt").write_text(runtime + f"pytest==9 \\\n    --hash=sha256:{SHA}\n")
    (locks / "kafka.lock").write_text(JAR)
    return tmp_path


def problems(tree: Path) -> list[str]:
    return lock_problems(tree / "locks", tree / "pyproject.toml")


def test_locks_that_hold(tree: Path) -> None:
    assert problems(tree) == []
    assert locked(tree / "locks" / "runtime.txt") == {
        "typer": "1", "psycopg": "3.1", "numpy": "2.5",
    }  # fmt: skip
    assert wanted(tree / "pyproject.toml")[0] == {"typer", "psycopg", "numpy"}


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("runtime.txt", "typer==1 ", "other==1 ", "runtime.txt lacks typer"),
        ("dev.txt", "pytest==9 ", "other==9 ", "dev.txt lacks pytest"),
        ("dev.txt", "typer==1 ", "typer==2 ", "typer is 1 in runtime.txt and 2 in dev.txt"),
        ("runtime.txt", "# via x", "--index-url https://x", "names a registry's address"),
        ("runtime.txt", f"typer==1 \\\n    --hash=sha256:{SHA}", "typer==1", "without a hash"),
        ("kafka.lock", "sha256:0", "sha256:x", "kafka.lock:1"),
    ],
)
def test_what_does_not_hold_is_named(
    tree: Path, file: str, old: str, new: str, problem: str
) -> None:
    path = tree / "locks" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert any(problem in found for found in problems(tree))


def test_installed_problems(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("pytest==0.0.1\nno-such-thing-at-all==1\n")
    found = installed_problems(lock)
    assert found[0].startswith("pytest is ")
    assert found[1] == "no-such-thing-at-all 1 is not installed"
