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


METRICS = Metrics()
