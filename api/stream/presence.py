"""Who looks at which alert, among the listeners of this server.

Only of this one: a listener that another server has is not seen here. Who looks is a courtesy among
people at work at the same time, gone with the connection; what they do is in the alert's activity,
which every server tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Generic, TypeVar

from msgspec import Struct

__all__ = ["MAX_NAMES", "Presence", "Seen", "Who"]

MAX_NAMES: Final = 20

L = TypeVar("L")


class Who(Struct, frozen=True):
    """A person at work. id: the same in each of their windows; name: what others are shown."""

    id: str
    name: str


class Seen(Struct, Generic[L], frozen=True):
    """What a listener is to be told: the alert that it looks at, and who else does, by name."""

    listener: L
    alert_id: str
    names: tuple[str, ...]


class Presence(Generic[L]):
    """Listeners by the alert that they look at; a listener looks at one at most."""

    def __init__(self) -> None:
        self._at: dict[L, str] = {}
        self._lookers: dict[str, dict[L, Who]] = {}

    def look(self, listener: L, who: Who, alert_id: str | None) -> list[Seen[L]]:
        """A listener looks at that alert from now on, or at none; what is to be told to whom.

        A person with two windows is no company for themselves.
        """
        before = self._at.get(listener)
        if before == alert_id:
            return []
        told: list[Seen[L]] = []
        if before is not None:
            del self._at[listener]
            there = self._lookers[before]
            del there[listener]
            if not there:
                del self._lookers[before]
            told += _told(before, there)
        if alert_id is not None:
            self._at[listener] = alert_id
            there = self._lookers.setdefault(alert_id, {})
            there[listener] = who
            told += _told(alert_id, there)
        return told


def _told(alert_id: str, there: Mapping[L, Who]) -> list[Seen[L]]:
    people = sorted({(who.name, who.id) for who in there.values()})
    # One more than is told: who is told is not among the others.
    first = people[: MAX_NAMES + 1]
    return [
        Seen(
            listener,
            alert_id,
            tuple([name for name, person in first if person != who.id][:MAX_NAMES]),
        )
        for listener, who in there.items()
    ]
