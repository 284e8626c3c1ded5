"""Recovery takes whole chunks, of what is ours, and stops where it cannot go on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery
from faust.types import TP

from agents.runtime.recovery import ChunkRecovery, Progress, RecoveryError
from agents.runtime.store import TableStore
from tests.unit.agents.runtime.tables import Rec, app, changelog, chunk, tables

NOW_MS = int(time.time() * 1000)


class Fixture:
    """Two tables' recovery, with nothing behind it."""

    def __init__(self, folder: Path) -> None:
        self.app = app(folder)
        self.store: TableStore = tables(self.app, "dedupe", "route")
        self.recovery: ChunkRecovery = self.app.tables.recovery  # type: ignore[attr-defined]
        self.active = changelog(self.app, "dedupe", 0)
        self.standby = changelog(self.app, "route", 0)
        for tp, name in ((self.active, "dedupe"), (self.standby, "route")):
            self.recovery.tp_to_table[tp] = self.app.tables[name]
        self.recovery.active_tps.add(self.active)
        self.recovery.standby_tps.add(self.standby)
        self.app.consumer_generation_id = 5


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Fixture]:
    one = Fixture(tmp_path)
    yield one
    for table in one.app.tables.values():
        await table.data.stop()


def reading(made: Fixture) -> bool:
    """Whether it is not at its end yet."""
    return made.recovery.in_recovery


def test_actives_and_standbys_are_applied(made: Fixture) -> None:
    made.recovery._take(chunk(made.active, [(":a", b"1"), (":b", b"2")], at=NOW_MS))
    made.recovery._take(chunk(made.standby, [(":x", b"3")], first=9, at=NOW_MS))
    assert made.store.get("dedupe", 0, ":b") == b"2"
    assert made.store.get("route", 0, ":x") == b"3"
    assert made.recovery.active_offsets[made.active] == 1
    assert made.recovery.standby_offsets[made.standby] == 9
    assert made.store.offset("route", 0) == 9


def test_what_was_read_before_is_left_out(made: Fixture) -> None:
    """Faust goes back to the last record that it has, not to the one after."""
    made.recovery.active_offsets[made.active] = 1
    rows: list[tuple[str, bytes | None]] = [(":a", b"1"), (":b", b"2"), (":c", b"3")]
    made.recovery._take(chunk(made.active, rows, at=NOW_MS))
    assert [key for key, _ in made.store.scan("dedupe", 0, "", None, 9)] == [":c"]
    made.recovery._take(chunk(made.active, rows[:2], at=NOW_MS))
    assert made.recovery.active_offsets[made.active] == 2


def test_partitions_that_are_not_ours_are_left_out(made: Fixture) -> None:
    made.recovery._take(chunk(made.active, [(":a", b"1")], at=NOW_MS))
    other = changelog(made.app, "route", 3)
    made.recovery._take(chunk(other, [(":x", b"3")], at=NOW_MS))
    assert [(one.table, one.partition) for one in made.store.statistics()] == [("dedupe", 0)]
    assert made.store.scan("dedupe", 0, "", None, 9) == [(":a", b"1")]


async def test_upstream_puts_what_is_not_ours_into_another_table(tmp_path: Path) -> None:
    """faust 0.15.3, tables/recovery.py, `_slurp_changelogs`: why that method is replaced."""
    got: dict[str, list[Any]] = {"ours": [], "strange": []}

    class Queue:
        def __init__(self, events: list[Any]) -> None:
            self.events = events

        async def get(self) -> Any:
            if not self.events:
                recovery._stopped.set()
                raise TimeoutError
            return self.events.pop(0)

    class Table:
        recovery_buffer_size = standby_buffer_size = 1

        async def on_changelog_event(self, event: Any) -> None:
            pass

        def apply_changelog_batch(self, buffer: list[Any]) -> None:
            got["ours"] += [event.message.tp for event in buffer]

    made = app(tmp_path)
    manager: Any = TableManager(made)
    recovery = Recovery(made, manager)
    ours, strange = TP("ours", 0), TP("strange", 0)
    recovery.tp_to_table[ours] = Table()  # type: ignore[assignment]
    recovery.active_tps.add(ours)
    recovery.active_offsets[ours] = -1
    recovery._last_active_event_processed_at = None

    def event(tp: TP, offset: int) -> Any:
        message = type("Message", (), {"tp": tp, "offset": offset})()
        return type("Event", (), {"message": message})()

    manager._changelog_queue = Queue([event(ours, 0), event(strange, 5)])
    await Recovery._slurp_changelogs.fun(recovery)
    recovery.flush_buffers()
    assert got["ours"] == [ours, strange]


def test_a_write_that_fails_stops_it(made: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    made.store.of("dedupe").fences(0)

    class Full:
        def write(self, *_: Any) -> None:
            raise OSError("No space left on device")

    monkeypatch.setitem(made.store.of("dedupe")._dbs, 0, Full())
    with pytest.raises(RecoveryError, match="No space left on device"):
        made.recovery._take(chunk(made.active, [(":a", b"1")], at=NOW_MS))
    assert made.recovery.active_offsets.get(made.active) is None


async def test_the_flows_resuming_drops_no_chunk(made: Fixture) -> None:
    """Upstream's issue 212: a standby never sees what was in the queue."""
    queue: Any = made.app.tables.changelog_queue  # type: ignore[attr-defined]
    queue.put_nowait("chunk")
    made.app.flow_control.resume()
    assert queue.qsize() == 1
    upstream: Any = TableManager(made.app)
    upstream.changelog_queue.put_nowait("chunk")
    made.app.flow_control.resume()
    assert upstream.changelog_queue.qsize() == 0


async def test_a_rebalance_drops_what_it_will_read_again(made: Fixture) -> None:
    queue: Any = made.app.tables.changelog_queue  # type: ignore[attr-defined]
    queue.put_nowait("chunk")
    await made.recovery.on_rebalance(set(), set(), set(), generation_id=4)
    assert queue.qsize() == 0


class Broker:
    """Ends of changelogs, and fences that are appended to them."""

    def __init__(self, recovery: ChunkRecovery, end: int = 10) -> None:
        self.end = end
        self.epochs: list[Mapping[TP, int]] = []
        self.member = True
        recovery.fence = self.fence
        recovery.owns = self.owns

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, self.end)

    async def fence(self, epochs: Mapping[TP, int]) -> Mapping[TP, int]:
        self.epochs.append(dict(epochs))
        self.end += 1
        return dict.fromkeys(epochs, self.end - 1)

    async def owns(self) -> bool:
        return self.member


async def begin(made: Fixture, broker: Broker) -> None:
    """As `_restart_recovery` begins."""
    recovery = made.recovery
    await recovery._build_highwaters(
        broker, recovery.active_tps, recovery.active_highwaters, "active"
    )
    recovery.active_offsets[made.active] = -1
    recovery._set_recovery_started()


async def test_it_reads_up_to_its_own_fence(made: Fixture) -> None:
    broker = Broker(made.recovery)
    await begin(made, broker)
    assert broker.epochs == [{made.active: 5}]
    assert made.recovery.active_highwaters == {made.active: 10}
    made.recovery._take(chunk(made.active, [(":a", b"1")], first=9, generation=4, at=NOW_MS))
    await made.recovery._after()
    assert reading(made)
    assert made.recovery.facts()["state"] == "recovering"
    made.recovery._take(chunk(made.active, [("fence", b"")], first=10, generation=5, at=NOW_MS))
    await made.recovery._after()
    assert not reading(made)
    assert made.recovery.signal_recovery_end.is_set()
    assert made.store.generation("dedupe", 0) == 5
    facts = made.recovery.facts()
    assert (facts["state"], facts["done"], facts["total"]) == ("ready", 11, 11)


async def test_a_group_that_counts_from_one_again_fences_above(made: Fixture) -> None:
    """The changelog has fences of an earlier count; this worker's rows must not be ignored."""
    broker = Broker(made.recovery)
    await begin(made, broker)
    made.recovery._take(chunk(made.active, [("fence", b"")], first=3, generation=57, at=NOW_MS))
    made.recovery._take(chunk(made.active, [("fence", b"")], first=10, generation=5, at=NOW_MS))
    await made.recovery._after()
    assert reading(made)
    assert broker.epochs[-1] == {made.active: 62}
    assert made.recovery.active_highwaters == {made.active: 11}
    made.recovery._take(chunk(made.active, [("fence", b"")], first=11, generation=62, at=NOW_MS))
    await made.recovery._after()
    assert not reading(made)
    assert made.store.generation("dedupe", 0) == 62
    # From here on the store knows, and one fence is enough.
    await made.recovery._build_highwaters(
        broker, made.recovery.active_tps, made.recovery.active_highwaters, "active"
    )
    assert broker.epochs[-1] == {made.active: 67}


async def test_a_late_worker_does_not_fence_above_its_successor(made: Fixture) -> None:
    broker = Broker(made.recovery)
    await begin(made, broker)
    broker.member = False
    made.recovery._take(chunk(made.active, [("fence", b"")], first=3, generation=6, at=NOW_MS))
    made.recovery._take(chunk(made.active, [("fence", b"")], first=10, generation=5, at=NOW_MS))
    await made.recovery._after()
    assert reading(made)
    assert len(broker.epochs) == 1
    with pytest.raises(RebalanceAgain):
        await made.recovery._build_highwaters(broker, made.recovery.active_tps, Counter(), "active")
    assert len(broker.epochs) == 1


async def test_an_end_that_was_compacted_away_is_passed_over(
    made: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Upstream's issue 176, where there are no fences."""
    broker = Broker(made.recovery, end=11)
    made.recovery.fence = None
    await begin(made, broker)

    class Consumer:
        async def position(self, _tp: TP) -> int:
            return 11

    monkeypatch.setattr(type(made.app), "consumer", Consumer(), raising=False)
    made.recovery._take(chunk(made.active, [(":a", b"1")], first=7, at=NOW_MS))
    made.recovery._heard -= 60
    await made.recovery._after()
    assert not reading(made)


async def test_a_broker_that_does_not_answer_is_no_stop(made: Fixture) -> None:
    """Upstream takes the limit for the service's end, and waits for ever."""
    with pytest.raises(RecoveryError, match=r"0\.01 s"):
        await made.recovery._wait(asyncio.sleep(5), timeout=0.01)
    made.recovery.signal_recovery_start.set()
    with pytest.raises(RebalanceAgain):
        await made.recovery._wait(asyncio.sleep(5), timeout=5)


async def test_records_are_read_in_the_background(made: Fixture) -> None:
    broker = Broker(made.recovery)
    await begin(made, broker)
    queue: Any = made.app.tables.changelog_queue  # type: ignore[attr-defined]
    task = asyncio.ensure_future(ChunkRecovery._slurp_changelogs.fun(made.recovery))
    for found in (
        chunk(made.active, [(f":{n}", b"v") for n in range(10)], generation=4, at=NOW_MS),
        chunk(made.active, [("fence", b"")], first=10, generation=5, at=NOW_MS),
    ):
        queue.put_nowait(type("Event", (), {"value": found})())
    async with asyncio.timeout(10):
        await made.recovery.signal_recovery_end.wait()
    assert len(made.store.scan("dedupe", 0, "", None, 99)) == 10
    assert made.recovery.progress.rows == 10
    strange = chunk(made.active, [(":a", b"v")], first=11, at=NOW_MS)
    strange.records[0] = Rec(11, b"0/:a", 7)  # type: ignore[index, arg-type]
    queue.put_nowait(type("Event", (), {"value": strange})())
    with pytest.raises(RecoveryError, match="11 to 11"):
        await task


@pytest.mark.parametrize(
    ("progress", "now", "line"),
    [
        (Progress(), 0.0, "0 of 0 (100 %), 0 rows/s"),
        (
            Progress(total=1_000_000, done=250_000, begun=10.0),
            12.0,
            "250,000 of 1,000,000 (25 %), 125,000 rows/s, 6 s left",
        ),
        (
            Progress(total=10, done=10, begun=10.0, ended=11.0),
            99.0,
            "10 of 10 (100 %), 10 rows/s, 0 s left",
        ),
    ],
)
def test_progress_line(progress: Progress, now: float, line: str) -> None:
    assert progress.line(now) == line
