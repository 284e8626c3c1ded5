"""`kill -9` at random moments: every event has its one decision, and is counted once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.alert import Alert
from schemas.decision import Decision, Result
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
from topics.catalogue import ALERTS, DECISIONS

pytestmark = pytest.mark.kafka

EVENTS_IN = 1200
KILLS = 3


def newest_alerts(gathered: Gathering) -> dict[str, Alert]:
    """Each alert's state of the greatest revision."""
    found: dict[str, Alert] = {}
    for alert in gathered.messages(ALERTS):
        if alert.alert_id not in found or alert.revision >= found[alert.alert_id].revision:
            found[alert.alert_id] = alert
    return found


def decided(gathered: Gathering) -> dict[str, set[tuple[str, str | None, str | None]]]:
    """What was decided of each event, however often."""
    found: dict[str, set[tuple[str, str | None, str | None]]] = {}
    decision: Decision
    for decision in gathered.messages(DECISIONS):
        verdict = (decision.result.value, decision.reason, decision.alert_id)
        found.setdefault(decision.event_id, set()).add(verdict)
    return found


async def test_kill_9_loses_and_repeats_nothing(kafka_bootstrap: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    begun = datetime.now(UTC) - timedelta(minutes=4)
    events = [event(n, begun + timedelta(milliseconds=100 * n)) for n in range(EVENTS_IN)]
    with namespace(kafka_bootstrap, tmp_path) as box:
        async with (
            emitting(box.settings) as emitter,
            Gathering(box.settings, [DECISIONS, ALERTS]) as gathered,
        ):
            await emitter.emit(config_records([site(name) for name in SITES]))
            answers = asyncio.create_task(answer_requests(box.settings, emitter))
            box.start("decide", "decide-1")
            await asyncio.to_thread(box.wait_ready, ["decide-1"])
            kills = 0
            for part in range(KILLS + 1):
                share = EVENTS_IN // (KILLS + 1)
                mine = events[part * share : (part + 1) * share]
                await emitter.emit([event_record(one) for one in mine])
                if part == KILLS:
                    break
                # While the chunk is worked on: after some of its decisions, before the last.
                reached = part * share + chance.randrange(share // 8, share * 3 // 4)
                await gathered.until(
                    "some decisions", lambda limit=reached: len(decided(gathered)) >= limit
                )
                box.children["decide-1"].kill()
                kills += 1
                box.start("decide", "decide-1")
            await gathered.until(
                "every decision", lambda: len(decided(gathered)) >= EVENTS_IN, timeout=40
            )
            assert kills == KILLS

            verdicts = decided(gathered)
            assert set(verdicts) == {one.event_id for one in events}
            assert [name for name, said in verdicts.items() if len(said) != 1] == []
            results = Counter(next(iter(said))[0] for said in verdicts.values())
            assert set(results) == {Result.SENT.value, Result.GROUPED.value}
            await gathered.until(
                "every alert's last change",
                lambda: sum(a.events for a in newest_alerts(gathered).values()) >= EVENTS_IN,
            )
            first = newest_alerts(gathered)
            truth = Counter((one.site_id, one.camera_id) for one in events)
            counted = {(a.site_id, a.camera_id): (a.events, a.repeats) for a in first.values()}
            assert len(first) == len(SITES) * len(CAMERAS)
            assert counted == {place: (count, 0) for place, count in truth.items()}

            # The state moves to a worker that has nothing but the changelog.
            box.children["decide-1"].kill()
            box.start("decide", "decide-2")
            await asyncio.to_thread(box.wait_ready, ["decide-2"])
            before = len(gathered.records[DECISIONS.name])
            await emitter.emit([event_record(one) for one in events])
            await gathered.until(
                "every decision again",
                lambda: len(gathered.records[DECISIONS.name]) >= before + EVENTS_IN,
                timeout=30,
            )
            again = decided(gathered)
            changed = {name: said for name, said in again.items() if said != verdicts[name]}
            assert changed == {}
            after = {a.alert_id: (a.events, a.revision) for a in newest_alerts(gathered).values()}
            assert after == {a.alert_id: (a.events, a.revision) for a in first.values()}
            answers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answers
