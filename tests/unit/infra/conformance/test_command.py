"""The command: a line a case, the count, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.cli.main import main
from infra.errors import ExitCode

CASES = """
- name: it is sent
  site_document: &one
    sites:
      - site_id: north
        cameras: [{camera_id: cam-1}]
        zones: [{zone_id: yard, camera_ids: [cam-1], severity: critical}]
    route: {receiver: soc}
    receivers: [{name: soc, channels: [{kind: recording}]}]
  timeline:
    - at: 2026-03-02T10:00:00Z
      event: {event_type: intrusion, camera_id: cam-1, zone_id: yard}
      expect: {result: sent}
- name: it is not grouped
  site_document: *one
  timeline:
    - at: 2026-03-02T10:00:00Z
      event: {event_type: intrusion, camera_id: cam-1, zone_id: yard}
      expect: {result: grouped}
- name: it cannot be read
  site_document: *one
  timeline:
    - at: 2026-03-02T10:00:00Z
      evnt: {}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "some.yaml").write_text(CASES)
    (tmp_path / "notes.txt").write_text("no case")
    return tmp_path


def test_a_line_a_case_and_the_count(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", str(folder)]) == ExitCode.FAILED
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "FAIL some.yaml: it cannot be read",
        "     step 0: evnt: is no field here; known: apply, at, channel, command, event, expect, "
        "notifications, probe",
        "PASS some.yaml: it is sent",
        "FAIL some.yaml: it is not grouped",
        "     step 0 at 2026-03-02T10:00:00Z: event: expected {result: grouped}, got "
        "{result: sent, reason: None}",
        "1 passed, 2 failed",
    ]


def test_only_those_that_are_meant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", str(folder), "--only", "IS SENT"]) == ExitCode.OK
    assert capsys.readouterr().out.splitlines() == [
        "PASS some.yaml: it is sent",
        "1 passed, 0 failed",
    ]
    assert main(["conformance", str(folder), "--only", "nothing"]) != ExitCode.OK


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", str(folder), "--json"]) == ExitCode.FAILED
    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["failed"]) == (1, 2)
    names = {one["name"]: one["passed"] for one in told["cases"]}
    assert names == {"it is sent": True, "it is not grouped": False, "it cannot be read": False}
    assert all(one["problems"] for one in told["cases"] if not one["passed"])


@pytest.mark.parametrize("options", [["--kill", "act"], ["--live", "--kill", "watch"]])
def test_killing_is_for_live_runs_and_for_two_roles(folder: Path, options: list[str]) -> None:
    assert main(["conformance", str(folder), *options]) == ExitCode.USAGE


def test_a_folder_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conformance", str(tmp_path / "none")]) != ExitCode.OK
    assert "no such folder" in capsys.readouterr().err
