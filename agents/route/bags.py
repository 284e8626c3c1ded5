"""Sets of ids as rows: a small one is one row, a large one is spread, and no row grows for ever."""

from __future__ import annotations

from zlib import crc32

from msgspec import Struct

from agents.runtime.stage import Context
from agents.runtime.state import TableSpec

__all__ = ["BAGS", "Bag", "add", "clear", "ids", "remove"]

SMALL = 64
SPREAD = 128
"""A set of ten thousand has rows of eighty; reading it whole reads this many."""


class Bag(Struct, frozen=True, gc=False):
    """A set's ids in order of arrival; or, spread, nothing but that it is."""

    ids: tuple[str, ...] = ()
    spread: bool = False


BAGS = TableSpec(name="route.bags", value=Bag)


def _part(key: str, one: str) -> str:
    return f"{key}#{crc32(one.encode()) % SPREAD}"


def add(ctx: Context, key: str, one: str) -> bool:
    """Put an id in; False where it was there."""
    bag = ctx.get(BAGS, key)
    if bag is None:
        ctx.put(BAGS, key, Bag((one,)))
        return True
    spread = bag.spread
    if spread:
        key = _part(key, one)
        bag = ctx.get(BAGS, key) or Bag()
    if one in bag.ids:
        return False
    if spread or len(bag.ids) < SMALL:
        ctx.put(BAGS, key, Bag((*bag.ids, one)))
        return True
    parts: dict[str, list[str]] = {}
    for each in (*bag.ids, one):
        parts.setdefault(_part(key, each), []).append(each)
    for part, those in parts.items():
        ctx.put(BAGS, part, Bag(tuple(those)))
    ctx.put(BAGS, key, Bag(spread=True))
    return True


def remove(ctx: Context, key: str, one: str) -> None:
    """Take an id out."""
    bag = ctx.get(BAGS, key)
    if bag is None:
        return
    if bag.spread:
        key = _part(key, one)
        bag = ctx.get(BAGS, key)
    if bag is not None and one in bag.ids:
        place = bag.ids.index(one)
        left = bag.ids[:place] + bag.ids[place + 1 :]
        ctx.put(BAGS, key, Bag(left) if left else None)


def ids(ctx: Context, key: str) -> tuple[str, ...]:
    """The ids; of a small set in order of arrival, of a spread one in an order of its own."""
    bag = ctx.get(BAGS, key)
    if bag is None:
        return ()
    if not bag.spread:
        return bag.ids
    found: list[str] = []
    for number in range(SPREAD):
        part = ctx.get(BAGS, f"{key}#{number}")
        if part is not None:
            found += part.ids
    if not found:
        # It was large once; a small one is read at once.
        ctx.put(BAGS, key, None)
    return tuple(found)


def clear(ctx: Context, key: str) -> tuple[str, ...]:
    """Take all ids out, and say which they were."""
    found = ids(ctx, key)
    bag = ctx.get(BAGS, key)
    if bag is not None and bag.spread:
        for number in range(SPREAD):
            if ctx.get(BAGS, f"{key}#{number}") is not None:
                ctx.put(BAGS, f"{key}#{number}", None)
    if bag is not None:
        ctx.put(BAGS, key, None)
    return found
