"""A listener that comes back is told each thing once, by whichever server it comes back to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.stream.journal import Journal
from api.stream.resume import MAX_TOKEN, BadToken, Missed, Place, Position, scope_key, stamp

ACTS, ALERTS = "acts", "alerts"
PLACES: tuple[Place, ...] = ((ACTS, 0), (ACTS, 1), (ALERTS, 0), (ALERTS, 1))
SITES = ("north", "south")
ALL = scope_key(None)


class Topics:
    """What the broker has: by place, the site and the number of each record."""

    def __init__(self) -> None:
        self.records: dict[Place, list[tuple[str, int]]] = {place: [] for place in PLACES}

    def ends(self) -> dict[Place, int]:
        return {place: len(found) for place, found in self.records.items()}


class Server:
    """A façade's reading: partitions are read in any order, each of them in its own."""

    def __init__(self, topics: Topics, starts: Mapping[Place, int], **limits: int) -> None:
        self.topics = topics
        self.journal = Journal(**limits)
        self.journal.begin("e", starts)
        self.at = dict(starts)
        self.listener: Listener | None = None

    def read(self, place: Place) -> None:
        offset = self.at[place]
        if offset >= len(self.topics.records[place]):
            return
        self.at[place] += 1
        site, number = self.topics.records[place][offset]
        told = msgspec.json.encode({"place": place[0], "n": number, "site": site}).decode()
        position = self.journal.add(place, offset, site, told)
        if self.listener is not None and site in self.listener.sites:
            self.listener.hear(stamp(told, position.token(self.listener.key)))

    def read_all(self) -> None:
        for place in PLACES:
            while self.at[place] < len(self.topics.records[place]):
                self.read(place)


class Listener:
    """What a client keeps: what it heard, and the newest token."""

    def __init__(self, sites: frozenset[str]) -> None:
        self.sites = sites
        self.key = scope_key(sites)
        self.token: str | None = None
        self.heard: list[tuple[str, int]] = []

    def hear(self, message: str) -> None:
        known: dict[str, Any] = msgspec.json.decode(message)
        assert known["site"] in self.sites
        self.token = known["resume"]
        self.heard.append((known["place"], known["n"]))

    def come_back(self, server: Server, cut: int) -> None:
        """Connect, and hear `cut` of what was missed before the line is lost again, or all."""
        assert self.token is not None
        position = Position.of(self.token, self.key)
        # What `Journal.reach` waits for: a server behind the one before reads on first.
        while any(server.at[place] < offset for place, offset in position.offsets.items()):
            server.read(next(p for p, offset in position.offsets.items() if server.at[p] < offset))
        missed = server.journal.since(position, self.sites)
        lost = cut < len(missed)
        for entry, at in missed[:cut] if lost else missed:
            self.hear(stamp(entry.text, at.token(self.key)))
        server.listener = None if lost else self


steps = st.lists(
    st.one_of(
        st.tuples(st.just("happen"), st.sampled_from(PLACES), st.sampled_from(SITES)),
        st.tuples(st.just("read"), st.integers(0, 1), st.sampled_from(PLACES)),
        st.tuples(st.just("drop"), st.integers(0, 1), st.integers(0, 5)),
        st.tuples(st.just("restart"), st.integers(0, 1), st.none()),
    ),
    max_size=60,
)


@given(steps=steps, sites=st.sampled_from([frozenset(SITES), frozenset({"south"})]))
def test_each_thing_is_heard_once_whatever_drops_and_whoever_answers(
    steps: list[tuple[str, Any, Any]], sites: frozenset[str]
) -> None:
    topics = Topics()
    zero = dict.fromkeys(PLACES, 0)
    servers = [Server(topics, zero), Server(topics, zero)]
    listener = Listener(sites)
    listener.token = Position("e", zero).token(listener.key)
    servers[0].listener = listener
    count = 0
    for kind, one, other in steps:
        if kind == "happen":
            count += 1
            topics.records[one].append((other, count))
        elif kind == "read":
            servers[one].read(other)
        elif kind == "drop":
            for server in servers:
                server.listener = None
            listener.come_back(servers[one], other)
        else:
            # A server that is started again reads from the beginning of what it looks back at.
            servers[one] = Server(topics, zero)
    for server in servers:
        server.listener = None
    listener.come_back(servers[0], 10_000)
    servers[0].read_all()
    expected = sorted(
        (place[0], number)
        for place, records in topics.records.items()
        for site, number in records
        if site in sites
    )
    assert sorted(listener.heard) == expected


def journal(**limits: int) -> Journal:
    found = Journal(**limits)
    found.begin("e", {(ACTS, 0): 5, (ACTS, 1): 0})
    return found


def at(first: int, second: int, epoch: str = "e") -> Position:
    return Position(epoch, {(ACTS, 0): first, (ACTS, 1): second})


@pytest.mark.parametrize("limits", [{"max_entries": 2}, {"max_bytes": 2}])
def test_what_is_forgotten_is_too_old(limits: dict[str, int]) -> None:
    found = journal(**limits)
    for offset in range(5, 8):
        found.add((ACTS, 0), offset, "north", "x")
    assert [entry.offset for entry, _ in found.since(at(6, 0), None)] == [6, 7]
    with pytest.raises(BadToken) as caught:
        found.since(at(5, 0), None)
    assert caught.value.missed is Missed.TOO_OLD
    # Nothing was forgotten of the other partition.
    assert found.since(at(8, 0), None) == []


@pytest.mark.parametrize(
    ("position", "missed"),
    [
        (at(4, 0), Missed.TOO_OLD),
        (at(6, 0), Missed.NOT_THERE_YET),
        (at(5, 0, "other"), Missed.OTHER_STREAM),
        (Position("e", {(ACTS, 0): 5}), Missed.OTHER_STREAM),
        (Position("e", {}), Missed.OTHER_STREAM),
    ],
)
def test_what_cannot_be_gone_on_with(position: Position, missed: Missed) -> None:
    with pytest.raises(BadToken) as caught:
        journal().since(position, None)
    assert caught.value.missed is missed


def test_before_it_began_it_is_nowhere() -> None:
    assert Journal().position() is None
    with pytest.raises(BadToken) as caught:
        Journal().since(at(0, 0), None)
    assert caught.value.missed is Missed.NOT_THERE_YET


def test_a_site_is_told_its_own() -> None:
    found = journal()
    found.add((ACTS, 0), 5, "north", "n")
    found.add((ACTS, 0), 6, "south", "s")
    told = found.since(at(5, 0), frozenset({"south"}))
    assert [(entry.text, position.offsets[(ACTS, 0)]) for entry, position in told] == [("s", 7)]
    assert found.since(at(5, 0), frozenset()) == []


def test_a_reader_that_begins_again_goes_on_and_skips_what_it_read() -> None:
    found = journal()
    found.add((ACTS, 0), 5, "north", "x")
    assert found.begin("e", {(ACTS, 0): 2, (ACTS, 1): 0})
    assert found.knows((ACTS, 0), 5)
    assert not found.knows((ACTS, 0), 6)
    assert [entry.offset for entry, _ in found.since(at(5, 0), None)] == [5]


@pytest.mark.parametrize(
    ("epoch", "starts", "next_"),
    [
        ("e", (9, 0), (9, 0)),  # a gap in one partition
        ("e", (9, 1), (9, 3)),  # what was read of the other stays read
        ("new", (2, 0), (2, 0)),  # other topics: offsets mean something else
    ],
)
def test_a_gap_ends_what_was_before(
    epoch: str, starts: tuple[int, int], next_: tuple[int, int]
) -> None:
    found = journal()
    found.add((ACTS, 0), 5, "north", "x")
    if next_[1]:
        found.add((ACTS, 1), 2, "north", "y")
    assert not found.begin(epoch, {(ACTS, 0): starts[0], (ACTS, 1): starts[1]})
    assert len(found) == 0
    assert found.position() == at(*next_, epoch)
    assert found.since(at(*next_, epoch), None) == []


def test_the_same_entry_written_twice_is_told_once() -> None:
    found = journal()
    assert [found.first(name) for name in ("a", "b", "a")] == [True, True, False]


async def test_who_was_told_more_elsewhere_is_waited_for() -> None:
    found = journal()
    waiting = asyncio.create_task(found.reach(at(7, 0), 30))
    found.skip((ACTS, 0), 5)
    await asyncio.sleep(0)
    assert not waiting.done()
    found.advance((ACTS, 0), 7)
    await asyncio.wait_for(waiting, 30)
    # Of another stream nothing is waited for, and not for ever of this one.
    await found.reach(at(9, 0, "other"), 30)
    await found.reach(at(9, 0), 0)


def test_a_token_comes_back_as_it_was() -> None:
    position = Position("e", {(ACTS, 0): 2**40, (ACTS, 1): 0, (ALERTS, 0): 7})
    token = position.token(ALL)
    assert len(token) < 100
    assert Position.of(token, ALL) == position
    assert msgspec.json.decode(stamp('{"type":"x"}', token)) == {"type": "x", "resume": token}


def test_a_token_is_of_its_sites() -> None:
    token = at(5, 0).token(scope_key(frozenset({"north"})))
    with pytest.raises(BadToken) as caught:
        Position.of(token, scope_key(frozenset({"north", "south"})))
    assert caught.value.missed is Missed.OTHER_SITES


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_whatever_is_brought_is_a_position_or_refused(text: str) -> None:
    with pytest.raises(BadToken):
        Position.of(text, ALL)


def test_a_long_token_is_not_looked_at() -> None:
    with pytest.raises(BadToken):
        Position.of("A" * (MAX_TOKEN + 1), ALL)
