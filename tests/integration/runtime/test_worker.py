"""A worker's process: what it answers, what a bad record does to it, how it joins and leaves."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from agents.runtime.deadletter import PREFIX, dlq_of
from infra.sandbox import Sandbox
from infra.settings import Settings
from schemas.decision import Decision
from schemas.frame import FrameMeta
from tests.integration.runtime.support import (
    CAMERAS,
    SITES,
    Gathering,
    answer_requests,
    config_records,
    emitting,
    event,
    event_record,
    namespace,
    site,
)
from tests.integration.runtime.test_crash import decided, newest_alerts
from topics.catalogue import ALERTS, CONFIG, DECISIONS, EVENTS, FRAMES
from topics.declare import Topic
from topics.record import OutRecord, make

pytestmark = pytest.mark.kafka

STOP_S = 10.0


def get(box: Sandbox, name: str, path: str) -> tuple[int, str, str]:
    """Status, type and body of a worker's answer."""
    report = box.report(name)
    assert report is not None
    note = box.settings.state_dir / "run" / box.settings.namespace / f"{name}.json"
    port = json.loads(note.read_text(encoding="utf-8"))["port"]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, "", error.read().decode()


def committed(settings: Settings, topic: Topic) -> dict[int, tuple[int, int]]:
    """Of each partition with records: (what decide has committed, its end)."""
    name = f"{settings.namespace}.{topic.name}"
    consumer = Consumer(
        {
            **settings.kafka_client_config(),
            "group.id": f"{settings.namespace}.watchfloor-decide",
            "enable.auto.commit": False,
        }
    )
    try:
        parts = [TopicPartition(name, number) for number in range(topic.partitions)]
        ends = [consumer.get_watermark_offsets(part, timeout=10)[1] for part in parts]
        offsets = [part.offset for part in consumer.committed(parts, timeout=10)]
    finally:
        consumer.close()
    return {n: (o, e) for n, (o, e) in enumerate(zip(offsets, ends, strict=True)) if e}


async def stop(box: Sandbox, name: str) -> float:
    """Ask a worker to end; how long that took, seconds. Raises where it takes too long."""
    started = monotonic()
    process = box.children[name].process
    process.terminate()
    await asyncio.to_thread(process.wait, STOP_S)
    return monotonic() - started


async def until(what: str, condition: Callable[[], Any], timeout: float = 20) -> None:
    deadline = monotonic() + timeout
    while not condition():
        assert monotonic() < deadline, f"{what}: not within {timeout:.0f} s"
        await asyncio.sleep(0.1)


async def test_a_workers_day(kafka_bootstrap: str, tmp_path: Path) -> None:  # noqa: PLR0915
    now = datetime.now(UTC)
    with namespace(kafka_bootstrap, tmp_path) as box:
        dead = dlq_of(EVENTS)
        async with (
            emitting(box.settings) as emitter,
            Gathering(box.settings, [DECISIONS, dead]) as gathered,
        ):
            box.start("decide")
            # Nothing is decided, and the worker is not ready, before there is a configuration to
            # read; an empty one is one.
            await asyncio.to_thread(box.wait_ready, ["decide"])
            await emitter.emit(config_records([site(SITES[0])]))
            await until(
                "the configuration",
                lambda: (box.report("decide") or {}).get("config_revision") == 1,
            )

            # What it says of itself.
            status, _, body = get(box, "decide", "/healthz")
            report = json.loads(body)
            assert (status, report["role"], report["live"]) == (200, "decide", True)
            assert sorted(report["partitions"][EVENTS.name]) == list(range(EVENTS.partitions))
            assert report["services"] == {"ticker ticks.decide.v1": None}
            assert get(box, "decide", "/readyz")[0] == 200
            status, kind, metrics = get(box, "decide", "/metrics")
            assert (status, kind.split(";")[0]) == (200, "text/plain")
            assert f'watchfloor_partitions{{topic="{EVENTS.name}"}} 4.0' in metrics
            assert get(box, "decide", "/etc/passwd")[0] == 404

            # A record that is none, between two that are, on one partition.
            good = [event(n * len(SITES), now + timedelta(milliseconds=n)) for n in range(2)]
            key = good[0].site_id.encode()
            poison = [
                OutRecord(EVENTS, key, value, (("ce_id", b"poison"), ("mine", b"\xff")))
                for value in (b"\x00\xff no json", b'{"event_id": 7}', b"")
            ]
            await emitter.emit(
                [event_record(good[0]), *poison, event_record(good[1])],
            )
            answers = asyncio.create_task(answer_requests(box.settings, emitter))
            await gathered.until(
                "both decisions and three dead letters",
                lambda: len(decided(gathered)) == 2 and len(gathered.records[dead.name]) == 3,
            )
            letters = gathered.records[dead.name]
            assert [one.value for one in letters] == [one.value for one in poison]
            for letter in letters:
                assert letter.key == key
                assert letter.headers["mine"] == b"\xff"
                assert letter.headers[PREFIX + "class"] == b"SchemaError"
                assert letter.headers[PREFIX + "stage"] == b"decode"
                assert letter.headers[PREFIX + "topic"] == EVENTS.name.encode()
            offsets = [int(one.headers[PREFIX + "offset"]) for one in letters]
            assert offsets == [1, 2, 3]
            assert (
                'watchfloor_dead_letters_total{chain="decide"} 3.0'
                in get(box, "decide", "/metrics")[2]
            )

            # A configuration that does not decode leaves the one before it in force.
            await emitter.emit([OutRecord(CONFIG, key, b"{", ())])
            third = event(2 * len(SITES), now + timedelta(seconds=1))
            await emitter.emit([event_record(third)])
            await gathered.until("its decision", lambda: third.event_id in decided(gathered))
            decisions: list[Decision] = gathered.messages(DECISIONS)
            assert decisions[-1].result.value != "rejected"

            # Asked to, it ends at once, and has committed all that it did.
            took = await stop(box, "decide")
            assert took < STOP_S
            assert box.children["decide"].process.returncode == 0
            offsets_now = committed(box.settings, EVENTS)
            assert offsets_now
            assert all(at == end for at, end in offsets_now.values()), offsets_now
            note = box.settings.state_dir / "run" / box.settings.namespace / "decide.json"
            assert not note.exists()

            # Started again, it goes on where it was: nothing is decided twice.
            box.start("decide")
            fourth = event(3 * len(SITES), now + timedelta(seconds=2))
            await emitter.emit([event_record(fourth)])
            await gathered.until("its decision", lambda: fourth.event_id in decided(gathered))
            names = [one.headers["ce_subject"].decode() for one in gathered.records[DECISIONS.name]]
            assert Counter(names) == Counter(decided(gathered).keys())
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)


async def test_a_second_worker_joins_and_leaves_without_loss(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=4)
    events = [event(n, begun + timedelta(milliseconds=200 * n)) for n in range(600)]
    with namespace(kafka_bootstrap, tmp_path) as box:

        def owned(name: str) -> int:
            report = box.report(name) or {}
            return len(report.get("partitions", {}).get(EVENTS.name, ()))

        async with (
            emitting(box.settings) as emitter,
            Gathering(box.settings, [DECISIONS, ALERTS]) as gathered,
        ):
            await emitter.emit(config_records([site(name) for name in SITES]))
            answers = asyncio.create_task(answer_requests(box.settings, emitter))
            sent = 0

            async def flow() -> None:
                nonlocal sent
                for one in events:
                    await emitter.emit([event_record(one)])
                    sent += 1
                    await asyncio.sleep(0.02)

            box.start("decide", "decide-1")
            await asyncio.to_thread(box.wait_ready, ["decide-1"])
            flowing = asyncio.create_task(flow())
            box.start("decide", "decide-2")
            await until("both have partitions", lambda: owned("decide-1") == owned("decide-2") == 2)
            joined = sent
            # The second one is killed this time; its partitions come back to the first.
            await until("more events", lambda: sent > joined + 40)
            box.children["decide-2"].kill()
            await until("the first has all again", lambda: owned("decide-1") == EVENTS.partitions)
            await flowing
            await gathered.until(
                "every decision", lambda: len(decided(gathered)) == len(events), timeout=30
            )
            verdicts = decided(gathered)
            assert [name for name, said in verdicts.items() if len(said) != 1] == []
            truth = Counter((one.site_id, one.camera_id) for one in events)
            counted = {
                (one.site_id, one.camera_id): (one.events, one.repeats)
                for one in newest_alerts(gathered).values()
            }
            assert len(counted) == len(SITES) * len(CAMERAS)
            assert counted == {place: (count, 0) for place, count in truth.items()}
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)


async def test_a_frame_that_is_no_picture_is_a_dead_letter_and_the_camera_goes_on(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC)

    def frame(seq: int, payload: bytes) -> OutRecord:
        at = now + timedelta(milliseconds=200 * seq)
        meta = FrameMeta(
            site_id=SITES[0],
            camera_id=CAMERAS[0],
            captured_at=at,
            seq=seq,
            width=64,
            height=48,
            live=False,
        )
        return make(
            FRAMES,
            meta,
            id=f"frame-{seq}",
            time=at,
            source="test",
            key=f"{SITES[0]}/{CAMERAS[0]}",
            payload=payload,
        )

    bomb = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 200
    bad = [b"GIF89a not a jpeg", bomb, b"\xff\xd8"]
    with namespace(kafka_bootstrap, tmp_path) as box:
        dead = dlq_of(FRAMES)
        async with (
            emitting(box.settings) as emitter,
            Gathering(box.settings, [dead]) as gathered,
        ):
            await emitter.emit(config_records([site(SITES[0])]))
            box.start("detect")
            await emitter.emit([frame(seq, payload) for seq, payload in enumerate(bad)])
            no_header = OutRecord(FRAMES, f"{SITES[0]}/{CAMERAS[0]}".encode(), b"\xff\xd8", ())
            await emitter.emit([no_header])
            await gathered.until(
                "four dead letters", lambda: len(gathered.records[dead.name]) >= 4, timeout=60
            )
            found = {one.value for one in gathered.records[dead.name]}
            assert found == {*bad, no_header.value}
            await asyncio.to_thread(box.wait_ready, ["detect"])
            took = await stop(box, "detect")
            assert took < STOP_S
