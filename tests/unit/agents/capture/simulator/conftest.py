"""Sites that the tests of this folder share: painting a backdrop takes part of a second."""

from __future__ import annotations

from functools import lru_cache

import pytest

from agents.capture.simulator import SimulatedSite

SEED = 3


@lru_cache(maxsize=8)
def _site(scene: str) -> SimulatedSite:
    return SimulatedSite(scene, SEED)


@pytest.fixture
def day() -> SimulatedSite:
    return _site("day")


@pytest.fixture
def hard() -> SimulatedSite:
    return _site("hard")


@pytest.fixture
def dark() -> SimulatedSite:
    return _site("dark")


@pytest.fixture
def entries() -> SimulatedSite:
    return _site("entries")
