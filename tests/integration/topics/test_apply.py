"""`watchfloor apply` from the file to the topics: revisions, what is in force, what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import applied
from infra.cli.main import main
from infra.db import migrate
from infra.settings import Settings
from schemas.document_reader import read as read_document
from topics import admin
from topics.catalogue import ASSIGNMENTS, CONFIG
from topics.reader import read

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

NAMESPACE = "apply-test"
DOCUMENT = """\
sites:
  - site_id: north
    cameras: [{camera_id: gate, stream: "rtsp://192.0.2.1/s"}]
    zones: [{zone_id: yard, camera_ids: [gate], alert_destinations: [soc]}]
route: {receiver: soc}
receivers: [{name: soc, channels: [{kind: log}]}]
"""


@pytest.fixture(scope="module")
def here(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace=NAMESPACE,
    )
    migrate.prepare(settings)
    admin.ensure(settings)
    yield settings
    migrate.drop(settings)
    admin.delete_namespace(settings)


@pytest.fixture(autouse=True)
def environment(here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_STATE", str(here.state_dir))
    monkeypatch.setenv("WATCHFLOOR_KAFKA_URL", str(here.kafka_url))
    monkeypatch.setenv("WATCHFLOOR_POSTGRES_URL", str(here.postgres_url))
    monkeypatch.setenv("WATCHFLOOR_NAMESPACE", NAMESPACE)


def test_from_file_to_topics(
    here: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One story, since each step stands on the one before it."""
    path = tmp_path / "site.yaml"

    def apply(text: str, *options: str, status: int = 0) -> dict[str, object]:
        path.write_text(text)
        assert main(["apply", str(path), "--json", "--author", "kim", *options]) == status
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    # Nothing is in force; a dry run leaves it so.
    assert applied.current(here) == read_document("sites: []")
    dry = apply(DOCUMENT, "--dry-run")
    assert dry["compared"] is True
    assert list(read(here, [CONFIG.name])) == []

    # It goes into force, and is on the topics when the command is done.
    first = apply(DOCUMENT)
    revision = first["revision"]
    assert isinstance(revision, int)
    assert first["roles"] == []
    assert applied.current(here) == read_document(DOCUMENT)
    assert {r.key for r in read(here, [CONFIG.name])} == {b"north", b"routing"}
    assert [r.key for r in read(here, [ASSIGNMENTS.name])] == [b"north/gate"]

    # The same again is no change and no new revision.
    again = apply(DOCUMENT)
    assert (again["changes"], again["revision"]) == ([], revision)

    # A site alone may name receivers that are in force, and no others.
    south = "sites: [{site_id: south, cameras: [{camera_id: c}], zones: [{zone_id: z, camera_ids: [c], alert_destinations: [%s]}]}]"  # noqa: E501
    refused = apply(south % "sco", status=1)
    assert "Did you mean 'soc'?" in str(refused["problems"])
    assert apply(south % "soc")["revision"] == revision + 1
    current = applied.current(here)
    assert current is not None
    assert [site.site_id for site in current.sites] == ["north", "south"]

    # Pruned: what is not named is gone, as a tombstone; its camera is captured no more.
    pruned = apply("sites: [{site_id: south}]\nreceivers: [{name: soc}]", "--prune")
    assert _kind_of(pruned, "sites[north]") == "removed"
    current = applied.current(here)
    assert current is not None
    assert [site.site_id for site in current.sites] == ["south"]
    last = list(read(here, [ASSIGNMENTS.name]))[-1]
    assert (last.key, last.value) == (b"north/gate", None)


def _kind_of(report: dict[str, object], path: str) -> str:
    changes = report["changes"]
    assert isinstance(changes, list)
    return str(next(change["kind"] for change in changes if change["path"] == path))


@pytest.mark.parametrize(
    ("part", "line", "said"),
    [
        (
            "templates: [{channel: log, subject: '{{ sevrity }}'}]",
            7,
            "subject of a template does not render: 'sevrity'",
        ),
        (
            "templates:\n  - channel: log\n    text: '{% for a in alerts %}'",
            9,
            "text of a template does not render",
        ),
        (
            "inhibit: [{source: ['zone>yard'], target: ['zone=\"x\"']}]",
            7,
            "zone>yard",
        ),
        (
            "silences: [{silence_id: s, matchers: ['zone=\"yard\"'], created_by: kim, "
            'starts_at: "2026-03-02T10:00:00Z", ends_at: "2026-03-02T09:00:00Z"}]',
            7,
            "ends_at",
        ),
        ("escalations: [{matchers: [], steps: [{after: 5m, receiver: leed}]}]", 7, "leed"),
    ],
)
def test_what_cannot_be_is_refused_by_its_line_and_field_and_nothing_is_changed(
    here: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    part: str,
    line: int,
    said: str,
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(DOCUMENT + part + "\n")
    before = list(read(here, [CONFIG.name]))
    assert main(["apply", str(path), "--json"]) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [one["line"] for one in problems] == [line], problems
    assert said in problems[0]["message"]
    assert list(read(here, [CONFIG.name])) == before


def test_a_file_is_checked_where_no_server_answers(
    here: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHFLOOR_STATE", str(tmp_path / "none"))
    monkeypatch.delenv("WATCHFLOOR_KAFKA_URL")
    monkeypatch.delenv("WATCHFLOOR_POSTGRES_URL")
    path = tmp_path / "site.yaml"
    path.write_text(DOCUMENT)
    assert main(["apply", str(path), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["compared"] is False
    assert main(["apply", str(path)]) != 0
    assert "no database is known" in capsys.readouterr().err
