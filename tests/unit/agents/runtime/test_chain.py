"""Running a chain: what a bad record leaves, what time it is, in which order things are done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest

from agents.runtime.chain import Batch, ChainRunner
from agents.runtime.configuration import Configuration
from agents.runtime.deadletter import PREFIX
from agents.runtime.record import Record
from agents.runtime.stage import Chain, Context, Effect, Emit, Poison, Stage, Start
from agents.runtime.state import Expiry, MemoryStore, SchemaAheadError, TableSpec
from schemas.event import SecurityEvent
from tests.unit.agents.runtime.parts import (
    COUNTS,
    HEARD,
    Bench,
    Count,
    at,
    event_record,
    headers,
    raw,
    said,
    tick,
    words,
)
from topics.catalogue import ALERTS, COMMANDS, DECISIONS, EVENTS, NOTIFY_RESULTS, TICKS_DECIDE


def test_a_record_runs_through_the_stages_in_one_batch() -> None:
    bench = Bench()
    source = event_record("intrusion", name="e1")
    batch = bench.run(source)
    assert words(batch) == ["intrusion"]
    assert batch.outputs[0][0] is source
    assert batch.work == ["work e1"]
    assert batch.handled == [("first", "SecurityEvent"), ("second", "Word")]
    assert bench.count() == Count(1, "intrusion")


@pytest.mark.parametrize(
    ("kind", "stage", "error"),
    [
        ("poison", "first", "Poison"),  # a stage refuses it, after it emitted and wrote
        ("raise", "second", "LookupError"),  # a later stage has a defect
        ("loop", "second", "RuntimeError"),  # stages that forward for ever
    ],
)
def test_a_poison_record_leaves_one_dead_letter_and_nothing_else(
    kind: str, stage: str, error: str
) -> None:
    bench = Bench()
    bench.run(event_record("intrusion", name="before"))
    source = event_record(kind, name="bad", offset=42)
    batch = bench.run(source)
    assert words(batch) == ["security.events.v1.dlq"]
    assert batch.work == []
    assert batch.dead == 1
    assert not batch.handled
    assert bench.count() == Count(1, "intrusion")
    assert bench.count(spec=HEARD) is None
    letter = batch.outputs[0][1]
    assert (letter.key, letter.value) == (source.key, source.value)
    reasons = headers(letter, PREFIX)
    assert (reasons["stage"], reasons["class"], reasons["offset"]) == (stage, error, "42")


def test_a_poison_record_does_not_stop_its_neighbours_in_the_chunk() -> None:
    bench = Bench()
    batch = bench.run(
        event_record("intrusion", name="e1"),
        event_record("poison", name="e2"),
        event_record("loitering", name="e3"),
    )
    assert words(batch) == ["intrusion", "security.events.v1.dlq", "loitering"]
    assert bench.count() == Count(2, "loitering")


@pytest.mark.parametrize(
    "bad",
    [
        raw(b"\xff\xfe not json"),
        raw(b'{"event_id": "e"}'),  # fields are missing
        raw(b"[" * 100_000),  # as deep as it is long
        raw(b""),
        raw(b'{"event_id":"e","site_id":"a/b","event_type":"x","occurred_at":"2026-03-02T10:00Z"}'),
        raw(  # the message is good, its event time is none
            b'{"event_id":"e","site_id":"a","event_type":"x","occurred_at":"2026-03-02T10:00:00Z"}',
            headers={"ce_time": b"yesterday"},
        ),
    ],
)
def test_what_does_not_decode_is_a_dead_letter_with_its_bytes_untouched(bad: Record) -> None:
    bench = Bench()
    batch = bench.run(bad)
    assert words(batch) == ["security.events.v1.dlq"]
    letter = batch.outputs[0][1]
    assert letter.value == bad.value
    reasons = headers(letter, PREFIX)
    assert (reasons["stage"], reasons["class"]) == ("decode", "SchemaError")
    assert bench.store.rows == {}


def test_a_tombstone_is_nothing_where_records_may_be_removed() -> None:
    batch = Bench().run(raw(None, topic=ALERTS))
    assert (batch.outputs, batch.dead, len(batch.state)) == ([], 0, 0)


def test_an_event_without_a_value_is_a_dead_letter() -> None:
    batch = Bench().run(raw(None))
    assert words(batch) == [EVENTS.dlq]
    assert batch.dead == 1


def test_forwards_go_depth_first() -> None:
    assert words(Bench().run(event_record("tree"))) == ["a", "a1", "a2", "b"]


def test_a_timer_that_raises_stops_neither_the_others_nor_the_clock() -> None:
    bench = Bench()
    bench.run(tick(0))
    bench.run(
        event_record("timer:good", name="t1"),
        event_record("timer:bad", name="t2"),
        event_record("timer:good", name="t3"),
    )
    batch = bench.run(tick(10))
    assert sorted(words(batch)) == ["ticks.decide.v1.dlq", "timer t1", "timer t3"]
    assert batch.dead == 1
    assert bench.count("t2") is None  # what it wrote is thrown away
    assert bench.count("t1") == Count(1, at(10).isoformat())
    # Neither comes again, and the clock stands where the tick put it.
    assert words(bench.run(tick(10), tick(11))) == []


def test_the_clock_is_the_greatest_tick_and_a_redelivered_tick_moves_nothing() -> None:
    bench = Bench()
    bench.run(tick(100))
    bench.run(event_record("timer:good", name="t1"))
    assert words(bench.run(tick(50))) == []
    assert words(bench.run(tick(110))) == ["timer t1"]
    assert words(bench.run(tick(110))) == []
    batch = bench.run(event_record("intrusion", read_at=at(9999)))
    assert headers(batch.outputs[0][1])["now"] == at(110).isoformat()


def test_before_the_first_tick_it_is_when_the_record_was_produced() -> None:
    batch = Bench().run(event_record("intrusion", occurred=at(-60), read_at=at(3)))
    assert headers(batch.outputs[0][1])["now"] == at(3).isoformat()


def test_with_outside_time_the_watermark_is_the_greatest_event_time() -> None:
    bench = Bench(watermark=True)
    first = bench.run(event_record("intrusion", name="e1", occurred=at(0), read_at=at(9999)))
    assert headers(first.outputs[0][1])["now"] == at(0).isoformat()
    bench.run(event_record("timer:good", name="t", occurred=at(1)))
    late = bench.run(event_record("intrusion", name="e2", occurred=at(-5)))
    assert headers(late.outputs[0][1])["now"] == at(1).isoformat()
    # The next event moves time, and what is due goes before it.
    assert words(bench.run(event_record("loitering", name="e3", occurred=at(20)))) == [
        "timer t",
        "loitering",
    ]
    assert words(bench.run(tick(10))) == []


def test_with_outside_time_nothing_but_timed_topics_and_ticks_moves_it() -> None:
    bench = Bench(watermark=True)
    command = raw(
        b'{"command_id":"c","site_id":"north","alert_id":"a","kind":"ack","actor":"kim",'
        b'"at":"2026-03-02T10:00:00Z"}',
        topic=COMMANDS,
        headers={"ce_time": b"2030-01-01T00:00:00Z"},
    )
    bench.run(command)
    batch = bench.run(event_record("intrusion", occurred=at(-3600)))
    assert headers(batch.outputs[0][1])["now"] == at(-3600).isoformat()


def test_a_message_that_no_stage_handles_is_taken_and_forgotten() -> None:
    bench = Bench()
    result = raw(
        b'{"result_id":"r","notification_id":"n","site_id":"north","receiver":"soc",'
        b'"outcome":"delivered","attempt":1,"at":"2026-03-02T10:00:00Z"}',
        topic=NOTIFY_RESULTS,
    )
    assert bench.run(result).outputs == []


def test_state_of_a_newer_release_stops_the_worker_and_blames_no_record() -> None:
    bench = Bench()
    bench.store.write(COUNTS.table, 0, COUNTS.row("n"), b"\x02\x80")
    with pytest.raises(SchemaAheadError, match=r"first\.counts"):
        bench.run(event_record("intrusion"))


def test_a_chunk_on_top_of_one_that_is_being_committed_sees_it() -> None:
    bench = Bench()
    below = bench.runner.batch(0)
    bench.runner.run(event_record("intrusion", name="e1"), below)
    above = bench.runner.batch(0, below.state)
    bench.runner.run(event_record("intrusion", name="e2"), above)
    assert above.state.get(COUNTS, "n") == Count(2, "intrusion")
    assert bench.count() is None


def test_what_is_put_off_comes_once_at_the_chunks_end_from_the_newest_that_asked() -> None:
    bench = Bench()
    records = [
        event_record(kind, name=f"e{n}", offset=n)
        for n, kind in enumerate(("later:x", "later:y", "intrusion", "later:x"))
    ]
    batch = bench.run(*records)
    assert words(batch) == ["intrusion", "x", "y"]
    assert [source for source, _ in batch.outputs] == [records[2], records[3], records[1]]
    bench.runner.finish(batch)
    assert len(batch.outputs) == 3


def test_what_is_put_off_at_the_end_is_handed_on_at_once() -> None:
    batch = Bench().run(event_record("later:again"), event_record("later:x", name="e2"))
    assert words(batch) == ["again", "after it", "x"]


def test_a_poison_record_puts_nothing_off() -> None:
    bench = Bench()
    batch = bench.run(event_record("later:x", name="e1"), event_record("poison later", name="e2"))
    assert words(batch) == [EVENTS.dlq, "x"]


def test_what_raises_at_the_end_is_the_dead_letter_of_who_asked_and_stops_nothing() -> None:
    bench = Bench()
    records = [event_record(f"later:{word}", name=word) for word in ("raise", "x")]
    batch = bench.run(*records)
    assert words(batch) == [EVENTS.dlq, "x"]
    assert batch.outputs[0][0] is records[0]
    assert headers(batch.outputs[0][1], PREFIX)["stage"] == "second"
    assert batch.dead == 1
    # What it changed before it raised is taken back; what the record itself did stays.
    assert batch.state.get(HEARD, "n") is None
    assert bench.count() == Count(2, "later:x")


def chunked() -> Chain:
    """A chain whose one stage takes whole chunks, and refuses `poison`."""
    stage = Stage(name="many", reads=(EVENTS,), writes=(DECISIONS,), state=(COUNTS,))

    @stage.on_chunk(EVENTS)
    def on_events(ctx: Context, records: Sequence[Record]) -> Iterable[Effect]:
        before = ctx.get(COUNTS, "n") or Count()
        for one in records:
            before = Count(before.events + 1, (one.value or b"").decode())
            ctx.put(COUNTS, "n", before)
            yield Emit(said(ctx, before.last), cause=one)
            if one.value == b"poison":
                raise Poison("no such thing")
        yield Start(len(records))

    return Chain(name="whole", stages=(stage,), ticks=TICKS_DECIDE, timed=(EVENTS,))


def test_a_stage_may_take_a_chunk_whole() -> None:
    runner = ChainRunner(chunked(), Configuration(), MemoryStore())
    records = [raw(b"a", offset=1), raw(b"b", offset=2), raw(b"c", offset=3)]
    batch = runner.batch(0)
    runner.run_all(records, batch)
    assert words(batch) == ["a", "b", "c"]
    assert [source for source, _ in batch.outputs] == records
    assert batch.work == [3]
    assert batch.whole == {("many", EVENTS.name): 3}
    assert batch.state.get(COUNTS, "n") == Count(3, "c")


def test_only_the_record_at_fault_of_a_chunk_is_a_dead_letter() -> None:
    runner = ChainRunner(chunked(), Configuration(), MemoryStore())
    records = [raw(value, offset=n) for n, value in enumerate((b"a", b"poison", b"c"))]
    batch = runner.batch(0)
    runner.run_all(records, batch)
    assert words(batch) == ["a", EVENTS.dlq, "c"]
    assert batch.outputs[1][0] is records[1]
    assert batch.dead == 1
    assert batch.work == [1, 1]
    assert batch.state.get(COUNTS, "n") == Count(2, "c")


def test_a_tick_sweeps_out_the_rows_whose_time_is_over() -> None:
    seen = TableSpec(
        name="many.seen",
        value=Count,
        expiry=Expiry(after=timedelta(seconds=60), at=lambda row: at(row.events)),
    )
    stage = Stage(name="many", reads=(EVENTS,), writes=(), state=(seen,))

    @stage.on(SecurityEvent)
    def on_event(ctx: Context, event: SecurityEvent) -> Iterable[Effect]:
        seconds = int((event.occurred_at - at(0)).total_seconds())
        ctx.put(seen, event.event_id, Count(seconds))
        return ()

    chain = Chain(name="small", stages=(stage,), ticks=TICKS_DECIDE, timed=(EVENTS,))
    store = MemoryStore()
    runner = ChainRunner(chain, Configuration(), store)

    def run(*records: Record) -> Batch:
        batch = runner.batch(0)
        for one in records:
            runner.run(one, batch)
        for table, key, value in batch.state.rows():
            store.write(table, 0, key, value)
        return batch

    run(tick(0), event_record("a", name="old", occurred=at(0), read_at=at(0)))
    run(tick(90), event_record("a", name="new", occurred=at(60), read_at=at(90)))
    swept = run(tick(91))
    assert swept.expired == {"many.seen": 1}
    assert swept.ages == {"many.seen": timedelta(0)}
    state = runner.batch(0).state
    assert state.get(seen, "old") is None
    assert state.get(seen, "new") == Count(60)
    assert run(tick(92)).expired == {}
