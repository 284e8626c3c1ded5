"""The environment of other people's packages: found, made, or not to be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.bench.stream import rival
from infra.bench.stream.rival import LOCK, rival_python, step_of
from infra.errors import ExitCode, MachineError
from infra.packages import LOCKS, locked


def test_the_lock_is_beside_the_products_and_not_in_them() -> None:
    pins = locked(LOCK)
    assert "quixstreams" in pins
    for name in ("runtime.txt", "dev.txt"):
        assert "quixstreams" not in locked(LOCKS / name)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("Collecting orjson==3.1 (from -r x.txt (line 1))\n", "orjson"),
        ("  Downloading orjson-3.1.whl (1 kB)\n", None),
        ("", None),
    ],
)
def test_step_of(row: str, expected: str | None) -> None:
    assert step_of(row) == expected


def fake(place: Path, text: str) -> Path:
    place.parent.mkdir(parents=True)
    place.write_text("#!/bin/sh\n" + text)
    place.chmod(0o755)
    return place


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "bench.txt"
    path.write_text("a==1 \\\n    --hash=sha256:00\nb==2 \\\n    --hash=sha256:11\n")
    return path


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of a new environment: an interpreter whose pip says what is asked of it."""
    says = ["echo Collecting a==1; echo Collecting b==2"]

    def make(command: list[str], folder: Path) -> None:
        fake(folder / "bin" / "python", says[0])

    monkeypatch.setattr(rival, "_call", make)
    return says


def test_it_is_made_once_with_progress(tmp_path: Path, lock: Path, making: list[str]) -> None:
    said: list[str] = []
    python = rival_python(tmp_path / "cache", said.append, lock)
    assert python.is_relative_to(tmp_path / "cache" / "bench")
    assert [row for row in said if "of 2" in row] == [
        "installing Quix Streams: 1 of 2, a",
        "installing Quix Streams: 2 of 2, b",
    ]
    making[0] = "exit 1"
    said.clear()
    assert rival_python(tmp_path / "cache", said.append, lock) == python
    assert said == []


def test_another_lock_is_another_environment(tmp_path: Path, lock: Path, making: list[str]) -> None:
    before = rival_python(tmp_path / "cache", lambda _: None, lock)
    lock.write_text(lock.read_text() + "c==3 --hash=sha256:22\n")
    assert rival_python(tmp_path / "cache", lambda _: None, lock) != before
    assert making


def test_without_a_registry_it_says_so_and_tries_again(
    tmp_path: Path, lock: Path, making: list[str]
) -> None:
    making[0] = "echo 'ERROR: No matching distribution found for a==1'; exit 1"
    with pytest.raises(MachineError, match="No matching distribution") as caught:
        rival_python(tmp_path / "cache", lambda _: None, lock)
    assert "package index" in (caught.value.hint or "")
    assert caught.value.exit_code == ExitCode.MACHINE
    making[0] = "true"
    assert rival_python(tmp_path / "cache", lambda _: None, lock).exists()
