"""Typed keys: back again as they were, and in the order of their values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from agents.runtime.keys import decode_key, encode_key
from agents.runtime.state import MemoryStore, Overlay, TableSpec


class Kind(StrEnum):
    HIGH = "high"
    LOW = "low"


class Level(IntEnum):
    ONE = 1
    TEN = 10


class Place(Struct, frozen=True, order=True):
    site: str
    camera: str


class Slot(Struct, frozen=True, order=True):
    place: Place
    kind: Kind
    number: int
    at: datetime
    open: bool
    level: Level = Level.ONE


class Loose(Struct):
    site: str


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
places = st.builds(Place, texts, texts)
times = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
slots = st.builds(
    Slot,
    places,
    st.sampled_from(Kind),
    st.integers(),
    times,
    st.booleans(),
    st.sampled_from(Level),
)
Pair = tuple[str, int]
pairs = st.tuples(texts, st.integers(-(10**30), 10**30))


@given(slots, slots)
@settings(deadline=None)
def test_structs(one: Slot, other: Slot) -> None:
    a, b = encode_key(Slot, one), encode_key(Slot, other)
    assert decode_key(Slot, a) == one
    assert (a < b) == (one < other)
    assert (a == b) == (one == other)
    assert (a.encode() < b.encode()) == (one < other)


@given(pairs, pairs)
@settings(deadline=None)
def test_tuples(one: Pair, other: Pair) -> None:
    a, b = encode_key(Pair, one), encode_key(Pair, other)
    assert decode_key(Pair, a) == one
    assert (a < b) == (one < other)


@given(texts)
@settings(deadline=None)
def test_text_stays_as_it_is(text: str) -> None:
    assert encode_key(str, text) == text
    assert decode_key(str, text) == text


def test_an_instant_is_the_same_in_every_timezone() -> None:
    at = datetime(2026, 3, 2, 10, tzinfo=UTC)
    elsewhere = at.astimezone(timezone(timedelta(hours=5)))
    assert encode_key(tuple[datetime], (at,)) == encode_key(tuple[datetime], (elsewhere,))


@pytest.mark.parametrize(
    ("kind", "key", "error"),
    [
        (Place, ("north", "gate"), TypeError),  # another type
        (Place, Place("north", 3), TypeError),  # type: ignore[arg-type]
        (Pair, ("north", True), TypeError),  # a bool is no int here
        (Pair, ("north",), ValueError),
        (str, 3, TypeError),
        (Loose, Loose("north"), TypeError),  # it could change
        (tuple[str, ...], ("a",), TypeError),  # no order by fields
        (tuple[float], (1.0,), TypeError),
        (tuple[datetime], (datetime(2026, 1, 1),), ValueError),  # noqa: DTZ001
        (tuple[int], (10**98,), ValueError),
    ],
)
def test_what_is_no_key(kind: Any, key: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        encode_key(kind, key)


@pytest.mark.parametrize(
    "text",
    ["", "north", "north\x01p011\x01", "north\x01x011", "north\x01p021", "north\x01n0a1", "\x02"],
)
def test_what_is_no_text_of_a_key(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the type is the promise
        decode_key(Pair, text)


def test_a_tables_typed_keys() -> None:
    spec = TableSpec(name="stage.places", value=int, key=Place)
    plain = TableSpec(name="stage.plain", value=int)
    store = MemoryStore()
    state = Overlay(0, None, store)
    state.put(spec, Place("north", "gate"), 3)
    state.put(plain, "north/gate", 4)
    assert state.get(spec, Place("north", "gate")) == 3
    assert state.get(spec, Place("north", "fence")) is None
    for table, key, value in state.rows():
        store.write(table, 0, key, value)
    assert Overlay(0, None, store).get(spec, Place("north", "gate")) == 3
    assert Overlay(0, None, store).get(plain, "north/gate") == 4
    with pytest.raises(TypeError):
        state.get(spec, "north/gate")
    (row,) = store.scan("stage", 0, spec.prefix, None, 9)
    assert spec.typed(row[0].removeprefix(spec.prefix)) == Place("north", "gate")
