"""Drives decide, act and watch without a broker: records in, outputs out, each other's fed back.

Time is the harness's: it stands still until a step moves it, and then ticks at every second in
which something is due. What would leave the machine is a delivery in a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from agents.runtime.state import TableSpec, decode_row
from infra.conformance.compare import Delivered
from infra.conformance.virtual import START, Side, Virtual, messages, to_record
from schemas.alert import Activity, Alert, Command, CommandKind
from schemas.base import Severity
from schemas.decision import Decision
from schemas.document import Camera, Channel, Receiver, Route, Routing, Site, Zone
from schemas.event import SecurityEvent
from topics.catalogue import ACTIVITY, COMMANDS, DECISIONS, EVENTS
from topics.record import OutRecord, make

__all__ = [
    "T0",
    "Delivered",
    "Harness",
    "Side",
    "activities",
    "at",
    "dead",
    "decisions",
    "event",
    "messages",
    "routing",
    "site",
    "to_record",
]

T0 = START


def at(seconds: float) -> datetime:
    """That many seconds after the harness's beginning of time."""
    return T0 + timedelta(seconds=seconds)


def site(**zone: Any) -> Site:
    """A site with the zone `yard` over two cameras; arguments are the zone's."""
    return Site(
        site_id="north",
        name="North depot",
        timezone="Europe/London",
        cameras=(Camera(camera_id="cam-1", name="Gate"), Camera(camera_id="cam-2", name="Fence")),
        zones=(
            Zone(
                **{
                    "zone_id": "yard",
                    "camera_ids": ("cam-1", "cam-2"),
                    "severity": Severity.HIGH,
                    **zone,
                }
            ),
        ),
    )


def routing(*receivers: Receiver, **route: Any) -> Routing:
    """One receiver that records, told at once; arguments are the root route's."""
    given = receivers or (Receiver(name="soc", channels=(Channel(kind="recording"),)),)
    root: dict[str, Any] = {
        "receiver": given[0].name,
        "group_wait": timedelta(0),
        "group_interval": timedelta(0),
    }
    return Routing(route=Route(**{**root, **route}), receivers=given)


_routing = routing


def event(name: str, *, at_seconds: float = 0, **more: Any) -> SecurityEvent:
    """An intrusion in the yard, seen by cam-1, at that time."""
    fields: dict[str, Any] = {
        "event_id": name,
        "site_id": "north",
        "camera_id": "cam-1",
        "zone_id": "yard",
        "event_type": "intrusion",
        "occurred_at": at(at_seconds),
    }
    return SecurityEvent(**{**fields, **more})


class Harness(Virtual):
    """A site's roles, with shorter words for what tests do with them."""

    def __init__(self, *sites: Site, routing: Routing | None = None, act: bool = True) -> None:
        super().__init__(act=act, now=T0)
        self._commands = 0
        self.configure(*sites, routing=routing)

    def configure(self, *sites: Site, routing: Routing | None = None) -> None:
        """Put a document in force."""
        super().configure(*sites, routing=routing or _routing())

    def wait(self, seconds: float) -> list[OutRecord]:
        """Let that much time pass."""
        return self.advance(self.now + timedelta(seconds=seconds))

    def send(
        self, one: SecurityEvent, *, at_seconds: float | None = None, replayed: bool = False
    ) -> list[OutRecord]:
        """Send an event, when it happened or at that time; what came of the event itself."""
        self.advance(max(self.now, one.occurred_at if at_seconds is None else at(at_seconds)))
        out = make(
            EVENTS,
            one,
            id=one.event_id,
            time=one.occurred_at,
            source="test",
            key=one.site_id,
        )
        return self.feed(out, replayed=replayed)

    def result(self, one: SecurityEvent, **more: Any) -> tuple[str, str | None]:
        """Send an event; its decision's result and reason."""
        found = decisions(self.send(one, **more))
        assert len(found) == 1, found
        return found[0]

    def command(self, kind: str, *, alert: str | None = None, **more: Any) -> list[OutRecord]:
        """Ask something of an alert; without `alert`, of the only one."""
        self._commands += 1
        if alert is None:
            (alert,) = self.alerts()
        fields: dict[str, Any] = {
            "command_id": f"command-{self._commands}",
            "site_id": "north",
            "actor": "kim",
            "at": self.now,
        }
        one = Command(**{**fields, **more}, alert_id=alert, kind=CommandKind(kind))
        return self.feed(
            make(COMMANDS, one, id=one.command_id, time=one.at, source="test", key=one.site_id)
        )

    def alert(self) -> Alert:
        """The only alert."""
        (found,) = self.alerts().values()
        return found

    def row(self, table: TableSpec[Any], key: str) -> Any:
        """A row of a stage's state."""
        for side in self._sides:
            data = side.store.get(table.table, 0, table.row(key))
            if data is not None:
                return decode_row(table, data)
        return None


def decisions(outputs: Sequence[OutRecord]) -> list[tuple[str, str | None]]:
    """Result and reason of each decision among outputs."""
    made: list[Decision] = messages(outputs, DECISIONS)
    return [(str(one.result), one.reason) for one in made]


def activities(outputs: Sequence[OutRecord]) -> list[str]:
    """What happened to alerts among outputs, in order."""
    entries: list[Activity] = messages(outputs, ACTIVITY)
    return [str(one.kind) for one in entries]


def dead(outputs: Sequence[OutRecord]) -> list[str]:
    """The dead-letter topics among outputs."""
    return [out.topic.name for out in outputs if out.topic.name.endswith(".dlq")]
