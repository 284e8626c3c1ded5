"""`watchfloor notify preview`: what would be said, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.cli.main import main

DOCUMENT = """\
sites:
  - {site_id: north, timezone: America/Sao_Paulo, notifications: {language: pt, mode: cards}}
route: {receiver: desk}
receivers:
  - {name: desk, channels: [{kind: gchat, credentials: chat, mode: links}, {kind: log}]}
  - {name: other, channels: [{kind: log}]}
templates:
  - {channel: log, subject: "S {{ severity }}", text: "{{ alerts[0].title }}"}
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(DOCUMENT, "utf-8")
    return path


def test_each_channel_as_json(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--alerts", "14", "--severity", "critical", "--json"]
    assert main(["notify", "preview", str(document), *arguments]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"desk", "other"}
    chat, log = told["desk"]
    assert chat["subject"].startswith("Crítico: 14 alertas")
    cards = chat["messages"][0]["cardsV2"]
    sizes = [
        len(card["card"]["sections"][0]["widgets"][0]["buttonList"]["buttons"]) for card in cards
    ]
    assert sizes == [6, 6, 2]
    assert (log["subject"], log["text"]) == ("S critical", "person at Gate (yard), north")


def test_for_people(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--receiver", "desk", "--channel", "log", "--language", "de"]
    assert main(["notify", "preview", str(document), *arguments]) == 0
    out = capsys.readouterr().out
    assert "desk / log (log, de)" in out
    assert "S high" in out
    assert "gchat" not in out


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (("{{ severity }}", "{{ sevrity }}"), [], "site.yaml:8: subject of a template"),
        (("", ""), ["--receiver", "nobody"], "has no receiver 'nobody'"),
        (("", ""), ["--site", "south"], "site 'south' is not in"),
        (("", ""), ["--severity", "worst"], "'worst'"),
    ],
)
def test_what_is_wrong_is_said(
    document: Path,
    change: tuple[str, str],
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document.write_text(DOCUMENT.replace(*change) if change[0] else DOCUMENT, "utf-8")
    assert main(["notify", "preview", str(document), *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notify", "preview", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err
