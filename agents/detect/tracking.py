"""Tracks: which detection is whom, over time.

Frame by frame association is ByteTrack's (arXiv 2110.06864: strong detections first, then the
weak ones with what is left), by the `trackers` library, one tracker a label, so that a car never
becomes a person. What the library does not know is time: it counts frames, and ours come at
irregular intervals because a motion gate leaves out what did not move. So identity over gaps is
decided here, and a track's age is time (docs/adr/0004-tracker.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.detect.boxes import Detections
from agents.detect.identity import (
    HIDDEN_MEMORY,
    Reach,
    Sighting,
    behind,
    covers,
    cut_off,
    reach,
    travelled,
)
from agents.detect.paths import Path, Point, UnitBox

__all__ = ["MEDIAN_OF", "FinishedTrack", "TrackState", "TrackUpdate", "Tracker"]

MEDIAN_OF = 5
"""A track is as credible as the median of so many of its last scores: one slip counts nothing."""

MIN_HITS = 3
"""Sightings before a track is confirmed: the fewest of which a median outvotes one slip."""

MIN_TRAVEL = 0.5
"""Without a model only what has moved by half its size is real: leaves and reflections stay."""

MIN_IOU = 0.1
"""ByteTrack's own gate for a match from frame to frame."""

LIBRARY_MEMORY = timedelta(seconds=1)
"""How long the library coasts a lost track by its velocity; longer, it would drift onto others."""

MAX_CATCH_UP = 3
"""Steps that the library's motion model may be moved on over a gap; what is still there then
has not moved, or the gate would have sent frames."""

LOOKED_AT_MOST = timedelta(seconds=1)
"""What one frame without a track counts for, however long the gap before it was."""

SCALE = 1000.0
"""The library's motion noise is meant for pixels; boxes are in 0..1."""

SCORE_BINS = 100


@dataclass(frozen=True, slots=True)
class TrackState:
    """A track after a frame.

    number: unique within one tracker. ordinal: among the tracks of its label born on the same
    frame, ordered by box; with label and first_seen it makes the track's id. median_score: of the
    last MEDIAN_OF scores; it and score are None without a model. seen: on this frame. confirmed:
    seen often enough to be real.
    """

    number: int
    label: str | None
    first_seen: datetime
    first_seq: int
    ordinal: int
    last_seen: datetime
    box: UnitBox
    score: float | None
    median_score: float | None
    hits: int
    seen: bool
    confirmed: bool


@dataclass(frozen=True, slots=True)
class FinishedTrack:
    """A confirmed track that has ended. median_score: over all its frames, to a hundredth."""

    state: TrackState
    median_score: float | None
    path: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class TrackUpdate:
    """A frame's outcome: the living tracks by label and box, the confirmed ones that ended, and
    for each detection the number of its track, None where it has none."""

    tracks: tuple[TrackState, ...]
    finished: tuple[FinishedTrack, ...]
    owners: tuple[int | None, ...]


@dataclass(slots=True, eq=False)
class _Track:
    """A track while it lives. handle: the library's object for it, while the library has one."""

    number: int
    label: str | None
    first_seen: datetime
    first_seq: int
    ordinal: int
    sightings: deque[Sighting]
    scored: bool
    handle: Any = None
    hits: int = 0
    missed: timedelta = timedelta(0)
    origin: Sighting | None = None
    travel: float = 0.0
    hider: _Track | None = None
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=MEDIAN_OF))
    histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(SCORE_BINS + 1, np.int64))
    path: Path = field(default_factory=Path)

    def see(self, t: datetime, seq: int, box: UnitBox, score: float, aspect: float) -> None:
        self.hits += 1
        self.missed = timedelta(0)
        self.scores.append(score)
        self.histogram[round(score * SCORE_BINS)] += 1
        here = Sighting(t, box, aspect)
        if self.origin is None or (cut_off(self.origin) and not cut_off(here)):
            # Who comes in is cut off at first; only from here on the whole box can move.
            self.origin = here
        self.travel = max(self.travel, travelled(self.origin, here))
        self.hider = None
        self.sightings.append(here)
        self.path.add(Point(t, seq, box, score if self.scored else None))

    def state(self, t: datetime) -> TrackState:
        last = self.sightings[-1]
        return TrackState(
            number=self.number,
            label=self.label,
            first_seen=self.first_seen,
            first_seq=self.first_seq,
            ordinal=self.ordinal,
            last_seen=last.at,
            box=last.box,
            score=self.scores[-1] if self.scored else None,
            median_score=median(self.scores) if self.scored else None,
            hits=self.hits,
            seen=last.at == t,
            confirmed=self.confirmed,
        )

    def reach(self, t: datetime) -> Reach | None:
        """Where it may be found again at t; None: nowhere any more."""
        last = self.sightings[-1]
        if self.hider is not None and t - last.at <= HIDDEN_MEMORY:
            return behind(last, self.hider.sightings[-1])
        return reach(self.sightings, self.missed, t)

    @property
    def confirmed(self) -> bool:
        return self.hits >= MIN_HITS and (self.scored or self.travel >= MIN_TRAVEL)

    def finish(self) -> FinishedTrack:
        middle = int(np.searchsorted(np.cumsum(self.histogram), (self.hits + 1) // 2))
        return FinishedTrack(
            state=self.state(self.sightings[-1].at),
            median_score=middle / SCORE_BINS if self.scored else None,
            path=self.path.result(),
        )


class Tracker:
    """Tracks of one camera. Deterministic: the same detections at the same times, the same tracks.

    rate: frames a second that the camera usually sends. start_score: what a detection needs to
    begin a track; weaker ones only continue one. classes: label names, by the detections' class
    index; empty: without a model, labels and scores are None.
    """

    def __init__(
        self, *, rate: float = 5.0, start_score: float = 0.4, classes: Sequence[str] = ()
    ) -> None:
        self._rate = rate
        self._start_score = start_score
        self._classes = tuple(classes)
        self._lanes: dict[int, _Lane] = {}
        self._last: datetime | None = None
        self._numbers = 0

    def update(
        self, detections: Detections, t: datetime, seq: int, aspect: float = 16 / 9
    ) -> TrackUpdate:
        """One frame; t grows from call to call. aspect: the picture's width over its height."""
        gap = t - self._last if self._last is not None else timedelta(0)
        self._last = t
        # Weak detections begin nothing: without a lane there is nothing for them to continue.
        strong = detections.classes[detections.scores >= self._start_score]
        classes = set(self._lanes) | {int(index) for index in strong}
        finished: list[FinishedTrack] = []
        living: list[TrackState] = []
        owners: list[int | None] = [None] * len(detections)
        for index in sorted(classes):
            lane = self._lanes.get(index)
            if lane is None:
                lane = self._lanes[index] = _Lane(self._rate, self._start_score)
            ended = lane.age(t)
            finished += [track.finish() for track in ended if track.confirmed]
            lane.catch_up(gap)
            places = np.flatnonzero(detections.classes == index)
            owned, born = lane.associate(
                detections.take(places), t, seq, aspect, self._label(index)
            )
            for track in born:
                track.number = self._numbers
                self._numbers += 1
            for place, track in owned.items():
                owners[places[place]] = track.number
            lane.miss(t, gap)
            living += [track.state(t) for track in lane.tracks]
            if not lane.tracks:
                del self._lanes[index]
        living.sort(key=lambda track: (track.label or "", track.box))
        return TrackUpdate(tuple(living), tuple(finished), tuple(owners))

    def finish(self) -> tuple[FinishedTrack, ...]:
        """Ends all tracks: a file is over, a camera is gone."""
        tracks = [track for lane in self._lanes.values() for track in lane.tracks]
        self._lanes.clear()
        self._last = None
        return tuple(track.finish() for track in tracks if track.confirmed)

    def _label(self, index: int) -> str | None:
        return self._classes[index] if 0 <= index < len(self._classes) else None


class _Lane:
    """The tracks of one label."""

    def __init__(self, rate: float, start_score: float) -> None:
        from trackers import ByteTrackTracker

        self._rate = rate
        self._start_score = start_score
        memory = max(2, round(rate * LIBRARY_MEMORY.total_seconds()))
        # frame_rate 30 makes lost_track_buffer a plain number of steps.
        self._library = ByteTrackTracker(
            lost_track_buffer=memory,
            frame_rate=30.0,
            track_activation_threshold=start_score,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=MIN_IOU,
            high_conf_det_threshold=start_score,
        )
        self.tracks: list[_Track] = []

    def age(self, t: datetime) -> list[_Track]:
        """Ends those that cannot come back any more, and hands them over."""
        ended = []
        for track in self.tracks:
            if track.reach(t) is None:
                ended.append(track)
                self._forget(track)
        self.tracks = [track for track in self.tracks if track not in ended]
        return ended

    def miss(self, t: datetime, gap: timedelta) -> None:
        """For those not seen on this frame: who hides them, else how long they are missed.

        In a gap nobody looked.
        """
        seen = [track for track in self.tracks if track.sightings[-1].at == t]
        for track in self.tracks:
            if track.sightings[-1].at == t:
                continue
            if track.hider is not None and track.hider.sightings[-1].at == t:
                continue
            last = track.sightings[-1].box
            hiders = [front for front in seen if covers(front.sightings[-1].box, last)]
            track.hider = hiders[0] if hiders else None
            if track.hider is None:
                track.missed += min(gap, LOOKED_AT_MOST)

    def catch_up(self, gap: timedelta) -> None:
        """Moves the library's motion model on over frames that were left out."""
        steps = min(round(gap.total_seconds() * self._rate), MAX_CATCH_UP)
        for _ in range(steps - 1):
            if self._library.tracks:
                self._library.update(_library_input(np.zeros((0, 4)), np.zeros(0)))

    def associate(
        self, detections: Detections, t: datetime, seq: int, aspect: float, label: str | None
    ) -> tuple[dict[int, _Track], list[_Track]]:
        """Detections to tracks: by the detection's place, and the new ones ordered by box."""
        boxes = detections.boxes.astype(np.float64)
        scores = detections.scores
        found = self._library.update(_library_input(boxes * SCALE, scores))
        by_handle = {id(track.handle): track for track in self.tracks if track.handle is not None}
        by_number = {handle.tracker_id: handle for handle in self._library.tracks}
        owned: dict[int, _Track] = {}
        loose: list[int] = []
        for index, number in sorted(
            zip(_indices(found), np.asarray(found.tracker_id).tolist(), strict=True)
        ):
            track = by_handle.get(id(by_number.get(number))) if number >= 0 else None
            if track is not None:
                track.see(t, seq, _unit(boxes[index]), float(scores[index]), aspect)
                owned[index] = track
            elif scores[index] >= self._start_score:
                loose.append(index)
        born = self._settle(loose, owned, boxes, scores, t, seq, aspect, label)
        return owned, born

    def _settle(
        self,
        loose: list[int],
        owned: dict[int, _Track],
        boxes: NDArray[np.float64],
        scores: NDArray[np.float32],
        t: datetime,
        seq: int,
        aspect: float,
        label: str | None,
    ) -> list[_Track]:
        """Detections that the library took for new: lost tracks that are back, else births."""
        handles = {
            handle.get_state_bbox().astype(np.float32).tobytes(): handle
            for handle in self._library.tracks
            if handle.time_since_update == 0
        }
        pairs = []
        lost = [track for track in self.tracks if track.sightings[-1].at != t]
        for index in loose:
            here = Sighting(t, _unit(boxes[index]), aspect)
            for track in lost:
                allowed = track.reach(t)
                distance = allowed.distance(here) if allowed is not None else None
                if distance is not None:
                    pairs.append((distance, index, track.number, track))
        for _, index, _, track in sorted(pairs, key=lambda pair: pair[:3]):
            if index in owned or track.sightings[-1].at == t:
                continue
            owned[index] = track
            self._forget(track)
            track.handle = handles.get((boxes[index] * SCALE).astype(np.float32).tobytes())
            track.see(t, seq, _unit(boxes[index]), float(scores[index]), aspect)
        born = sorted((i for i in loose if i not in owned), key=lambda i: _unit(boxes[i]))
        for ordinal, index in enumerate(born):
            track = _Track(
                number=-1,
                label=label,
                first_seen=t,
                first_seq=seq,
                ordinal=ordinal,
                sightings=deque(maxlen=32),
                scored=label is not None,
                handle=handles.get((boxes[index] * SCALE).astype(np.float32).tobytes()),
            )
            track.see(t, seq, _unit(boxes[index]), float(scores[index]), aspect)
            self.tracks.append(track)
            owned[index] = track
        return self.tracks[len(self.tracks) - len(born) :]

    def _forget(self, track: _Track) -> None:
        if track.handle is not None:
            self._library.tracks = [h for h in self._library.tracks if h is not track.handle]
            track.handle = None


def _library_input(boxes: NDArray[np.float64], scores: NDArray[Any]) -> Any:
    from supervision import Detections as LibraryDetections

    return LibraryDetections(
        xyxy=np.asarray(boxes, np.float32).reshape(-1, 4),
        confidence=np.asarray(scores, np.float32),
        data={"index": np.arange(len(scores))},
    )


def _indices(found: Any) -> list[int]:
    return [int(index) for index in found.data.get("index", ())]


def _unit(box: NDArray[np.float64]) -> UnitBox:
    """Six digits, so that the last bits of a float decide neither an id nor an order."""
    x1, y1, x2, y2 = (round(float(value), 6) for value in box)
    return x1, y1, x2, y2
