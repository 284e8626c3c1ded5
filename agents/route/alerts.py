"""An alert's life: opened by an event, changed by more of them and by people, resolved. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from agents.enrich.stage import Names
from agents.rank.score import Basis, inputs_of, rank_parts, seen_again
from agents.rank.stage import Echo, Ranked
from agents.route.plan import Labels
from agents.route.tables import AlertRow, Folds
from schemas.alert import ActivityKind, Alert, AlertState
from schemas.event import SecurityEvent
from schemas.ids import alert_id

__all__ = [
    "admit",
    "caught_up",
    "echoed",
    "folded",
    "reranked",
    "resolve",
    "revised",
    "situation",
    "situation_of",
]

KEEP_IDS: Final = 50


def situation(event: SecurityEvent | Echo) -> str:
    """Same site, zone, camera or device, and type: one alert at a time.

    An event that names no camera and no device is like no other one: it has a situation of its
    own, rather than one with everything that lacks the same fields.
    """
    place = event.camera_id or event.device_id
    if place is None:
        place = f"event {event.event_id}" if isinstance(event, SecurityEvent) else ""
    return f"{event.site_id}/{event.zone_id or ''}/{place}/{event.event_type}"


def situation_of(alert: Alert) -> str:
    """The situation that an alert is about."""
    place = alert.camera_id or alert.device_id
    if place is None:
        place = f"event {alert.event_ids[0]}" if alert.event_ids else ""
    return f"{alert.site_id}/{alert.zone_id or ''}/{place}/{alert.event_type}"


def revised(row: AlertRow, now: datetime, **changes: object) -> AlertRow:
    """The row with its alert changed, which is one revision more."""
    alert = replace(row.alert, updated_at=now, revision=row.alert.revision + 1, **changes)
    return replace(row, alert=alert)


def reranked(alert: Alert, basis: Basis, now: datetime) -> Alert:
    """The alert with its rank brought up to date, which is one revision more."""
    parts = rank_parts(inputs_of(alert, basis))
    return replace(
        alert,
        rank=sum([part.points for part in parts]),
        reasons=parts,
        updated_at=now,
        revision=alert.revision + 1,
    )


def _extras(event: SecurityEvent) -> Labels:
    return tuple(sorted(event.labels.items())) if event.labels else ()


def admit(row: AlertRow | None, ranked: Ranked, now: datetime) -> tuple[AlertRow, ActivityKind]:
    """The alert with an admitted event in it; opened by it where there was none."""
    item = ranked.item
    event = item.event
    if row is None:
        alert = _open(event, item.names, ranked, now)
        fresh = AlertRow(
            alert=reranked(alert, ranked.basis, now),
            basis=ranked.basis,
            labels=_extras(event),
            late=item.late,
            admitted_at=now,
        )
        return fresh, ActivityKind.OPENED
    alert = row.alert
    at = event.occurred_at
    newer = at >= alert.last_event
    changed = replace(
        alert,
        severity=item.severity if newer else alert.severity,
        events=alert.events + 1,
        first_event=at if at < alert.first_event else alert.first_event,
        last_event=at if newer else alert.last_event,
        event_ids=(*alert.event_ids, event.event_id)[-KEEP_IDS:],
        detector_ms=event.detector_ms,
        label=event.label if newer else alert.label,
        confidence=_greatest(alert.confidence, event.confidence),
        # The box belongs to the picture that is shown.
        box=event.box if newer and (event.snapshots or alert.snapshot is None) else alert.box,
        snapshot=event.event_id if newer and event.snapshots else alert.snapshot,
    )
    basis = row.basis.again(ranked.basis)
    grown = replace(
        row,
        alert=reranked(changed, basis, now),
        basis=basis,
        labels=_extras(event) if newer else row.labels,
        late=row.late and item.late,
        admitted_at=now,
    )
    return grown, ActivityKind.UPDATED


def _open(event: SecurityEvent, names: Names, ranked: Ranked, now: datetime) -> Alert:
    return Alert(
        alert_id=alert_id(event.site_id, situation(event), event.event_id),
        site_id=event.site_id,
        state=AlertState.OPEN,
        severity=ranked.item.severity,
        event_type=event.event_type,
        rank=0,
        reasons=(),
        opened_at=now,
        updated_at=now,
        first_event=event.occurred_at,
        last_event=event.occurred_at,
        events=1,
        repeats=0,
        revision=0,
        site_name=names.site,
        camera_id=event.camera_id,
        camera_name=names.camera,
        zone_id=event.zone_id,
        device_id=event.device_id,
        device_name=names.device,
        label=event.label,
        confidence=event.confidence,
        box=event.box,
        event_ids=(event.event_id,),
        snapshot=event.event_id if event.snapshots else None,
        detector_ms=event.detector_ms,
    )


def _greatest(one: float | None, other: float | None) -> float | None:
    """A weaker look at the same situation takes no confidence away."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def folded(row: AlertRow, now: datetime, at: datetime) -> AlertRow:
    """The row with one more event, of event time `at`, that a window folded."""
    before = row.folds
    if before is None:
        return replace(row, folds=Folds(1, at, now))
    until = before.until
    return replace(row, folds=Folds(before.count + 1, at if at > until else until, now))


def caught_up(row: AlertRow) -> AlertRow:
    """The row with its alert as what was folded has made it; a revision more for each of them."""
    alert, basis, folds = row.alert, row.basis, row.folds
    if folds is None:
        return row
    if basis.until is None or folds.until > basis.until:
        basis = replace(basis, until=folds.until)
    until = max(basis.until or folds.until, alert.last_event)
    before = alert.reasons
    repeats = alert.repeats + folds.count
    parts = seen_again(before, until - alert.first_event, alert.events + repeats)
    # What two of them gained: the rank is the parts' sum.
    gained = parts[5].points - before[5].points + parts[6].points - before[6].points
    alert = replace(
        alert,
        repeats=repeats,
        rank=alert.rank + gained,
        reasons=parts,
        updated_at=folds.at,
        revision=alert.revision + folds.count,
    )
    return replace(row, alert=alert, basis=basis, folds=None)


def echoed(row: AlertRow, echo: Echo, now: datetime) -> AlertRow:
    """The alert with what a neighbouring camera saw; its revision is the same if its rank is."""
    basis = row.basis.beside(echo.neighbour, echo.crowd)
    alert = reranked(row.alert, basis, now)
    return replace(row, basis=basis, alert=alert if alert.rank != row.alert.rank else row.alert)


def resolve(row: AlertRow, now: datetime, by: str, resolution: str | None) -> AlertRow:
    """The alert, resolved."""
    done = revised(
        row,
        now,
        state=AlertState.RESOLVED,
        resolved_at=now,
        resolved_by=by,
        resolution=resolution,
        snoozed_until=None,
        quiet=None,
    )
    return replace(done, quiet_timer=None, check_at=None, since=None, steps=())
