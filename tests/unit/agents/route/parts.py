"""What the tests of route share: documents and words for what was told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from schemas.document import Channel, Receiver, Route, Routing, Schedule, Silence, Window
from tests.unit.agents.harness import Harness, at, routing

__all__ = ["DAILY", "minutes", "receivers", "silence", "told", "tree", "window", "with_parts"]

DAILY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def minutes(count: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=count)


def receivers(*names: str) -> tuple[Receiver, ...]:
    """Receivers that record."""
    return tuple(Receiver(name=name, channels=(Channel(kind="recording"),)) for name in names)


def tree(*names: str, routes: tuple[Route, ...] = (), **root: Any) -> Routing:
    """Receivers of these names, and a tree under the root, which tells the first of them."""
    return routing(*receivers(*names), routes=routes, **root)


def with_parts(base: Routing | None = None, **parts: Any) -> Routing:
    """A routing with silences, inhibitions or escalations."""
    return replace(base or routing(), **parts)


def silence(*matchers: str, start: float = 0, end: float = 600, name: str = "works") -> Silence:
    """A silence between two moments, in seconds of the harness's time."""
    return Silence(
        silence_id=name,
        matchers=matchers,
        starts_at=at(start),
        ends_at=at(end),
        created_by="kim",
        comment="painting the gate",
    )


def window(start: str, end: str) -> Schedule:
    """A schedule of every day, in UTC."""
    return Schedule(timezone="UTC", windows=(Window(days=DAILY, start=start, end=end),))


def _what(kind: str, status: str) -> str:
    if kind == "alert":
        return status
    return kind if status == "firing" else f"{kind} {status}"


def told(harness: Harness) -> list[tuple[float, str, str, int]]:
    """When, to whom, what (`summary` and `escalation` by their kind), about how many alerts."""
    return [
        (
            (one.at - at(0)).total_seconds(),
            one.receiver,
            _what(one.kind, one.status),
            one.alerts,
        )
        for one in harness.delivered
    ]
