"""`watchfloor certificate`: what it makes can be used as it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.cli.main import main
from infra.settings import load
from infra.tls import fingerprint, tls_of


def test_what_it_prints_can_be_put_into_the_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state", str(tmp_path), "certificate", "Watch.example.org", "192.0.2.5"]) == 0
    said = capsys.readouterr().out
    lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    (tmp_path / "watchfloor.toml").write_text("\n".join(lines))
    settings = load(env={}, state=tmp_path)
    assert settings.api_host == "0.0.0.0"
    assert settings.api_url.startswith("https://127.0.0.1:")
    found = tls_of(settings)
    assert found is not None
    assert {"watch.example.org", "192.0.2.5"} <= set(found.names)
    assert f"SHA-256 {fingerprint(found.cert)}" in said


def test_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path), "certificate", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["names"] == ["localhost", "127.0.0.1", "::1"]
    assert said["sha256"] == fingerprint(Path(said["api_tls_cert"]))


def test_a_name_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path), "certificate", "https://a/b"]) != 0
    assert "NAME" in capsys.readouterr().err
    assert not (tmp_path / "tls").exists()
