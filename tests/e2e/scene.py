"""A night at a simulated site, as its pages show it: alerts, pictures, events, history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
from msgspec.structs import replace

from agents.capture.simulator import SimulatedSite, Stay
from infra.blob.open import open_store
from infra.db.documents import publish
from infra.db.outbox import drain_outbox
from infra.demo import simulated_document
from infra.settings import Settings
from schemas.alert import ActivityKind, Alert, AlertState, RankPart, StepDone
from schemas.base import Severity
from schemas.device import CameraState
from schemas.ids import snapshot_id, step_id
from tests.e2e.support import an_alert
from tests.integration.api.support import Stack, probe_record, run_in_thread
from topics.record import OutRecord

__all__ = ["Night", "document_of", "probes_of"]

SITE = "sim"
SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
AFTER = timedelta(minutes=2)
PROCEDURE = (
    "Look at the pictures before and after, and at the camera beside it.",
    "Call the guard on duty; nobody goes out alone.",
    "Speak to whoever is there over the loudspeaker.",
    "Note in a comment who was there and why.",
)


def document_of(settings: Settings, site: SimulatedSite) -> None:
    """Publish the simulated site's document, and nothing beside it."""
    world = datetime.now(UTC).replace(microsecond=0)
    document = simulated_document(site.scene.name, site.seed, world)
    (sim,) = document.sites
    zones = tuple(replace(zone, procedure=PROCEDURE) for zone in sim.zones)
    document = replace(document, sites=(replace(sim, zones=zones),))
    publish(settings, document, "test", prune=True)
    run_in_thread(lambda: drain_outbox(settings))


def probes_of(site: SimulatedSite, now: datetime) -> list[OutRecord]:
    """Every camera of it delivers."""
    return [
        probe_record(CameraState.CONNECTED, now, camera=camera, site=SITE)
        for camera in site.cameras
    ]


class Night:
    """What happened, newest last; stays of the simulated world, told as if they were now."""

    def __init__(self, stack: Stack, site: SimulatedSite, count: int = 16) -> None:
        self._stack = stack
        self._site = site
        stays = [
            stay
            for stay in site.stays(timedelta(minutes=20), timedelta(seconds=10))
            if stay.clear_until - stay.clear_from > timedelta(seconds=2)
        ]
        self._stays = stays[:count]
        self._shift = datetime.now(UTC) - AFTER - self._stays[-1].clear_until

    def tell(self) -> list[Alert]:
        """Write it where archive writes it; the alerts, as the queue has them."""
        alerts = [self._alert(number, stay) for number, stay in enumerate(self._stays)]
        self._stack.archive("alerts", alerts)
        return alerts

    def _alert(self, number: int, stay: Stay) -> Alert:
        middle = stay.clear_from + (stay.clear_until - stay.clear_from) / 2
        truth = self._site.truth(stay.camera_id, middle)
        seen = next(one for one in truth.objects if one.object_id == stay.object_id)
        at = self._shift + middle
        event_id = f"night-{number}"
        self._pictures(event_id, stay.camera_id, middle)
        severity = SEVERITIES[number % len(SEVERITIES)]
        points = {"critical": 62, "high": 48, "medium": 30, "low": 16}[severity.value]
        habit = (number * 7) % 13
        acknowledged = number % 5 == 3
        alert = an_alert(
            f"00000000-0000-5000-8000-{number:012}",
            site_id=SITE,
            site_name="Simulated site",
            event_type="object_in_zone",
            label=stay.label,
            camera_id=stay.camera_id,
            camera_name=self._site.camera_name(stay.camera_id),
            zone_id=stay.zone_id,
            severity=severity,
            rank=points + 12 + habit,
            reasons=(
                RankPart(name="severity", points=points, reason=f"the zone is {severity.value}"),
                RankPart(name="confidence", points=12, reason="the detector is sure: 0.91"),
                RankPart(name="habit", points=habit, reason="seldom at this hour, at this camera"),
            ),
            opened_at=at,
            first_event=at,
            last_event=at + timedelta(seconds=number % 4 * 8),
            events=1 + number % 3,
            repeats=number % 4,
            box=seen.box,
            snapshot=event_id,
            event_ids=(event_id,),
            state=AlertState.ACKNOWLEDGED if acknowledged else AlertState.OPEN,
            procedure=self._done(alert_at=at, zone_id=stay.zone_id),
            acknowledged_by="Kim" if acknowledged else None,
            acknowledged_at=at + timedelta(seconds=31) if acknowledged else None,
            assigned_to="Lee" if number % 6 == 1 else None,
        )
        self._event(event_id, alert, at)
        self._history(alert, at)
        return alert

    def _done(self, *, alert_at: datetime, zone_id: str) -> tuple[StepDone, ...]:
        """The first step, by Kim."""
        step = step_id(SITE, zone_id, PROCEDURE[0])
        return (StepDone(step_id=step, by="Kim", at=alert_at + timedelta(seconds=34)),)

    def _pictures(self, event_id: str, camera: str, middle: timedelta) -> None:
        store = open_store(self._stack.settings)
        rows = []
        for position in range(-3, 4):
            at = middle + timedelta(seconds=0.6 * position)
            jpeg = cv2.imencode(".jpg", self._site.render(camera, at))[1].tobytes()
            key = f"snapshots/{event_id}-{position + 3}.jpg"
            store.put(key, jpeg)
            rows.append(
                {
                    "event_id": event_id,
                    "site_id": SITE,
                    "position": position,
                    "snapshot_id": snapshot_id(SITE, event_id, position),
                    "camera_id": camera,
                    "captured_at": (self._shift + at).isoformat(),
                    "width": self._site.width,
                    "height": self._site.height,
                    "content_type": "image/jpeg",
                    "bytes": len(jpeg),
                    "blob_key": key,
                }
            )
        self._stack.archive("snapshots", rows)

    def _event(self, event_id: str, alert: Alert, at: datetime) -> None:
        event: dict[str, Any] = {
            "event_id": event_id,
            "site_id": SITE,
            "event_type": alert.event_type,
            "occurred_at": at.isoformat(),
            "recorded_at": at.isoformat(),
            "source": "detector",
            "camera_id": alert.camera_id,
            "zone_id": alert.zone_id,
            "label": alert.label,
            "confidence": 0.91,
            "box": list(alert.box or ()),
            "snapshots": 7,
            "labels": {},
        }
        decision = {
            "event_id": event_id,
            "site_id": SITE,
            "decision_id": f"d-{event_id}",
            "result": "sent",
            "alert_id": alert.alert_id,
            "decided_at": at.isoformat(),
            "stages": [{"stage": "dedupe", "verdict": "pass"}],
        }
        self._stack.archive("events", [event])
        self._stack.archive("decisions", [decision])

    def _history(self, alert: Alert, at: datetime) -> None:
        said: list[tuple[ActivityKind, str, str | None, float]] = [
            (ActivityKind.OPENED, "watchfloor", None, 0.4)
        ]
        if alert.acknowledged_by:
            said.append((ActivityKind.ACKNOWLEDGED, "Kim", None, 31.0))
            said.append((ActivityKind.COMMENTED, "Kim", "On the phone with the gate.", 64.0))
        rows = [
            {
                "activity_id": f"{alert.alert_id}-{number}",
                "alert_id": alert.alert_id,
                "site_id": SITE,
                "kind": kind.value,
                "at": (at + timedelta(seconds=seconds)).isoformat(),
                "actor": actor,
                "cause": "",
                "detail": detail,
            }
            for number, (kind, actor, detail, seconds) in enumerate(said)
        ]
        self._stack.archive("activity", rows)
