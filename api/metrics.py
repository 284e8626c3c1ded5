"""What this server counts, for Prometheus. Labels are bounded: sites and reasons that exist."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from api.event.schemas import Answer
from api.health.schemas import PipelineView
from schemas.decision import Result

__all__ = ["Metrics"]

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """A registry of its own, so that two servers in one process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.received = Counter(
            "cv_events_received_total",
            "Events posted to /v1/events/cv whose shape and site are right",
            ("site",),
            registry=self.registry,
        )
        self.suppressed = Counter(
            "cv_events_suppressed_total",
            "Posted events that were suppressed, by their first answer",
            ("site", "reason"),
            registry=self.registry,
        )
        self.sent = Counter(
            "cv_alerts_sent_total",
            "Posted events that were sent to somebody, by their first answer",
            ("site",),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "cv_event_processing_seconds",
            "From the event's arrival here to its decision",
            buckets=SECONDS,
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

    def answered(self, answer: Answer) -> None:
        """Count an event's first answer."""
        if answer.result is Result.SUPPRESSED:
            self.suppressed.labels(answer.site_id, answer.reason or "").inc()
        elif answer.result is Result.SENT:
            self.sent.labels(answer.site_id).inc()

    def pipeline(self, view: PipelineView) -> None:
        """Take in the pipeline's state."""
        self.blind.set(("ok", "late", "blind").index(view.state.value))
        self.dark.set(len(view.cameras_without_frames))
        for role in view.roles:
            self.lag.labels(role.role).set(role.lag)
            self.lag_seconds.labels(role.role).set(role.lag_seconds)
