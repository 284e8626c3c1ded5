"""What a role's process knows of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from agents.runtime.worker import RoleProcess
from topics.catalogue import EVENTS, TICKS_DECIDE


def test_a_service_that_asks_late_is_told_what_was_given_before() -> None:
    """The ticker asks when the configuration is known, which may be after the assignment."""
    process: Any = RoleProcess.__new__(RoleProcess)
    process._owned = {}
    process.app = SimpleNamespace(assigned={TICKS_DECIDE.name: frozenset({1, 3})})
    owned = process.ownership(TICKS_DECIDE)
    assert owned.partitions == {1, 3}
    assert process.ownership(TICKS_DECIDE) is owned
    assert process.ownership(EVENTS).partitions == frozenset()
