"""Blobs: connected pixels that moved, put together to objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Blob", "Mask", "find_blobs", "without_satellites"]

Mask: TypeAlias = NDArray[np.uint8]
"""(H, W) uint8, 255 where it holds."""

_SPECK = cv2.getStructuringElement(cv2.MORPH_RECT, (2, 2))
_BODY = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 7))
"""Joins a head to a torso and a torso to legs; people are upright, so it is higher than wide."""

ONLY_SHADE, MOSTLY_OBJECT = 0.03, 0.35
"""Shares of a region that are no shade: below the first it is a shadow, above the second an
object beside its shadow, and in between an object that has the ground's colour."""

LEGS = 0.5
"""What may be missing of an object below what was found, in its height."""

SATELLITE = 0.25
"""A blob of less than this share of its neighbour's area is part of it."""

MOST_BLOBS = 40
"""More is weather, not people; the largest are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """box: x1, y1, x2, y2 in pixels, the end excluded. mask: of the box, uint8, 255 inside."""

    box: tuple[int, int, int, int]
    mask: Mask

    @property
    def area(self) -> int:
        """Pixels that moved."""
        return cv2.countNonZero(self.mask)

    def median(self, plane: NDArray[np.float32]) -> float:
        """The median of a (H, W) plane's values under the blob."""
        x1, y1, x2, y2 = self.box
        return float(np.median(plane[y1:y2, x1:x2][self.mask > 0]))


def find_blobs(moved: Mask, shadow: Mask, least_area: float) -> list[Blob]:
    """Objects among the pixels that moved, largest first.

    moved: (H, W) uint8, what differs from the background. shadow: which of it looks like the
    background in shade; it is left out where enough of the object remains without it.
    least_area: in pixels.
    """
    body = cv2.morphologyEx(_without_shade(moved, shadow), cv2.MORPH_OPEN, _SPECK)
    body = cv2.morphologyEx(body, cv2.MORPH_CLOSE, _BODY)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(body, connectivity=8)
    pieces = [
        _Piece(x, y, x + w, y + h, [index])
        for index, (x, y, w, h, area) in enumerate(stats.tolist())
        if index > 0 and area >= least_area / 6
    ]
    blobs = []
    for piece in _joined(pieces):
        window = labels[piece.y1 : piece.y2, piece.x1 : piece.x2]
        mask = np.isin(window, piece.parts).astype(np.uint8) * 255
        blob = Blob((piece.x1, piece.y1, piece.x2, piece.y2), mask)
        if blob.area >= least_area:
            blobs.append(_with_legs(blob, moved))
    blobs.sort(key=lambda blob: (-blob.area, blob.box))
    return blobs[:MOST_BLOBS]


def _without_shade(moved: Mask, shadow: Mask) -> Mask:
    """What moved, without what is cast shadow beside an object.

    By its colour a grey van on asphalt is a shadow. So shade is taken off only where most of a
    region is something else, and a region that is nothing but shade is left out.
    """
    sure = cv2.bitwise_and(moved, cv2.bitwise_not(shadow))
    joined = cv2.morphologyEx(moved, cv2.MORPH_CLOSE, _SPECK)
    count, labels = cv2.connectedComponents(joined, connectivity=8)
    areas = np.bincount(labels[moved > 0], minlength=count)
    share = np.bincount(labels[sure > 0], minlength=count) / np.maximum(areas, 1)
    whole = (share >= ONLY_SHADE) & (share < MOSTLY_OBJECT)
    whole[0] = False
    drop = share < ONLY_SHADE
    body = np.where(whole[labels], moved, sure)
    body[drop[labels]] = 0
    return body


def _with_legs(blob: Blob, moved: Mask) -> Blob:
    """The blob, down to where it stands.

    Dark legs on asphalt look like shade; a cast shadow mostly lies beside its object, so what
    moved right below a blob, without a gap, is part of it, up to its own height again by half.
    """
    x1, y1, x2, y2 = blob.box
    end = min(moved.shape[0], y2 + round(LEGS * (y2 - y1)))
    rows = np.count_nonzero(moved[y2:end, x1:x2], axis=1) > 0
    length = len(rows) if rows.all() else int(rows.argmin())
    if length == 0:
        return blob
    mask = np.concatenate((blob.mask, moved[y2 : y2 + length, x1:x2]))
    return Blob((x1, y1, x2, y2 + length), np.asarray(mask, np.uint8))


def without_satellites(blobs: list[Blob]) -> list[Blob]:
    """Leaves out small blobs that touch a much larger one: its shade, its reflection, an arm.

    blobs: largest first. Who walks out of a group or from behind a car is one as soon as there
    is a gap.
    """
    kept: list[Blob] = []
    for blob in blobs:
        if not any(_is_satellite(blob, larger) for larger in kept):
            kept.append(blob)
    return kept


def _is_satellite(blob: Blob, larger: Blob) -> bool:
    if blob.area > SATELLITE * larger.area:
        return False
    gap = 2 + round(0.05 * (larger.box[3] - larger.box[1]))
    return (
        blob.box[0] < larger.box[2] + gap
        and blob.box[2] > larger.box[0] - gap
        and blob.box[1] < larger.box[3] + gap
        and blob.box[3] > larger.box[1] - gap
    )


@dataclass(slots=True)
class _Piece:
    x1: int
    y1: int
    x2: int
    y2: int
    parts: list[int]

    def belongs(self, other: _Piece) -> bool:
        """Above one another with a small gap: parts of one upright object."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        narrower = min(self.x2 - self.x1, other.x2 - other.x1)
        gap = max(self.y1, other.y1) - min(self.y2, other.y2)
        taller = max(self.y2 - self.y1, other.y2 - other.y1)
        return width >= 0.5 * narrower and gap <= 0.3 * taller


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Pieces of one object put together, until nothing more belongs together."""
    pieces = sorted(pieces, key=lambda p: (p.y1, p.x1))
    merged = True
    while merged:
        merged = False
        for i in range(len(pieces)):
            for j in range(i + 1, len(pieces)):
                a, b = pieces[i], pieces[j]
                if a.belongs(b):
                    pieces[i] = _Piece(
                        min(a.x1, b.x1),
                        min(a.y1, b.y1),
                        max(a.x2, b.x2),
                        max(a.y2, b.y2),
                        a.parts + b.parts,
                    )
                    del pieces[j]
                    merged = True
                    break
            if merged:
                break
    return pieces
