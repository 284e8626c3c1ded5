"""What a chunk folds into an alert is said once, and everybody sees it before that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agents import route
from agents.decide import DECIDE_CHAIN
from agents.runtime.chain import ChainRunner
from agents.runtime.configuration import Configuration
from agents.runtime.record import Record
from agents.runtime.state import MemoryStore
from agents.runtime.ticker import tick_record
from schemas.alert import Alert, Command, CommandKind
from schemas.ids import alert_id
from schemas.notification import NotifyRequest
from tests.unit.agents.harness import Harness, at, decisions, event, messages, routing, site
from tests.unit.agents.harness import to_record as record_of
from topics.catalogue import ACTIVITY, ALERTS, COMMANDS, EVENTS, NOTIFY_REQUESTS, TICKS_DECIDE
from topics.record import OutRecord, make

CAMERAS = ("cam-1", "cam-2")


def configured() -> Configuration:
    place = site(dedupe_window_sec=60, suppression_window_sec=5)
    return Harness(place, routing=routing(group_by=("zone",))).configuration


class Role:
    """A decide role on a dictionary, which is given chunks."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.runner = ChainRunner(DECIDE_CHAIN, configured(), self.store)
        self.outputs: list[OutRecord] = []

    def take(self, records: Sequence[Record]) -> list[OutRecord]:
        """Run a chunk, and commit it; what it said."""
        batch = self.runner.batch(0)
        for record in records:
            self.runner.run(record, batch)
        self.runner.finish(batch)
        assert batch.dead == 0
        for table, key, value in batch.state.rows():
            self.store.write(table, 0, key, value)
        made = [out for _, out in batch.outputs]
        self.outputs += made
        return made


def seen(name: str, seconds: float, camera: str = "cam-1") -> OutRecord:
    one = event(name, at_seconds=seconds, camera_id=camera)
    return make(EVENTS, one, id=name, time=one.occurred_at, source="test", key="north")


def asked(kind: str, alert: str, number: int) -> OutRecord:
    one = Command(
        command_id=f"c{number}",
        site_id="north",
        alert_id=alert,
        kind=CommandKind(kind),
        actor="kim",
        at=at(0),
        text="noted",
    )
    return make(COMMANDS, one, id=one.command_id, time=one.at, source="test", key="north")


def ticked(seconds: float) -> OutRecord:
    return tick_record(TICKS_DECIDE, 0, at(seconds), "test")


def records(*outs: OutRecord) -> list[Record]:
    return [record_of(out, offset) for offset, out in enumerate(outs)]


def newest(outputs: Sequence[OutRecord]) -> dict[str, Alert]:
    return {one.alert_id: one for one in messages(outputs, ALERTS)}


def first_alert(name: str, camera: str = "cam-1") -> str:
    return alert_id("north", f"north/yard/{camera}/intrusion", name)


def test_an_alerts_record_comes_once_a_chunk_and_counts_all_that_was_folded() -> None:
    role = Role()
    role.take(records(ticked(0), seen("e0", 0)))
    made = role.take(records(*(seen(f"e{n}", n) for n in range(1, 11))))
    (alert,) = messages(made, ALERTS)
    assert (alert.events, alert.repeats, alert.revision) == (1, 10, 11)
    assert [part.reason for part in alert.reasons[5:7]] == [
        "It has gone on for 10 s.",
        "It happened 11 times in this alert.",
    ]
    # Every event has its decision all the same.
    assert decisions(made) == [("suppressed", "dedupe_window")] * 10


def test_what_was_folded_is_counted_for_whoever_looks_before_the_chunks_end() -> None:
    role = Role()
    role.take(records(ticked(0), seen("e0", 0)))
    made = role.take(
        records(*(seen(f"e{n}", n) for n in range(1, 5)), asked("ack", first_alert("e0"), 1))
    )
    found = messages(made, ALERTS)
    assert {(one.repeats, one.revision, one.acknowledged_by) for one in found} == {(4, 6, "kim")}


def test_an_alert_that_is_forgotten_before_the_chunks_end_is_not_said_again() -> None:
    role = Role()
    role.take(records(ticked(0), seen("e0", 0)))
    month = 31 * 86_400
    made = role.take(records(seen("e1", 1), *(ticked(n) for n in (2_000, month, 2 * month))))
    assert [out.value is None for out in made if out.topic is ALERTS] == [False, True]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.integers(0, 1), st.sampled_from([-30, 0, 1, 3, 20, 70])),
        st.tuples(st.just("tick"), st.just(0), st.sampled_from([1, 30, 400])),
        st.tuples(
            st.sampled_from(["ack", "comment", "resolve", "reopen"]),
            st.integers(0, 1),
            st.just(0),
        ),
    ),
    min_size=5,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, sizes=st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_chunks_of_any_size_decide_the_same_and_leave_the_same_state(
    steps: list[tuple[str, int, int]], sizes: list[int]
) -> None:
    singly, chunked = Role(), Role()
    fed: list[Record] = []

    def feed(out: OutRecord) -> None:
        fed.append(record_of(out, len(fed)))
        singly.take(fed[-1:])

    feed(ticked(0))
    now = 0
    for number, (what, camera, seconds) in enumerate(steps):
        if what == "event":
            feed(seen(f"e{number}", max(0, now + seconds), CAMERAS[camera]))
        elif what == "tick":
            now += seconds
            feed(ticked(now))
        else:
            known = sorted(newest(singly.outputs))
            feed(asked(what, known[camera % len(known)] if known else "none", number))
    place = 0
    for size in sizes * len(fed):
        if place < len(fed):
            chunked.take(fed[place : place + size])
            place += size
    assert newest(chunked.outputs) == newest(singly.outputs)
    assert decisions(chunked.outputs) == decisions(singly.outputs)
    assert messages(chunked.outputs, ACTIVITY) == messages(singly.outputs, ACTIVITY)
    told: list[NotifyRequest] = messages(chunked.outputs, NOTIFY_REQUESTS)
    assert told == messages(singly.outputs, NOTIFY_REQUESTS)
    assert chunked.store.rows == singly.store.rows


def test_rows_of_alerts_are_read_where_what_was_folded_is_counted_in() -> None:
    readers = {
        path.name: len(re.findall(r"\.get\(\s*ROWS\b", path.read_text()))
        for path in Path(route.__path__[0]).glob("*.py")
    }
    # Where one more is folded in, that need not be worked out.
    assert {name: count for name, count in readers.items() if count} == {
        "rows.py": 1,
        "stage.py": 1,
    }
