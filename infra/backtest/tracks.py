"""Changed zones tried on `camera.tracks.v1`: the events that a track would have made.

A track's record has its simplified path. It is put back frame by frame, in a straight line from
point to point, and goes through the same `watch` as live frames do. What is not in the record is
taken as it was at large: the track's median score stands for the median of its last scores, and
frames are as far apart as the track's mean. So a dwell is exact to about a frame, and an event's
box to the path's tolerance of a hundredth of the picture.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from agents.detect.tracking import TrackState
from agents.detect.zones import WatchedZone, ZoneState, watch
from schemas.detection import Box, PathPoint, TrackPath
from schemas.document import Document, Site, Zone
from schemas.event import EventSource, SecurityEvent
from schemas.ids import detector_event_id
from topics.catalogue import TRACKS

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["changed_zones", "read_tracks", "tried"]

MOST_STEPS: Final = 4_000
LEAST_STEP: Final = timedelta(milliseconds=40)
MOST_STEP: Final = timedelta(seconds=1)
BIRTH: Final = 3
"""Sightings before a track is confirmed, as the tracker has it (`MIN_HITS`)."""

Key = tuple[str, str, str]
"""Site, camera and zone."""


def watched(site: Site) -> dict[Key, WatchedZone]:
    """What the detector looks for, by camera and zone."""
    return {
        (site.site_id, camera, zone.zone_id): _watched(zone, camera)
        for zone in site.zones
        for camera in zone.camera_ids
    }


def _watched(zone: Zone, camera: str) -> WatchedZone:
    return WatchedZone(
        zone_id=zone.zone_id,
        polygon=tuple(zone.polygons.get(camera, ())),
        labels=frozenset(zone.labels),
        min_confidence=zone.min_confidence,
        dwell=timedelta(seconds=zone.dwell_sec),
    )


def changed_zones(
    before: Document, after: Document
) -> tuple[dict[Key, WatchedZone | None], dict[Key, WatchedZone | None]]:
    """The zones that a detector would see with other eyes, as each document has them."""
    old = {key: zone for site in before.sites for key, zone in watched(site).items()}
    new = {key: zone for site in after.sites for key, zone in watched(site).items()}
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return {key: old.get(key) for key in keys}, {key: new.get(key) for key in keys}


def read_tracks(
    settings: Settings, cameras: frozenset[tuple[str, str]], since: datetime, until: datetime
) -> Iterator[TrackPath]:
    """Those cameras' tracks that were seen in the span, each once."""
    from schemas.base import SchemaError, decode
    from topics.reader import read

    known: set[str] = set()
    keys = {f"{site}/{camera}".encode() for site, camera in cameras}
    # A track is written when it ends, so never before it was first seen.
    for record in read(settings, [TRACKS.name], start=since):
        if record.key not in keys or record.value is None:
            continue
        try:
            track = decode(record.value, TrackPath)
        except SchemaError:
            continue
        if track.first_seen < until and track.last_seen >= since and track.track_id not in known:
            known.add(track.track_id)
            yield track


def tried(
    tracks: Iterable[TrackPath], documents: Sequence[Mapping[Key, WatchedZone | None]]
) -> tuple[list[dict[str, list[SecurityEvent]]], frozenset[str]]:
    """For each document, by site and in order of time, the events that its zones make of the
    tracks; and the tracks' ids. The tracks are read once."""
    zones = [_by_camera(one) for one in documents]
    found: list[dict[str, list[SecurityEvent]]] = [{} for _ in documents]
    names: set[str] = set()
    for track in tracks:
        names.add(track.track_id)
        for mine, events in zip(zones, found, strict=True):
            here = mine.get((track.site_id, track.camera_id))
            if here:
                events.setdefault(track.site_id, []).extend(_events(track, here))
    return [{s: _with_ids(e) for s, e in one.items()} for one in found], frozenset(names)


def _by_camera(
    zones: Mapping[Key, WatchedZone | None],
) -> dict[tuple[str, str], list[WatchedZone]]:
    found: dict[tuple[str, str], list[WatchedZone]] = {}
    for (site, camera, _), zone in zones.items():
        if zone is not None:
            found.setdefault((site, camera), []).append(zone)
    return found


def _events(track: TrackPath, zones: Sequence[WatchedZone]) -> Iterator[SecurityEvent]:
    state: ZoneState = {}
    for number, point in enumerate(frames(track), 1):
        seen = TrackState(
            number=0,
            label=track.label,
            first_seen=track.first_seen,
            first_seq=track.path[0].seq,
            ordinal=0,
            last_seen=point.at,
            box=point.box,
            score=track.median_score,
            median_score=track.median_score,
            hits=number,
            seen=True,
            confirmed=number >= BIRTH,
        )
        state, completions = watch(state, zones, (seen,), point.at)
        for one in completions:
            yield SecurityEvent(
                event_id="-",
                site_id=track.site_id,
                event_type=one.event_type,
                occurred_at=one.at,
                source=EventSource.DETECTOR,
                camera_id=track.camera_id,
                zone_id=one.zone_id,
                label=track.label,
                confidence=one.confidence,
                track_id=track.track_id,
                first_frame=track.path[0].seq,
                frame=point.seq,
                box=point.box,
            )


def frames(track: TrackPath) -> list[PathPoint]:
    """The track frame by frame: each of its points, and what lies between them."""
    path = track.path
    if len(path) < 2:
        return list(path)
    length = path[-1].at - path[0].at
    step = length / max(1, track.frames - 1)
    step = max(min(max(step, LEAST_STEP), MOST_STEP), length / MOST_STEPS)
    times = [point.at for point in path]
    every = set(times)
    if step > timedelta(0):
        every |= {path[0].at + step * n for n in range(1, int(length / step))}
    return [_at(path, times, at) for at in sorted(every)]


def _at(path: Sequence[PathPoint], times: Sequence[datetime], at: datetime) -> PathPoint:
    """Where the track was at a time, in a straight line between its points."""
    after = bisect_right(times, at)
    first = path[after - 1]
    if after == len(path) or first.at == at:
        return first
    second = path[after]
    share = (at - first.at) / (second.at - first.at)
    a, b = first.box, second.box
    box: Box = (
        a[0] + share * (b[0] - a[0]),
        a[1] + share * (b[1] - a[1]),
        a[2] + share * (b[2] - a[2]),
        a[3] + share * (b[3] - a[3]),
    )
    return PathPoint(at=at, seq=first.seq, box=box, score=first.score)


def _with_ids(events: list[SecurityEvent]) -> list[SecurityEvent]:
    """In order of time, with the ids that the detector gives."""
    ordered = sorted(
        events,
        key=lambda one: (
            one.occurred_at,
            one.camera_id or "",
            one.zone_id or "",
            one.label or "",
            one.box or (),
            one.track_id or "",
        ),
    )
    numbers: dict[tuple[str, str, datetime], int] = {}
    named = []
    for one in ordered:
        place = (one.camera_id or "", one.zone_id or "", one.occurred_at)
        ordinal = numbers[place] = numbers.get(place, -1) + 1
        name = detector_event_id(
            one.site_id, place[0], place[1], one.event_type, one.occurred_at, ordinal
        )
        named.append(replace(one, event_id=name))
    return named
