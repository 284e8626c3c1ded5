"""Who waits for what became of which command.

Decide answers each alert that a command names on `security.alert-activity.v1`, all in one commit,
so that whoever asks for the same thing at the same time is told who was first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from api.problems import Overloaded
from schemas.alert import Activity, Command, CommandKind

__all__ = ["Asked", "Waiter"]

WAITING: Final = 400


class Waiter:
    """The answers to one or more commands as they come. done: set once all are there."""

    def __init__(self, commands: tuple[Command, ...]) -> None:
        self.answers: list[Activity] = []
        self.done = asyncio.Event()
        self._open = {
            (command.command_id, command.site_id, alert)
            for command in commands
            for alert in _answering(command)
        }

    def take(self, activity: Activity) -> None:
        """An answer; one that came before counts once."""
        if any(activity.activity_id == known.activity_id for known in self.answers):
            return
        self.answers.append(activity)
        self._open.discard((activity.command_id or "", activity.site_id, activity.alert_id))
        if not self._open:
            self.done.set()


def _answering(command: Command) -> tuple[str, ...]:
    """The alerts whose answers are the last ones."""
    named = tuple(dict.fromkeys(one for one in (command.alert_id, *command.alert_ids) if one))
    if command.kind is CommandKind.HANDOVER:
        return ("", *named)
    if command.kind is CommandKind.MERGE:
        # The leading one's answer ends it; where that is a refusal, the others have none.
        return named[:1]
    return named


class Asked:
    """Commands under way. Bounded."""

    def __init__(self, *, waiting: int = WAITING) -> None:
        self._limit = waiting
        self._waiters: dict[str, set[Waiter]] = {}
        self._count = 0

    def answered(self, activity: Activity) -> None:
        """Called with every entry of every alert's history."""
        if activity.command_id is None or activity.outcome is None:
            return
        for waiter in self._waiters.get(activity.command_id, ()):
            waiter.take(activity)

    @contextmanager
    def wait(self, commands: tuple[Command, ...]) -> Iterator[Waiter]:
        """Collects their answers; begun before anything is produced. Raises Overloaded."""
        if self._count >= self._limit:
            raise Overloaded(self._limit)
        waiter = Waiter(commands)
        names = {command.command_id for command in commands}
        for name in names:
            self._waiters.setdefault(name, set()).add(waiter)
        self._count += 1
        try:
            yield waiter
        finally:
            self._count -= 1
            for name in names:
                self._waiters[name].discard(waiter)
                if not self._waiters[name]:
                    del self._waiters[name]
