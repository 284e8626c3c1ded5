"""What this server counts, for Prometheus. Labels are bounded: sites and reasons that exist.

What starts with `cv_` bears the names of the first gateway, and is of all events: each server hears
every decision, so of several servers any one's figures are the whole.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from api.health.schemas import PipelineView
from schemas.alert import Alert
from schemas.decision import Decision, Result

__all__ = ["Metrics"]

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """A registry of its own, so that two servers in one process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.posted = Counter(
            "watchfloor_posted_events_total",
            "Events posted to /v1/events/cv whose shape and site are right",
            ("site",),
            registry=self.registry,
        )
        self.received = Counter(
            "cv_events_received_total",
            "Events that were decided, from cameras, detectors and devices alike",
            ("site",),
            registry=self.registry,
        )
        self.refused = Counter(
            "cv_events_refused_total",
            "Posts to /v1/events/cv that were refused, by the problem's name",
            ("problem",),
            registry=self.registry,
        )
        self.heartbeats = Counter(
            "cv_heartbeats_total",
            "Heartbeats that devices posted to /v1/events/cv",
            registry=self.registry,
        )
        self.suppressed = Counter(
            "cv_events_suppressed_total",
            "Events that were suppressed, by their decision",
            ("site", "reason"),
            registry=self.registry,
        )
        self.rejected = Counter(
            "cv_events_rejected_total",
            "Events that no site can have (their time, zone or camera), by their decision",
            ("site", "reason"),
            registry=self.registry,
        )
        self.sent = Counter(
            "cv_alerts_sent_total",
            "Events of which somebody was told at once, by their decision",
            ("site",),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "cv_event_processing_seconds",
            "From a posted event's arrival here to its decision",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.health_alerts = Counter(
            "cv_camera_health_alerts_total",
            "Alerts about a device's health that were opened",
            ("site",),
            registry=self.registry,
        )
        self.waiting = Gauge(
            "watchfloor_api_waiting_events",
            "Posted events whose decision is awaited",
            registry=self.registry,
        )
        self.clients = Gauge(
            "watchfloor_api_stream_clients", "Listeners of the stream", registry=self.registry
        )
        self.blind = Gauge(
            "watchfloor_pipeline_state",
            "0 ok, 1 late, 2 blind",
            registry=self.registry,
        )
        self.lag = Gauge(
            "watchfloor_role_lag_records",
            "Records that a role has not processed yet",
            ("role",),
            registry=self.registry,
        )
        self.lag_seconds = Gauge(
            "watchfloor_role_lag_seconds",
            "Age of the oldest record that a role has not processed yet",
            ("role",),
            registry=self.registry,
        )
        self.dark = Gauge(
            "watchfloor_cameras_without_frames",
            "Cameras that ought to deliver frames and do not",
            registry=self.registry,
        )

    def decided(self, decision: Decision, site: str) -> None:
        """Count an event by its decision, whatever its source."""
        self.received.labels(site).inc()
        if decision.result is Result.SUPPRESSED:
            self.suppressed.labels(site, decision.reason or "").inc()
        elif decision.result is Result.REJECTED:
            self.rejected.labels(site, decision.reason or "").inc()
        elif decision.result is Result.SENT:
            self.sent.labels(site).inc()

    def changed(self, alert: Alert, site: str) -> None:
        """Count an alert where this is its first word, and it is about a device."""
        if alert.revision == 1 and alert.zone_id is None and alert.device_id is not None:
            self.health_alerts.labels(site).inc()

    def pipeline(self, view: PipelineView) -> None:
        """Take in the pipeline's state."""
        self.blind.set(("ok", "late", "blind").index(view.state.value))
        self.dark.set(len(view.cameras_without_frames))
        for role in view.roles:
            self.lag.labels(role.role).set(role.lag)
            self.lag_seconds.labels(role.role).set(role.lag_seconds)
