"""The detector that needs no model: what moves in front of a background.

It sees gated frames: a few a second while something moves, one in ten seconds otherwise. So
everything that is learnt is learnt by elapsed time, never by the number of frames. Objects that
are followed are not learnt into the background while they move; what parks becomes a layer of its
own (`agents.detect.parked`), so that somebody who walks past a parked car is one object and the
car, when it drives off, is still itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from agents.detect.backdrop import Backdrop, strongest
from agents.detect.blobs import Blob, find_blobs, without_satellites
from agents.detect.boxes import Detections
from agents.detect.parked import ParkingLot
from agents.detect.people import may_be_several, split
from agents.detect.picture import Picture

__all__ = ["MotionDetector", "MotionPolicy"]

Grey = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class MotionPolicy:
    """What counts as an object.

    width: pixels of the picture that is looked at; its height follows. least_area: share of the
    picture, about a person at the far end of a yard. dark: mean brightness (0..255) below which a
    picture shows nothing. everywhere: share of the picture above which the scene changed rather
    than something in it. settle: after the first picture, or a changed scene, nothing is said for
    so long. ghost: a blob that has not changed for so long is asked whether it is an object or
    the place that one has left. park: one that has not changed for so long is parked. looks: how
    many blobs a frame OpenCV's people detector may look into.
    """

    width: int = 320
    least_area: float = 0.0012
    dark: float = 10.0
    everywhere: float = 0.5
    settle: timedelta = timedelta(seconds=1)
    ghost: timedelta = timedelta(seconds=1)
    park: timedelta = timedelta(seconds=10)
    looks: int = 2


STRONG, WEAK = 0.9, 0.3
"""A moving object may begin a track; a parked one only continues its own."""


class MotionDetector:
    """One camera's motion. Calls have to be in capture order; deterministic."""

    def __init__(self, policy: MotionPolicy | None = None) -> None:
        self._policy = policy or MotionPolicy()
        self._backdrop: Backdrop | None = None
        self._lot = ParkingLot()
        self._still: NDArray[np.float32] | None = None
        self._before: Picture | None = None
        self._at: datetime | None = None
        self._quiet_until: datetime | None = None

    def detect(self, image: Picture, t: datetime) -> Detections:
        """What moves, or moved and stands now, in a (H, W, 3) uint8 BGR picture captured at t.

        Boxes in 0..1; class -1; score STRONG, WEAK for what is parked.
        """
        policy = self._policy
        height, width = image.shape[:2]
        size = (policy.width, max(1, round(policy.width * height / width)))
        small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        if float(small.mean()) < policy.dark:
            return Detections.none()
        backdrop = self._backdrop
        if backdrop is None or backdrop.shape != small.shape or self._at is None:
            return self._begin(small, t)
        dt = max((t - self._at).total_seconds(), 0.0)
        self._at = t
        moved = backdrop.differences(small)
        if float(np.count_nonzero(moved)) > policy.everywhere * moved.size:
            return self._begin(small, t)
        still = self._stillness(small, dt)
        blobs = find_blobs(moved, backdrop.shadows(small, moved), policy.least_area * moved.size)
        blobs = self._without_ghosts(blobs, small, still, backdrop)
        blobs = self._park(blobs, small, still, backdrop)
        held = np.zeros(moved.shape, np.uint8)
        for blob in blobs:
            # The whole box: what looks like shade within it may be a grey shirt.
            x1, y1, x2, y2 = blob.box
            held[y1:y2, x1:x2] = 255
        backdrop.learn(small, held, moved, dt)
        if self._quiet_until is not None and t < self._quiet_until:
            return Detections.none()
        return self._detections(image, without_satellites(blobs), size)

    def _begin(self, small: Picture, t: datetime) -> Detections:
        self._backdrop = Backdrop(small)
        self._lot = ParkingLot()
        self._still = np.zeros(small.shape[:2], np.float32)
        self._before = small
        self._at = t
        self._quiet_until = t + self._policy.settle
        return Detections.none()

    def _stillness(self, small: Picture, dt: float) -> NDArray[np.float32]:
        """Seconds since each pixel last changed from one picture to the next."""
        assert self._still is not None
        assert self._before is not None
        change = strongest(cv2.absdiff(small, self._before))
        change = cv2.blur(change, (3, 3))
        self._still += np.float32(dt)
        self._still[change > 10] = 0
        self._before = small
        return self._still

    def _without_ghosts(
        self, blobs: list[Blob], small: Picture, still: NDArray[np.float32], backdrop: Backdrop
    ) -> list[Blob]:
        kept = []
        for blob in blobs:
            if blob.median(still) >= self._policy.ghost.total_seconds() and backdrop.is_ghost(
                small, blob
            ):
                backdrop.replace(small, blob)
            else:
                kept.append(blob)
        return kept

    def _park(
        self, blobs: list[Blob], small: Picture, still: NDArray[np.float32], backdrop: Backdrop
    ) -> list[Blob]:
        self._lot.leave(small, backdrop)
        kept = []
        for blob in self._lot.stir(blobs, backdrop):
            if blob.median(still) >= self._policy.park.total_seconds():
                self._lot.park(small, blob, backdrop)
            else:
                kept.append(blob)
        return kept

    def _detections(self, image: Picture, blobs: list[Blob], size: tuple[int, int]) -> Detections:
        height, width = image.shape[:2]
        up = np.array([width / size[0], height / size[1]] * 2)
        moving: list[tuple[float, ...]] = []
        looks = self._policy.looks
        for blob in blobs:
            x1, y1, x2, y2 = (round(float(v)) for v in np.array(blob.box) * up)
            people: list[tuple[int, int, int, int]] = []
            if looks > 0 and may_be_several((x1, y1, x2, y2)):
                looks -= 1
                people = split(image, (x1, y1, x2, y2))
            moving += [tuple(np.array(box) / up) for box in people] or [blob.box]
        boxes = moving + self._lot.boxes
        if not boxes:
            return Detections.none()
        scale = np.array([*size, *size], np.float32)
        scores = [STRONG] * len(moving) + [WEAK] * len(self._lot.boxes)
        return Detections(
            np.asarray(boxes, np.float32) / scale,
            np.asarray(scores, np.float32),
            np.full(len(boxes), -1, np.int64),
        )
