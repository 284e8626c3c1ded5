"""What the runtime counts, for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["METRICS", "Metrics"]


@dataclass(frozen=True)
class Metrics:
    """The runtime's metrics; labels are bounded by the declarations."""

    handled: Counter = field(
        default_factory=lambda: Counter(
            "watchfloor_handled_total", "Messages that a stage handled", ("chain", "stage", "type")
        )
    )
    dead: Counter = field(
        default_factory=lambda: Counter(
            "watchfloor_dead_letters_total", "Records sent to a dead-letter topic", ("chain",)
        )
    )
    commit_seconds: Histogram = field(
        default_factory=lambda: Histogram(
            "watchfloor_commit_seconds",
            "From a chunk's first record to its commit",
            ("chain",),
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30),
        )
    )
    verdicts: Counter = field(
        default_factory=lambda: Counter(
            "watchfloor_verdicts_total", "Verdicts of the decide stages", ("stage", "verdict")
        )
    )
    owned: Gauge = field(
        default_factory=lambda: Gauge(
            "watchfloor_partitions", "Partitions that this worker owns", ("topic",)
        )
    )
    revision: Gauge = field(
        default_factory=lambda: Gauge(
            "watchfloor_config_revision", "Revision of the configuration in use"
        )
    )
    recovered: Counter = field(
        default_factory=lambda: Counter(
            "watchfloor_recovered_rows_total", "Rows read from changelogs", ("kind",)
        )
    )
    recovery_left: Gauge = field(
        default_factory=lambda: Gauge(
            "watchfloor_recovery_left", "Offsets of changelogs still to be read", ("kind",)
        )
    )
    ignored_rows: Counter = field(
        default_factory=lambda: Counter(
            "watchfloor_ignored_rows_total",
            "Rows on changelogs that a late writer put there",
            ("topic",),
        )
    )
    table_rows: Gauge = field(
        default_factory=lambda: Gauge(
            "watchfloor_table_rows", "Rows of a table, by estimate", ("table",)
        )
    )
    table_bytes: Gauge = field(
        default_factory=lambda: Gauge(
            "watchfloor_table_bytes", "A table's size, by where it is", ("table", "where")
        )
    )
    table_oldest_seconds: Gauge = field(
        default_factory=lambda: Gauge(
            "watchfloor_table_oldest_seconds",
            "Event time between a table's oldest row, as last swept, and the watermark",
            ("table",),
        )
    )
    expired: Counter = field(
        default_factory=lambda: Counter(
            "watchfloor_expired_rows_total", "Rows removed because their time was over", ("table",)
        )
    )
    notifications_under_way: Gauge = field(
        default_factory=lambda: Gauge(
            "vmm_notifications_under_way", "Attempts that have no outcome yet"
        )
    )
    notification_sent: Counter = field(
        default_factory=lambda: Counter(
            "vmm_notification_sent_total", "Notifications that a channel took", ("channel",)
        )
    )
    notification_failed: Counter = field(
        default_factory=lambda: Counter(
            "vmm_notification_failed_total", "Attempts that a channel did not take", ("channel",)
        )
    )
    notification_seconds: Histogram = field(
        default_factory=lambda: Histogram(
            "vmm_notification_seconds",
            "How long a channel took over an attempt",
            ("channel",),
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
        )
    )
    notification_reports: Counter = field(
        default_factory=lambda: Counter(
            "vmm_notification_reports_total",
            "What channels said later of what they took",
            ("channel", "outcome"),
        )
    )


METRICS = Metrics()
