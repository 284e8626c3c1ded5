"""The records of a processed frame: detections, tracks, events, and the events' pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from agents.detect.engine import FrameOutcome, Seen
from agents.detect.tracking import FinishedTrack, TrackState
from agents.detect.zones import Completion, WatchedZone
from agents.runtime.configuration import SiteConfig
from schemas.detection import Detection, FrameDetections, PathPoint, TrackPath
from schemas.event import EventSource, SecurityEvent
from schemas.frame import FrameMeta, SnapshotMeta
from schemas.ids import detector_event_id, frame_id, snapshot_id, track_id
from topics.catalogue import DETECTIONS, EVENTS, SNAPSHOTS, TRACKS
from topics.record import OutRecord, Provenance, make

__all__ = ["BEFORE", "Maker", "Shot", "frame_records", "track_records", "watched_zones"]

BEFORE = 3
"""Pictures of an event before the completing frame."""
SOURCE = "watchfloor/detect"


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame as it came: what describes it, and its JPEG."""

    meta: FrameMeta
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made it: the model's name and sha256 (None without a model), the document's revision."""

    model: str
    sha256: str | None
    revision: int | None

    def provenance(self) -> Provenance:
        """As headers say it."""
        return Provenance(config_revision=self.revision, model_sha256=self.sha256)


def watched_zones(site: SiteConfig | None, camera_id: str) -> tuple[WatchedZone, ...]:
    """A camera's zones as the tracker's side of detect needs them."""
    if site is None:
        return ()
    return tuple(
        WatchedZone(
            zone_id=zone.zone_id,
            polygon=tuple(zone.polygons.get(camera_id, ())),
            labels=frozenset(zone.labels),
            min_confidence=zone.min_confidence,
            dwell=timedelta(seconds=zone.dwell_sec),
        )
        for zone in site.zones_by_camera.get(camera_id, ())
    )


def _key(meta: FrameMeta) -> str:
    return f"{meta.site_id}/{meta.camera_id}"


def _track_id(meta: FrameMeta, track: TrackState) -> str:
    return track_id(
        meta.site_id, meta.camera_id, track.label or "motion", track.first_seen, track.ordinal
    )


def frame_records(
    shot: Shot, before: Sequence[Shot], outcome: FrameOutcome, maker: Maker, detector_ms: float
) -> list[OutRecord]:
    """Everything that a processed frame leads to; before: the frames before it, newest last."""
    meta = shot.meta
    names = {track.number: _track_id(meta, track) for track in outcome.tracks}
    records: list[OutRecord] = []
    if outcome.seen:
        records.append(_detections(meta, outcome.seen, names, maker, detector_ms))
    for completion in outcome.completions:
        records += _event(shot, before, completion, maker, detector_ms)
    records += track_records(meta, outcome.finished, maker)
    return records


def _detections(
    meta: FrameMeta, seen: Sequence[Seen], names: dict[int, str], maker: Maker, detector_ms: float
) -> OutRecord:
    message = FrameDetections(
        site_id=meta.site_id,
        camera_id=meta.camera_id,
        captured_at=meta.captured_at,
        seq=meta.seq,
        model=maker.model,
        detections=tuple(
            Detection(
                label=one.label,
                score=one.score,
                box=one.box,
                track=None if one.track is None else names.get(one.track),
            )
            for one in seen[:300]
        ),
        detector_ms=round(detector_ms, 3),
    )
    return make(
        DETECTIONS,
        message,
        id=frame_id(meta.site_id, meta.camera_id, meta.captured_at, meta.seq),
        time=meta.captured_at,
        source=SOURCE,
        key=_key(meta),
        provenance=maker.provenance(),
    )


def _event(
    shot: Shot, before: Sequence[Shot], completion: Completion, maker: Maker, detector_ms: float
) -> list[OutRecord]:
    meta = shot.meta
    track = completion.track
    event_id = detector_event_id(
        meta.site_id,
        meta.camera_id,
        completion.zone_id,
        completion.event_type,
        meta.captured_at,
        completion.ordinal,
    )
    shots = [*before[-BEFORE:], shot]
    pictures = [
        _snapshot(event_id, one, position)
        for position, one in enumerate(shots, start=1 - len(shots))
    ]
    event = SecurityEvent(
        event_id=event_id,
        site_id=meta.site_id,
        event_type=completion.event_type,
        occurred_at=meta.captured_at,
        source=EventSource.DETECTOR,
        camera_id=meta.camera_id,
        zone_id=completion.zone_id,
        label=track.label,
        confidence=completion.confidence,
        track_id=_track_id(meta, track),
        first_frame=track.first_seq,
        frame=meta.seq,
        box=track.box,
        snapshots=len(pictures),
        detector_ms=round(detector_ms, 3),
    )
    record = make(
        EVENTS,
        event,
        id=event_id,
        time=meta.captured_at,
        source=SOURCE,
        key=meta.site_id,
        subject=meta.camera_id,
        provenance=maker.provenance(),
    )
    return [*pictures, record]


def _snapshot(event_id: str, shot: Shot, position: int) -> OutRecord:
    meta = shot.meta
    return make(
        SNAPSHOTS,
        SnapshotMeta(
            event_id=event_id,
            site_id=meta.site_id,
            camera_id=meta.camera_id,
            captured_at=meta.captured_at,
            position=position,
            width=meta.width,
            height=meta.height,
        ),
        id=snapshot_id(meta.site_id, event_id, position),
        time=meta.captured_at,
        source=SOURCE,
        key=_key(meta),
        subject=event_id,
        payload=shot.jpeg,
    )


def track_records(
    meta: FrameMeta, finished: Sequence[FinishedTrack], maker: Maker
) -> list[OutRecord]:
    """The paths of tracks that ended."""
    records = []
    for one in finished:
        track = one.state
        message = TrackPath(
            track_id=_track_id(meta, track),
            site_id=meta.site_id,
            camera_id=meta.camera_id,
            label=track.label,
            first_seen=track.first_seen,
            last_seen=track.last_seen,
            frames=track.hits,
            median_score=one.median_score,
            model=maker.model,
            path=tuple(
                PathPoint(at=point.at, seq=point.seq, box=point.box, score=point.score)
                for point in one.path[:512]
            ),
        )
        records.append(
            make(
                TRACKS,
                message,
                id=message.track_id,
                time=track.last_seen,
                source=SOURCE,
                key=_key(meta),
                provenance=maker.provenance(),
            )
        )
    return records
