"""Detections over time, written down shortly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from agents.detect.boxes import Detections

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
CLASSES = ("person", "car")

Thing = tuple[float, float, float, float, float, int]
"""x1 y1 x2 y2 score class"""


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def saw(things: Sequence[Thing]) -> Detections:
    rows = np.array(sorted(things, key=lambda thing: -thing[4]), np.float64).reshape(-1, 6)
    return Detections(
        rows[:, :4].astype(np.float32), rows[:, 4].astype(np.float32), rows[:, 5].astype(np.int64)
    )


def person(x: float, y: float = 0.8, score: float = 0.9, kind: int = 0) -> Thing:
    """Somebody whose foot is at (x, y): a tenth of the picture wide, three tenths high."""
    return (x - 0.05, y - 0.3, x + 0.05, y, score, kind)
