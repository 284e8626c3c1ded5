"""The stage: an admitted event gets its names, and the last of its kind before it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from agents.dedupe.stage import Admitted
from agents.runtime.configuration import SiteConfig
from agents.runtime.stage import Context, Effect, Forward, Stage
from agents.runtime.state import TableSpec
from schemas.base import Severity
from schemas.decision import StageVerdict
from schemas.event import SecurityEvent

__all__ = ["ENRICH", "Enriched", "History", "Names", "learn"]

MOST: Final = 200
"""Kinds a camera's row remembers: types are the senders' to choose."""


class Names(Struct, frozen=True, gc=False, kw_only=True):
    """What people call the ids."""

    site: str | None = None
    camera: str | None = None
    device: str | None = None


NAMELESS: Final = Names()


class History(Struct, frozen=True, gc=False):
    """A camera's (or a device's) newest admitted event by place and type, in event time."""

    newest: dict[str, datetime] = {}


class Enriched(Struct, frozen=True, gc=False, kw_only=True):
    """An admitted event with its context. last_same: the newest earlier one of place and type."""

    event: SecurityEvent
    severity: Severity
    late: bool
    names: Names
    last_same: datetime | None
    stages: tuple[StageVerdict, ...]


def migrate_v1(row: dict[str, object]) -> dict[str, object]:
    """Version 1 kept the hours of a camera's day as well; they are rank's now."""
    return {"newest": row.get("newest", {})}


HISTORY: Final = TableSpec(
    name="enrich.history", value=History, version=2, migrations={1: migrate_v1}
)
ENRICH = Stage(name="enrich", reads=(Admitted,), writes=(), state=(HISTORY,))


def learn(history: History, at: datetime, what: str) -> History:
    """The history with an event at `at`. A late one takes no newer one back."""
    newest = dict(history.newest)
    before = newest.get(what)
    newest[what] = at if before is None or at > before else before
    if len(newest) > MOST:
        del newest[min(newest, key=lambda name: newest[name])]
    return History(newest)


def _names(event: SecurityEvent, site: SiteConfig | None) -> Names:
    """A place's names; the same for each of its events, so they are made once a revision."""
    if site is None:
        return NAMELESS
    known: dict[tuple[str | None, str | None], Names] = site.derived.setdefault("names", {})
    place = (event.camera_id, event.device_id)
    found = known.get(place)
    if found is None:
        # A camera that is polled is a device as well, and listed under cameras alone.
        camera = site.cameras.get(event.camera_id or event.device_id or "")
        device = site.devices.get(event.device_id or event.camera_id or "")
        named = device if device is not None or event.device_id is None else camera
        found = Names(
            site=site.site.name,
            camera=(camera.name if camera is not None else None)
            or (device.name if device is not None else None),
            device=named.name if named is not None else None,
        )
        if camera is not None or device is not None:
            # Ids that the document does not have are the senders', and without number.
            known[place] = found
    return found


@ENRICH.on(Admitted)
def on_admitted(ctx: Context, item: Admitted) -> Iterable[Effect]:
    """Add names and history."""
    event = item.event
    site = ctx.configuration.site(event.site_id)
    key = f"{event.site_id}/{event.camera_id or event.device_id or ''}"
    what = f"{event.zone_id or ''}/{event.event_type}"
    history = ctx.get(HISTORY, key) or History()
    before = history.newest.get(what)
    ctx.put(HISTORY, key, learn(history, event.occurred_at, what))
    names = _names(event, site)
    verdict = StageVerdict(stage="enrich", verdict="pass", detail=names.camera or names.device)
    return (
        Forward(
            Enriched(
                event=event,
                severity=item.severity,
                late=item.late,
                names=names,
                last_same=before if before is not None and before <= event.occurred_at else None,
                stages=(*item.stages, verdict),
            )
        ),
    )
