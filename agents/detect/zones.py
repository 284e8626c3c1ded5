"""Zones: who has been where for long enough. A pure state machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

import cv2
import numpy as np

from agents.detect.paths import UnitBox
from agents.detect.tracking import TrackState

__all__ = ["Completion", "Stay", "WatchedZone", "ZoneState", "foot", "inside", "watch"]

LEAVE = timedelta(seconds=2)
"""Outside for so long is a clear leave; less is a box that jitters at the border."""

SIGHTINGS = 2
"""Inside on so many sightings in a row before it counts: one box may be a detector's slip."""


@dataclass(frozen=True, slots=True)
class WatchedZone:
    """A zone as one camera sees it.

    polygon: points in 0..1 of the picture; none: the whole picture. labels: none takes every
    label. min_confidence: what the median of a track's last scores has to reach. dwell: how long
    it has to stay.
    """

    zone_id: str
    polygon: tuple[tuple[float, float], ...] = ()
    labels: frozenset[str] = frozenset()
    min_confidence: float = 0.8
    dwell: timedelta = timedelta(0)

    def takes(self, track: TrackState) -> bool:
        """Whether this kind of track counts; without a model there is no label to ask about."""
        return track.label is None or not self.labels or track.label in self.labels

    def event_type(self, track: TrackState) -> str:
        """`motion` without a model, `loitering` where it had to stay, else `object_in_zone`."""
        if track.label is None:
            return "motion"
        return "loitering" if self.dwell else "object_in_zone"


@dataclass(frozen=True, slots=True)
class Stay:
    """A track's stay in a zone.

    entered: first sighting inside. sightings: inside, in a row. outside_since: None while inside.
    completed: it has had its event.
    """

    entered: datetime
    sightings: int = 1
    outside_since: datetime | None = None
    completed: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """The evidence for an event is complete on this frame.

    ordinal: among those that complete on this frame in this zone, ordered by label and box; part
    of the event's id. confidence: the median of the track's last scores, None without a model.
    """

    zone_id: str
    event_type: str
    track: TrackState
    entered: datetime
    at: datetime
    confidence: float | None
    ordinal: int


ZoneState = Mapping[tuple[str, int], Stay]
"""Stays by zone and track number; start with an empty one."""


def foot(box: UnitBox) -> tuple[float, float]:
    """Where an object stands: the bottom centre of its box."""
    return (box[0] + box[2]) / 2, box[3]


def inside(polygon: Sequence[tuple[float, float]], point: tuple[float, float]) -> bool:
    """Whether a point is in the polygon or on its border; no polygon: always."""
    if not polygon:
        return True
    shape = np.asarray(polygon, np.float32)
    return bool(cv2.pointPolygonTest(shape, point, False) >= 0)


def watch(
    state: ZoneState, zones: Iterable[WatchedZone], tracks: Sequence[TrackState], t: datetime
) -> tuple[ZoneState, tuple[Completion, ...]]:
    """One frame: `(state, zones, tracks, t) -> (state, completions)`.

    A completion comes once a stay, when a confirmed track is seen inside, its label counts, the
    median of its last scores has reached the zone's, and it has stayed. A track that is not seen
    neither enters nor leaves. Where zones change, the stays of those that are gone are forgotten.
    """
    after: dict[tuple[str, int], Stay] = {}
    completions: list[Completion] = []
    for zone in zones:
        completing: list[tuple[TrackState, Stay]] = []
        for track in tracks:
            if not zone.takes(track):
                continue
            key = (zone.zone_id, track.number)
            stay = _advance(state.get(key), zone, track, t)
            if stay is None:
                continue
            if not stay.completed and _is_complete(stay, zone, track, t):
                completing.append((track, stay))
                stay = replace(stay, completed=True)
            after[key] = stay
        completing.sort(key=lambda pair: (pair[0].label or "", pair[0].box))
        completions += [
            Completion(
                zone_id=zone.zone_id,
                event_type=zone.event_type(track),
                track=track,
                entered=stay.entered,
                at=t,
                confidence=None if track.label is None else track.median_score,
                ordinal=ordinal,
            )
            for ordinal, (track, stay) in enumerate(completing)
        ]
    return MappingProxyType(after), tuple(completions)


def _advance(stay: Stay | None, zone: WatchedZone, track: TrackState, t: datetime) -> Stay | None:
    """The stay after this frame; None where there is none."""
    if not track.seen:
        return stay
    if inside(zone.polygon, foot(track.box)):
        if stay is None:
            return Stay(entered=t)
        return replace(stay, sightings=stay.sightings + 1, outside_since=None)
    if stay is None:
        return None
    since = stay.outside_since or t
    if t - since >= LEAVE:
        return None
    return replace(stay, sightings=0, outside_since=since)


def _is_complete(stay: Stay, zone: WatchedZone, track: TrackState, t: datetime) -> bool:
    if not track.seen or not track.confirmed or stay.sightings < SIGHTINGS:
        return False
    if track.label is not None and (track.median_score or 0.0) < zone.min_confidence:
        return False
    return t - stay.entered >= zone.dwell
