"""One camera's detection, from a picture to completed evidence.

Finding objects and following them are apart, because the first may run in any thread and out of
order while the second is strictly in order:

    detections = eye.look(image, t)            # a worker thread
    outcome = camera.advance(detections, …)    # in capture order

With a model the eye is the model itself and is shared by all cameras. Without one it is the
camera's own `MotionDetector`, which has a memory: its calls have to be in order as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from agents.detect.boxes import Detections
from agents.detect.motion import MotionDetector
from agents.detect.paths import UnitBox
from agents.detect.picture import Picture
from agents.detect.session import Detector
from agents.detect.tracking import FinishedTrack, Tracker, TrackState
from agents.detect.zones import Completion, WatchedZone, ZoneState, watch

__all__ = ["CameraDetector", "Eye", "FrameOutcome", "ModelEye", "MotionEye", "Seen"]

MOTION = "motion"
"""The model's name where there is none."""


class Eye(Protocol):
    """Finds objects. ordered: calls have to be in capture order, one camera an eye."""

    ordered: bool

    @property
    def name(self) -> str:
        """The model's name, `motion` where there is none."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Label names; none without a model."""

    @property
    def start_score(self) -> float:
        """What a detection needs to begin a track."""

    def look(self, image: Picture, t: datetime) -> Detections:
        """What is in a (H, W, 3) uint8 BGR picture captured at t."""


class ModelEye:
    """A model: without memory, so any thread may use it for any camera."""

    ordered = False

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    @property
    def name(self) -> str:
        """The model's."""
        return self._detector.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's."""
        return self._detector.classes

    @property
    def start_score(self) -> float:
        """The model's."""
        return self._detector.start_score

    def look(self, image: Picture, t: datetime) -> Detections:
        """What is in the picture."""
        return self._detector.infer(image)


class MotionEye:
    """One camera's motion, where there is no model."""

    ordered = True
    name = MOTION
    classes: tuple[str, ...] = ()
    start_score = 0.5

    def __init__(self) -> None:
        self._motion = MotionDetector()

    def look(self, image: Picture, t: datetime) -> Detections:
        """What moves in the picture; t must grow from call to call."""
        return self._motion.detect(image, t)


@dataclass(frozen=True, slots=True)
class Seen:
    """One detection of a frame; label and score are None without a model."""

    label: str | None
    score: float | None
    box: UnitBox
    track: int | None


@dataclass(frozen=True, slots=True)
class FrameOutcome:
    """What a frame led to. seen: its detections, best first. finished: tracks that have ended."""

    seen: tuple[Seen, ...]
    tracks: tuple[TrackState, ...]
    completions: tuple[Completion, ...]
    finished: tuple[FinishedTrack, ...]


class CameraDetector:
    """Tracks and zones of one camera.

    Deterministic: the same detections at the same times give the same outcomes. To warm one
    after a restart, advance it over the frames that were processed already and ignore what it
    returns. rate: frames a second that the camera usually sends.
    """

    def __init__(
        self, *, classes: Sequence[str] = (), start_score: float = 0.5, rate: float = 5.0
    ) -> None:
        self._classes = tuple(classes)
        self._start_score = start_score
        self._rate = rate
        self.reset()

    @classmethod
    def for_eye(cls, eye: Eye, rate: float = 5.0) -> CameraDetector:
        """One whose labels and scores are that eye's."""
        return cls(classes=eye.classes, start_score=eye.start_score, rate=rate)

    def reset(self) -> None:
        """Forgets everything, as if new."""
        self._tracker = Tracker(
            rate=self._rate, start_score=self._start_score, classes=self._classes
        )
        self._stays: ZoneState = MappingProxyType({})
        self._last: datetime | None = None

    def advance(
        self,
        detections: Detections,
        t: datetime,
        seq: int,
        *,
        zones: Sequence[WatchedZone],
        aspect: float = 16 / 9,
    ) -> FrameOutcome:
        """One frame, in capture order. aspect: the picture's width over its height.

        A frame that is not later than the one before changes nothing: it has been seen.
        """
        if self._last is not None and t <= self._last:
            return FrameOutcome((), (), (), ())
        self._last = t
        update = self._tracker.update(detections, t, seq, aspect)
        self._stays, completions = watch(self._stays, zones, update.tracks, t)
        return FrameOutcome(
            seen=self._seen(detections, update.owners),
            tracks=update.tracks,
            completions=completions,
            finished=update.finished,
        )

    def finish(self) -> tuple[FinishedTrack, ...]:
        """Ends all tracks and forgets everything: a file is over, a camera is gone."""
        finished = self._tracker.finish()
        self.reset()
        return finished

    def _seen(self, detections: Detections, owners: tuple[int | None, ...]) -> tuple[Seen, ...]:
        seen = []
        for index, owner in enumerate(owners):
            x1, y1, x2, y2 = (round(float(v), 6) for v in detections.boxes[index])
            number = int(detections.classes[index])
            label = self._classes[number] if 0 <= number < len(self._classes) else None
            score = None if label is None else round(float(detections.scores[index]), 4)
            seen.append(Seen(label=label, score=score, box=(x1, y1, x2, y2), track=owner))
        return tuple(seen)
