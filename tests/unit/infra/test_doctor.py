from __future__ import annotations

import errno
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from infra import doctor
from infra.doctor import Level, examine
from infra.embedded.process import LOOPBACK, disk_error, prepare_folder
from infra.errors import MachineError
from infra.secrets import write_secret
from infra.settings import Settings, load


def find(settings: Settings, check: str) -> doctor.Finding:
    return next(item for item in examine(settings) if item.check == check)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(env={"WATCHFLOOR_CACHE": str(tmp_path / "cache")}, state=tmp_path / "state")


def test_examines_everything_and_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    findings = list(examine(settings))
    assert len({item.check for item in findings}) == len(findings) >= 16
    for item in findings:
        assert item.found
        assert (item.level is Level.OK) == (not item.advice)
    assert list(tmp_path.iterdir()) == []


def test_a_secret_that_others_can_read(settings: Settings) -> None:
    write_secret(settings.state_dir / "secrets", "gate", "x").chmod(0o644)
    finding = find(settings, "secrets")
    assert finding.level is Level.BLOCKS
    assert "gate" in finding.found
    assert "chmod 600" in finding.advice


def test_a_port_that_was_set_and_is_taken(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        settings = load(env={"WATCHFLOOR_API_PORT": str(port)}, state=tmp_path)
        finding = find(settings, "api port")
    assert finding.level is Level.BLOCKS
    assert f"{port} is in use by" in finding.found


def test_little_memory(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = namedtuple("memory", "available")
    for gib, level in ((0.5, Level.BLOCKS), (1.5, Level.NOTE), (8, Level.OK)):
        found = memory(int(gib * 1024**3))
        monkeypatch.setattr(psutil, "virtual_memory", lambda found=found: found)
        monkeypatch.setattr(doctor, "_memory_limit", lambda: None)
        assert find(settings, "memory").level is level


def test_a_variable_that_sets_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_API_PROT", "1")
    assert "WATCHFLOOR_API_PROT" in find(settings, "settings").found


def test_a_full_disk_blocks_and_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.state_dir.mkdir()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 1000, 1000))
    finding = find(settings, "state")
    assert finding.level is Level.BLOCKS
    assert "the disk is full" in finding.found
    with pytest.raises(MachineError, match="the disk is full: 1000 B free"):
        prepare_folder(settings.state_dir)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(MachineError) as caught:
        prepare_folder(tmp_path / "state" / "logs")
    assert "--state DIR" in str(caught.value.hint)


def test_prepared_folders_are_private(tmp_path: Path) -> None:
    path = prepare_folder(tmp_path / "a" / "b")
    assert path.stat().st_mode & 0o777 == 0o700
    assert list(path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_disk_error(number: int) -> None:
    assert "the disk is full" in disk_error(Path("/x"), OSError(number, "?")).message


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    env = {"WATCHFLOOR_POSTGRES_URL": "postgresql://kim:hunter2@127.0.0.1:9/w"}
    finding = find(load(env=env, state=tmp_path), "postgres")
    assert finding.level is Level.BLOCKS
    assert "hunter2" not in finding.found
