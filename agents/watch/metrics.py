"""What watch counts. Labels are kinds, drivers, severities and faults: bounded by declarations."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["BREAKERS", "DEVICES", "LATE", "POLLS", "SECONDS", "SKIPPED", "UNDER_WAY"]

DEVICES: Final = Gauge(
    "watchfloor_watch_devices",
    "Devices that this replica polls, by kind and health: `critical` is offline, `normal` and "
    "`suspect` are online, `unknown` was never polled.",
    ("kind", "state"),
)
BREAKERS: Final = Gauge(
    "watchfloor_watch_breakers", "Breakers of the devices that this replica polls.", ("state",)
)
POLLS: Final = Counter(
    "watchfloor_watch_polls", "Polls, by driver and what failed (`none`).", ("driver", "fault")
)
SECONDS: Final = Histogram(
    "watchfloor_watch_poll_seconds",
    "How long a poll took, from its begin to its outcome.",
    ("driver",),
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LATE: Final = Counter(
    "watchfloor_watch_late_polls", "Polls that began more than 5 s after they were due."
)
SKIPPED: Final = Counter(
    "watchfloor_watch_skipped_polls",
    "Optional polls that were left out because their site is relieved of load.",
    ("driver",),
)
UNDER_WAY: Final = Gauge("watchfloor_watch_polls_under_way", "Polls without an outcome yet.")
