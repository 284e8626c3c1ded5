from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from infra import doctor
from infra.diagnosis import LOG_BYTES, known_secrets, write_archive
from infra.doctor import Finding, Level
from infra.secrets import write_secret
from infra.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A state directory with secrets of every kind, and logs that tell them."""
    monkeypatch.setenv("WATCHFLOOR_SECRET_GATE", "env-secret-1")
    state = tmp_path / "state"
    write_secret(state / "secrets", "gate", "file-secret-2")
    logs = state / "logs"
    logs.mkdir()
    (logs / "detect.log").write_text(
        "opened rtsp://admin:url-secret-3@10.0.0.4/1\n"
        "somebody printed env-secret-1 and file-secret-2 and set-secret-4\n"
        "all is well\n"
    )
    (logs / "large.log").write_text("x" * 100 + "\n" + "line\n" * (LOG_BYTES // 4))
    env = {
        "WATCHFLOOR_POSTGRES_URL": "postgresql://kim:url-secret-5@127.0.0.1:9/w",
        "WATCHFLOOR_KAFKA_SASL_PASSWORD": "set-secret-4",
        "WATCHFLOOR_KAFKA_URL": "127.0.0.1:9",
    }
    return load(env=env, state=state)


def test_known_secrets(settings: Settings) -> None:
    assert set(known_secrets(settings)) >= {
        "env-secret-1", "file-secret-2", "set-secret-4", "url-secret-5",
    }  # fmt: skip


def test_archive_has_everything_but_secrets(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaky = Finding(check="x", level=Level.OK, found="it said url-secret-5")
    monkeypatch.setattr(doctor, "examine", lambda _: iter([leaky]))
    monkeypatch.setattr("infra.diagnosis.ASK_TIMEOUT_S", 0.2)
    target = tmp_path / "diag.tar.gz"
    names = write_archive(settings, target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".diag*"))
    with tarfile.open(target) as archive:
        members = {m.name: archive.extractfile(m) for m in archive.getmembers()}
        texts = {name: file.read().decode() for name, file in members.items() if file}
    assert set(texts) == {f"diag/{name}" for name in names}
    for text in texts.values():
        assert "-secret-" not in text
    assert "all is well" in texts["diag/logs/detect.log"]
    assert len(texts["diag/logs/large.log"]) <= LOG_BYTES
    assert texts["diag/logs/large.log"].startswith("line\n")
    # What could not be asked says why, and the rest is there.
    assert "nothing runs" in json.loads(texts["diag/status.json"])["error"]
    assert "error" in json.loads(texts["diag/lags.json"])
    rows = json.loads(texts["diag/settings.json"])
    assert next(r for r in rows if r["name"] == "postgres_url")["value"].count("***") == 1
    assert json.loads(texts["diag/versions.json"])["kafka"].startswith("4.")


def test_archive_that_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_archive(settings, tmp_path / "nowhere" / "x.tar.gz")
