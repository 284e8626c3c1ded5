"""Randomness by name: the same key gives the same numbers, in every process and on every machine.

Nothing here keeps state between calls, which is what lets any frame be drawn without the ones
before it.
"""

from __future__ import annotations

import hashlib
import random
from functools import lru_cache

import numpy as np

__all__ = ["Key", "dice", "grain", "wave"]

Key = str | int


def _number(key: tuple[Key, ...]) -> int:
    text = "/".join(str(part) for part in key)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def dice(*key: Key) -> random.Random:
    """Dice for `key`. Python's own `hash` is salted per process, so it is not used."""
    return random.Random(_number(key))


def grain(*key: Key) -> np.random.Generator:
    """As `dice`, for arrays."""
    return np.random.Generator(np.random.PCG64(_number(key)))


@lru_cache(maxsize=4096)
def _node(key: tuple[Key, ...], index: int) -> float:
    return dice(*key, index).random() * 2.0 - 1.0


def wave(at: float, period: float, *key: Key) -> float:
    """Smooth noise in -1..1 that changes over about `period` seconds (value noise, one octave)."""
    place = at / period
    index = int(place // 1)
    part = place - index
    ease = part * part * (3.0 - 2.0 * part)
    return _node(key, index) * (1.0 - ease) + _node(key, index + 1) * ease
