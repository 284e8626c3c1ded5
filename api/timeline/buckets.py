"""Buckets of a stretch of time, and what was wrong during it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from api.timeline.schemas import Condition, Lane, Span

__all__ = ["MAX_BUCKETS", "Count", "Told", "bucket_of", "conditions", "lanes"]

MAX_BUCKETS: Final = 144
WIDTHS_S: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200, 86_400),
)
"""Widths that people read on a clock."""


def bucket_of(span: timedelta) -> tuple[float, int]:
    """The seconds of a bucket, and how many: at most MAX_BUCKETS, the last may be short."""
    seconds = max(span.total_seconds(), 1.0)
    width = next((w for w in WIDTHS_S if seconds <= w * MAX_BUCKETS), seconds / MAX_BUCKETS)
    count = int(-(-seconds // width))
    return float(width), min(count, MAX_BUCKETS)


@dataclass(frozen=True, slots=True)
class Count:
    """Events of a camera in a bucket."""

    site_id: str
    camera_id: str | None
    bucket: int
    events: int


def lanes(counts: Iterable[Count], buckets: int) -> tuple[Lane, ...]:
    """A lane a camera, by site and camera; what has no camera comes last at its site."""
    found: dict[tuple[str, str | None], list[int]] = {}
    for count in counts:
        lane = found.setdefault((count.site_id, count.camera_id), [0] * buckets)
        # An event at the very end of the last, short bucket.
        lane[min(max(count.bucket, 0), buckets - 1)] += count.events
    order = sorted(found.items(), key=lambda item: (item[0][0], item[0][1] is None, item[0][1]))
    return tuple(
        Lane(site_id=site, camera_id=camera, events=tuple(events))
        for (site, camera), events in order
    )


@dataclass(frozen=True, slots=True)
class Told:
    """Watch told that a condition began, or that it ended."""

    site_id: str
    device_id: str
    condition: Condition
    at: datetime
    ended: bool


def conditions(told: Iterable[Told], begin: datetime, end: datetime) -> list[Span]:
    """The spans of conditions that touch [begin, end), the newest first.

    One that is told to begin twice began the first time; an end without a beginning ends what
    began before anything that is told here.
    """
    begun: dict[tuple[str, str, Condition], datetime] = {}
    known: set[tuple[str, str, Condition]] = set()
    spans: list[Span] = []

    def add(
        key: tuple[str, str, Condition], since: datetime | None, until: datetime | None
    ) -> None:
        if (until is None or until > begin) and (since is None or since < end):
            spans.append(
                Span(site_id=key[0], device_id=key[1], condition=key[2], from_=since, to=until)
            )

    for one in sorted(told, key=lambda one: one.at):
        key = (one.site_id, one.device_id, one.condition)
        if not one.ended:
            begun.setdefault(key, one.at)
        elif key in begun:
            add(key, begun.pop(key), one.at)
        elif key not in known:
            add(key, None, one.at)
        known.add(key)
    for key, since in begun.items():
        add(key, since, None)
    spans.sort(key=lambda span: (span.from_ is None, span.from_ or begin), reverse=True)
    return spans
