from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.secrets import (
    MASK,
    Secret,
    SecretNotFoundError,
    lookup,
    mask_url,
    password_of,
    scrub,
    write_secret,
)


def test_secret_does_not_show_itself() -> None:
    secret = Secret("hunter2")
    for text in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{[secret]}"):
        assert "hunter2" not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2") != Secret("other")


def test_lookup_prefers_the_variable(tmp_path: Path) -> None:
    write_secret(tmp_path / "secrets", "gate-cam.1", "from file")
    assert lookup("gate-cam.1", state_dir=tmp_path, env={}).reveal() == "from file"
    env = {"WATCHFLOOR_SECRET_GATE_CAM_1": "from environment"}
    assert lookup("gate-cam.1", state_dir=tmp_path, env=env).reveal() == "from environment"


def test_write_secret_is_private(tmp_path: Path) -> None:
    path = write_secret(tmp_path / "secrets", "x", "one")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    write_secret(tmp_path / "secrets", "x", "two")
    assert lookup("x", state_dir=tmp_path, env={}).reveal() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["x"]


def test_lookup_missing_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(SecretNotFoundError) as caught:
        lookup("gate", state_dir=tmp_path, env={})
    assert "$WATCHFLOOR_SECRET_GATE" in caught.value.message
    assert str(tmp_path / "secrets" / "gate") in caught.value.message


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o700])
def test_lookup_refuses_what_others_may_read(tmp_path: Path, mode: int) -> None:
    path = write_secret(tmp_path / "secrets", "gate", "hunter2")
    path.chmod(mode)
    with pytest.raises(SettingsError, match="mode") as caught:
        lookup("gate", state_dir=tmp_path, env={})
    assert "chmod 600" in str(caught.value.hint)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "-x", "x" * 64, "é"])
def test_lookup_refuses_bad_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="not a name"):
        lookup(name, state_dir=tmp_path, env={})


def test_lookup_refuses_odd_files(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    write_secret(folder, "large", "x" * 70_000)
    with pytest.raises(SettingsError, match="larger"):
        lookup("large", state_dir=tmp_path, env={})
    path = write_secret(folder, "binary", "")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        lookup("binary", state_dir=tmp_path, env={})
    os.mkdir(folder / "folder")
    os.mkfifo(folder / "pipe", 0o600)
    for name in ("folder", "pipe"):
        with pytest.raises(SettingsError, match="not a file"):
            lookup(name, state_dir=tmp_path, env={})


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://admin:hunter2@10.0.0.4/stream",
        "postgresql://a:p%40hunter2@h/d",
        "rtsp://admin:a@hunter2#b@10.0.0.4/",  # unescaped, as people write them
        "connect to http://u:hunter2@x failed",
        "postgresql://h/d?user=a&password=hunter2",
        "host=h password=hunter2 dbname=d",
        "password='hunter2 with blanks'",
        '{"api_key": "hunter2"}',
        "sasl.password = hunter2",
        "AWS_SECRET_ACCESS_KEY=hunter2",
        "token: hunter2",
    ],
)
def test_masks_what_looks_like_a_password(text: str) -> None:
    masked = mask_url(text)
    assert "hunter2" not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8080/v1/alerts",
        "127.0.0.1:9092",
        "mailto:kim@example.org",
        "2026-03-02T10:00:00Z INFO watchfloor: 12 frames",
        "kafka://broker:9092",
        "site north: camera gate: lost",
    ],
)
def test_leaves_the_rest_alone(text: str) -> None:
    assert mask_url(text) == text
    assert scrub(text) == text


def test_scrub_knows_secrets_wherever_they_stand() -> None:
    assert scrub("it said: s3cr3t!", "s3cr3t!") == f"it said: {MASK}"
    assert scrub("as s3%2Fx in a URL", "s3/x") == f"as {MASK} in a URL"
    assert "abcdef" not in scrub("Authorization: Bearer abcdef123")
    assert "abcdef" not in scrub("Authorization: Basic YWJjZGVmOjEyMw==abcdef")
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----"
    assert "MIIabc" not in scrub(f"x {key} y")


def test_scrub_known_short_values_do_not_eat_the_text() -> None:
    assert scrub("a perfectly normal line", "a") == "a perfectly normal line"


def test_masking_hostile_text_ends() -> None:
    hostile = "http://" + "a:" * 50_000 + "password" * 5_000
    assert len(mask_url(hostile)) > 0


def test_password_of() -> None:
    assert password_of("postgresql://a:p%40x@h/d") == "p@x"
    assert password_of("postgresql://h/d") is None
    assert password_of("http://[bad") is None
