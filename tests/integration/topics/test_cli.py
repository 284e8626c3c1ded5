"""The commands on topics and dead letters, as a person runs them, on a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.runtime.deadletter import dead_letter
from agents.runtime.emitter import Emitter
from agents.runtime.record import Record
from infra.cli.main import main
from infra.settings import Settings
from topics import admin
from topics.catalogue import CONFIG, EVENTS, FRAMES
from topics.deadletters import PREFIX
from topics.examples import example
from topics.partitioner import partition_for
from topics.reader import read, read_one
from topics.record import OutRecord

pytestmark = pytest.mark.kafka

NAMESPACE = "topics-cli"


@pytest.fixture(scope="module")
def filled(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Three events of two sites, a frame, a configured site, and three dead letters."""
    import asyncio

    settings = Settings(
        state_dir=tmp_path_factory.mktemp("state"), kafka_url=kafka_bootstrap, namespace=NAMESPACE
    )
    admin.ensure(settings)
    event = example(EVENTS).record
    south = replace(event, key=b"south", value=(event.value or b"").replace(b"north", b"south"))

    async def fill() -> None:
        emitter = Emitter(settings, "test")
        await emitter.start()
        try:
            await emitter.emit([event, south, event])
            await emitter.emit([example(FRAMES).record, example(CONFIG).record])
            await emitter.emit([dead(event, 0, "decode"), dead(event, 1, "rank")])
            await emitter.emit([dead(example(FRAMES).record, 0, "decode")])
        finally:
            await emitter.stop()

    asyncio.run(fill())
    yield settings
    admin.delete_namespace(settings)


def dead(record: OutRecord, offset: int, stage: str) -> OutRecord:
    source = Record(
        topic=record.topic,
        partition=0,
        offset=offset,
        timestamp_ms=0,
        key=record.key,
        value=record.value,
        headers=dict(record.headers),
    )
    return dead_letter(source, stage=stage, error=ValueError(f"no \x1b[31m good {offset}"))


@pytest.fixture(autouse=True)
def environment(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_STATE", str(filled.state_dir))
    monkeypatch.setenv("WATCHFLOOR_KAFKA_URL", str(filled.kafka_url))
    monkeypatch.setenv("WATCHFLOOR_NAMESPACE", NAMESPACE)


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(arguments) == status
    return capsys.readouterr().out


def ndjson(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_list_counts_records(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["topic"]: row for row in json.loads(run(capsys, "topics", "list", "--json"))}
    assert rows["security.events.v1"]["records"] >= 3
    assert rows["config.documents.v1"]["records"] == 1
    assert rows["security.alerts.v1"]["records"] == 0
    text = run(capsys, "topics", "list")
    assert "security.decisions.v1" in text


def test_tail_prints_lines(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "topics", "tail", "camera.frames.v1", "--from", "earliest", "--no-follow")
    assert len(text.splitlines()) == 1
    assert "north/gate" in text
    assert "seq=1042" in text


def test_tail_filters_by_site(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--from", "earliest", "--no-follow", "--json")
    every = ndjson(run(capsys, "topics", "tail", "security.events.v1", *options))
    south = ndjson(run(capsys, "topics", "tail", "security.events.v1", *options, "--site", "south"))
    assert len(every) >= 3
    assert [record["key"] for record in south] == ["south"]
    headers = south[0]["headers"]
    assert isinstance(headers, dict)
    assert headers["ce_type"] == "watchfloor.event.v1"


def test_tail_ends_at_its_limit_while_it_follows(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "topics", "tail", "security.events.v1", "--from", "earliest", "--limit", "2")
    assert len(text.splitlines()) == 2


def test_tail_from_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    def count(begin: str) -> int:
        options = ("--from", begin, "--no-follow", "--camera", "gate")
        return len(run(capsys, "topics", "tail", "security.events.v1", *options).splitlines())

    assert count("1h") >= 3
    assert count("2020-01-01T00:00:00Z") >= 3
    ahead = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1)
    assert count(ahead.isoformat()) == 0
    assert count("latest") == 0


def test_describe_s_example_and_consumer_are_in_the_namespace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = json.loads(run(capsys, "topics", "describe", "security.events.v1", "--json"))
    assert f'subscribe(["{NAMESPACE}.security.events.v1"])' in found["consumer"]
    assert found["example"]["key"] == "north"


def test_check_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert "as declared" in run(capsys, "topics", "check")


@pytest.mark.parametrize(
    "arguments",
    [
        ("topics", "tail", "security.event.v1"),
        ("topics", "describe", "nothing"),
        ("topics", "tail", "security.events.v1", "--from", "yesterday"),
        ("topics", "tail", "security.events.v1", "--from", "2026-03-02T10:00:00"),
        ("dlq", "show", "nothing"),
        ("dlq", "replay", "--yes"),
        ("dlq", "replay", "--offset", "1", "--yes"),
        ("dlq", "replay", "--all", "--offset", "1", "--topic", "security.events.v1", "--yes"),
    ],
)
def test_wrong_usage_is_status_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("watchfloor: ")


def test_dlq_list_says_where_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    found = {row["topic"]: row for row in json.loads(run(capsys, "dlq", "list", "--json"))}
    assert found.keys() == {"security.events.v1", "camera.frames.v1"}
    assert found["security.events.v1"]["records"] == 2
    assert found["security.events.v1"]["reasons"] == {
        "decode: ValueError": 1,
        "rank: ValueError": 1,
    }
    text = run(capsys, "dlq", "list", "--topic", "camera.frames.v1")
    assert text.splitlines()[0].startswith("camera.frames.v1: 1, 20")
    assert text.splitlines()[1].split() == ["1", "decode:", "ValueError"]
    assert "security" not in text
    assert "No dead letters" in run(capsys, "dlq", "list", "--topic", "notify.results.v1")


def test_dlq_show_is_the_newest_or_the_one_that_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = run(capsys, "dlq", "show", "security.events.v1")
    assert "\x1b" not in text
    assert f"{PREFIX}stage: rank" in text
    assert '"event_type": "object_in_zone"' in text
    found = json.loads(run(capsys, "dlq", "show", "security.events.v1", "--offset", "0", "--json"))
    assert found["headers"][PREFIX + "stage"] == "decode"
    assert main(["dlq", "show", "security.events.v1", "--offset", "99"]) == 1
    assert "it has 0 to 1" in capsys.readouterr().err


def test_replay_puts_the_very_bytes_back(
    filled: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    before = list(read(filled, ["security.events.v1"]))
    options = ("--topic", "security.events.v1", "--offset", "1", "--yes", "--json")
    found = json.loads(run(capsys, "dlq", "replay", *options))
    assert found == {"replayed": 1, "refused": []}
    after = list(read(filled, ["security.events.v1"]))
    (new,) = [
        r for r in after if (r.partition, r.offset) not in {(b.partition, b.offset) for b in before}
    ]
    original = example(EVENTS).record
    assert (new.key, new.value) == (original.key, original.value)
    assert new.partition == partition_for(b"north", EVENTS.partitions)
    assert dict(new.headers) == {**dict(original.headers), "wf_replayed": b"1"}


def test_replay_of_all_of_a_stage(filled: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "dlq", "replay", "--all", "--reason", "decode", "--yes")
    assert text.startswith("2 replayed")
    frames = list(read(filled, ["camera.frames.v1"]))
    assert len(frames) == 2
    assert frames[-1].value == example(FRAMES).record.value
    assert frames[-1].header("wf_replayed") == "1"
    # What was replayed stays where it was, untouched.
    assert read_one(filled, EVENTS.dlq, 0, 0).header(PREFIX + "stage") == "decode"


def test_replay_asks_first(
    filled: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    before = len(list(read(filled, ["camera.frames.v1"])))
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main(["dlq", "replay", "--all"]) == 130
    assert len(list(read(filled, ["camera.frames.v1"]))) == before


def test_apply_dry_run_compares_with_what_is_in_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        "sites: [{site_id: north, name: North depot, timezone: Europe/London,"
        " cameras: [{camera_id: gate, name: Gate, stream: rtsp://192.0.2.10/stream1,"
        " credentials: gate-camera}, {camera_id: dock}]}]"
    )
    found = json.loads(run(capsys, "apply", str(path), "--dry-run", "--json"))
    assert found["compared"] is True
    assert [(c["kind"], c["path"]) for c in found["changes"]] == [
        ("added", "sites[north].cameras[dock]"),
        ("removed", "sites[north].zones"),
    ]
    assert "dry run" in run(capsys, "apply", str(path), "--dry-run")


def test_apply_of_a_bad_document_is_all_its_problems(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("sites:\n  - site_id: a b\n    zones: 1\n")
    assert main(["apply", str(path)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        f"watchfloor: {path}:2: site_id: 'a b' is no id: letters, digits, '.', '_' and '-', "
        "a letter or digit first, at most 63",
        f"            {path}:3: zones takes a list, as in [a, b]",
        "            2 problems; nothing was changed.",
    ]
    found = json.loads(run(capsys, "apply", str(path), "--json", status=1))
    assert [problem["line"] for problem in found["problems"]] == [2, 3]
