"""What has stopped: parked things become background, and stay themselves until they drive off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.detect.backdrop import Backdrop
from agents.detect.blobs import Blob
from agents.detect.picture import Picture

__all__ = ["ParkingLot"]

MOST_PARKED = 32
LARGEST = 0.25
"""The share of the picture that a parked thing may have; more is a change of light."""

GONE = 0.5
"""The share of a parked thing's pixels that look like what was there before it came."""


STIRRED = 0.05
"""The share of a parked thing's pixels that move before all of it counts as moving."""


@dataclass(frozen=True, slots=True, eq=False)
class _Parked:
    blob: Blob
    before: NDArray[np.float32]
    itself: NDArray[np.float32]


class ParkingLot:
    """The parked things of one camera, with what they cover."""

    def __init__(self) -> None:
        self._parked: list[_Parked] = []
        self._passing: list[tuple[int, int, int, int]] = []

    @property
    def boxes(self) -> list[tuple[int, int, int, int]]:
        """Of what is parked now, in pixels."""
        return [parked.blob.box for parked in self._parked]

    def park(self, small: Picture, blob: Blob, backdrop: Backdrop) -> None:
        """Takes a blob into the background, and remembers what was there."""
        x1, y1, x2, y2 = blob.box
        itself = small[y1:y2, x1:x2].astype(np.float32)
        height, width = small.shape[:2]
        if (x2 - x1) * (y2 - y1) <= LARGEST * height * width:
            self._parked = [p for p in self._parked if not _within(p.blob.box, blob.box)]
            self._parked.append(_Parked(blob, backdrop.patch(blob), itself))
            del self._parked[:-MOST_PARKED]
        backdrop.replace(small, blob)

    def stir(self, blobs: list[Blob], backdrop: Backdrop) -> list[Blob]:
        """The blobs, with a parked thing instead of the part of it that moves again.

        A person who stood still moves an arm: that is the person, and no new object. Who came
        from elsewhere passes in front.
        """
        places = self.boxes
        passing = [
            blob
            for blob in blobs
            if not any(_within(blob.box, place) for place in places)
            or any(_touch(blob.box, box) for box in self._passing)
        ]
        self._passing = [blob.box for blob in passing]
        fresh = [blob for blob in blobs if blob not in passing]
        staying, stirred = [], []
        for parked in self._parked:
            parts = [b for b in fresh if _within(b.box, parked.blob.box)]
            if sum(part.area for part in parts) < STIRRED * parked.blob.area:
                staying.append(parked)
                continue
            backdrop.restore(parked.blob, parked.before)
            stirred.append(parked.blob)
        self._parked = staying
        return sorted(passing + stirred, key=lambda blob: (-blob.area, blob.box))

    def leave(self, small: Picture, backdrop: Backdrop) -> None:
        """Gives back the background of those that are gone."""
        staying = []
        for parked in self._parked:
            x1, y1, x2, y2 = parked.blob.box
            where = parked.blob.mask > 0
            now = small[y1:y2, x1:x2].astype(np.float32)
            to_before = np.abs(now - parked.before).max(axis=2)[where]
            to_itself = np.abs(now - parked.itself).max(axis=2)[where]
            if float(np.mean(to_before < to_itself)) > GONE:
                backdrop.restore(parked.blob, parked.before)
            else:
                staying.append(parked)
        self._parked = staying


def _touch(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _within(inner: tuple[int, int, int, int], outer: tuple[int, int, int, int]) -> bool:
    """Whether most of one box is in another."""
    width = min(inner[2], outer[2]) - max(inner[0], outer[0])
    height = min(inner[3], outer[3]) - max(inner[1], outer[1])
    area = (inner[2] - inner[0]) * (inner[3] - inner[1])
    return width > 0 and height > 0 and width * height >= 0.8 * area
