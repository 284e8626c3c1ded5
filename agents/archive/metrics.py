"""What archive counts."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "BATCH_RECORDS",
    "BATCH_SECONDS",
    "BLOB_BYTES",
    "DEAD_LETTERS",
    "FAILURES",
    "LAG",
    "RECORDS",
    "SWEPT",
]

RECORDS: Final = Counter(
    "watchfloor_archive_records_total", "Records archived, by topic", ["topic"]
)
BATCH_RECORDS: Final = Histogram(
    "watchfloor_archive_batch_records",
    "Records in a batch",
    buckets=(1, 5, 10, 50, 100, 250, 500, 1000),
)
BATCH_SECONDS: Final = Histogram(
    "watchfloor_archive_batch_seconds",
    "Seconds from a batch's arrival to its commit, retries included",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600),
)
FAILURES: Final = Counter(
    "watchfloor_archive_failures_total", "Attempts that failed: the sink was away", ["sink"]
)
DEAD_LETTERS: Final = Counter(
    "watchfloor_archive_dead_letters_total", "Records that cannot be archived, by topic", ["topic"]
)
LAG: Final = Gauge(
    "watchfloor_archive_lag_records", "Records not yet archived, by topic", ["topic"]
)
BLOB_BYTES: Final = Gauge(
    "watchfloor_archive_blob_bytes", "Bytes in the blob store at its last sweep"
)
SWEPT: Final = Counter(
    "watchfloor_archive_blobs_swept_total", "Blobs that their age or the quota took"
)
