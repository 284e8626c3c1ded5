"""The job of `bench stream`: the same for everybody, and who runs when."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from agents.runtime.configuration import Configuration
from agents.runtime.record import Record
from agents.runtime.stage import Chain, Context, Emit
from agents.runtime.state import MemoryStore, Overlay
from agents.runtime.timers import table
from infra.bench.stream.bench import LAPS, ratio_of
from infra.bench.stream.contest import CONTESTANTS, Entry, changelogs, order
from infra.bench.stream.growth import questions
from infra.bench.stream.job import EVERY, KEYS, WINDOW_MS, Task, forwarded, reports
from infra.bench.stream.ours import Report, role


def a_task(folder: Path, *, stateful: bool = True, each: bool = False) -> Task:
    return Task(
        bootstrap="127.0.0.1:9",
        source="bench.bench.in.v1",
        target="bench.bench.out.v1",
        group="bench.watchfloor-ours-1",
        stateful=stateful,
        count=10,
        partitions=4,
        note=folder / "first",
        folder=folder,
        each=each,
    )


def test_records_are_some_110_bytes_of_json() -> None:
    sizes = {len(value) for _, value in islice(reports(200_000, 1), 0, 5_000_000, 9_973)}
    assert min(sizes) >= 105
    assert max(sizes) <= 120


def test_every_device_once_a_lap_in_the_order_of_the_seed() -> None:
    keys = [key for key, _ in reports(2, 5)]
    assert keys[:KEYS] == keys[KEYS:]
    assert len(set(keys)) == KEYS
    assert keys != [key for key, _ in reports(2, 6)]
    assert all(json.loads(v)["device"].encode() == k for k, v in islice(reports(1, 5), 20))


def by_window(values: list[bytes]) -> list[tuple[str, int]]:
    """The stateful job, said as plainly as can be."""
    last: dict[str, int] = {}
    out = []
    for told in map(json.loads, values):
        before = last.get(told["device"])
        if before is None or told["at_ms"] - before >= WINDOW_MS:
            last[told["device"]] = told["at_ms"]
            out.append((told["device"], told["lap"]))
    return out


@pytest.mark.parametrize("laps", [1, 2, 3, 4, 10])
def test_both_forms_forward_the_same(laps: int) -> None:
    values = [value for _, value in reports(laps, 3, keys=20)]
    by_lap = [
        (told["device"], told["lap"]) for told in map(json.loads, values) if told["lap"] % 3 == 0
    ]
    assert by_window(values) == by_lap
    assert len(by_lap) == forwarded(laps, keys=20)


@pytest.mark.parametrize("name", LAPS)
def test_the_last_record_of_a_run_is_forwarded(name: str) -> None:
    assert (LAPS[name] - 1) % EVERY == 0


def test_a_task_travels_as_json(tmp_path: Path) -> None:
    task = a_task(tmp_path)
    assert Task.from_json(task.to_json()) == task


def test_only_the_first_record_is_noted(tmp_path: Path) -> None:
    task = a_task(tmp_path)
    first, second = task.starter(), task.starter()
    before = datetime.now(UTC).timestamp() * 1000
    first()
    noted = task.began_ms()
    assert before <= noted <= datetime.now(UTC).timestamp() * 1000
    first()
    second()  # another worker of the same run
    assert task.began_ms() == noted


def run_chunks(task: Task, values: list[bytes], size: int) -> list[tuple[str, int]]:
    """What our stage forwards of these values, handed to it in chunks as the runtime would."""
    (chain,) = role(task).chains
    (stage,) = chain.stages
    (topic,) = (t for t in chain.reads if t is not chain.ticks)
    store, out = MemoryStore(), []
    for begin in range(0, len(values), size):
        records = [
            Record(
                topic=topic,
                partition=0,
                offset=begin + number,
                timestamp_ms=0,
                key=None,
                value=value,
                headers={},
            )
            for number, value in enumerate(values[begin : begin + size])
        ]
        context = context_of(chain, store)
        if task.each:
            handler = stage.handlers[Report]
            effects = [e for r in records for e in handler(context, r.message())]
        else:
            effects = list(stage.whole[topic.name](context, records))
        for table_name, key, row in context.state.rows():
            store.write(table_name, 0, key, row)
        for effect in effects:
            assert isinstance(effect, Emit)
            assert effect.record.topic.name == task.target.partition(".")[2]
            told = json.loads(effect.record.value or b"")
            assert effect.record.key == told["device"].encode()
            out.append((told["device"], told["lap"]))
    return out


def context_of(chain: Chain, store: MemoryStore) -> Context:
    return Context(
        stage=chain.stages[0].name,
        partition=0,
        now=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(0),
        configuration=Configuration(),
        state=Overlay(0, None, store),
        timers=table(chain.name),
    )


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("stateful", [False, True])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_our_stage_does_the_job(tmp_path: Path, stateful: bool, each: bool, size: int) -> None:
    values = [value for _, value in reports(8, 3, keys=13)]
    task = a_task(tmp_path, stateful=stateful, each=each)
    assert run_chunks(task, values, size) == by_window(values)


ENTRIES = [Entry(name=name, stateful=False, laps=1) for name in CONTESTANTS]


@pytest.mark.parametrize("number", range(7))
def test_a_round_has_everybody_once(number: int) -> None:
    assert Counter(e.name for e in order(ENTRIES, number)) == Counter(CONTESTANTS)


def test_nobody_is_always_first_or_after_the_same_one() -> None:
    rounds = [[e.name for e in order(ENTRIES, number)] for number in range(5)]
    assert len({each[0] for each in rounds}) == 5
    for name in CONTESTANTS:
        before = {each[each.index(name) - 1] for each in rounds if each.index(name)}
        assert len(before) > 1


def test_no_entries_no_round() -> None:
    assert order([], 3) == []


def test_changelogs_of_one_group_however_they_are_called() -> None:
    group = "bench.watchfloor-ours-stateful-1"
    names = [
        f"{group}-dedupe-changelog",
        f"{group}-timers-changelog",
        f"changelog__{group}--bench.in.v1--default",
        "bench.watchfloor-ours-stateful-11-dedupe-changelog",
        f"{group}-other",
    ]
    assert changelogs(names, group) == [names[0], names[2]]


def test_ratio_is_median_over_median() -> None:
    assert ratio_of([30, 10, 100], [10, 1, 12]) == 3.0


def test_questions_are_spread_and_a_third_is_forwarded() -> None:
    asked = list(questions(1_000, 900, 4))
    assert len({key for key, _, _ in asked}) == 900
    # The state says of each device: forwarded at the time that recovery writes.
    from infra.bench.recovery import KNOWN_AT_MS

    last: dict[bytes, int] = {}
    admitted = 0
    for key, value, partition in asked:
        at = json.loads(value)["at_ms"]
        assert partition == int(key.rpartition(b"-")[2]) % 4
        if at - last.get(key, KNOWN_AT_MS) >= WINDOW_MS:
            admitted += 1
            last[key] = at
    assert admitted == 300
