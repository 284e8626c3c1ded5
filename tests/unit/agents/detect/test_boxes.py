from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.detect.boxes import Detections, iou_matrix, suppress


def some(count: int, seed: int = 3) -> Detections:
    dice = np.random.default_rng(seed)
    low = dice.uniform(0, 300, (count, 2))
    size = dice.uniform(10, 120, (count, 2))
    return Detections(
        np.concatenate((low, low + size), axis=1).astype(np.float32),
        dice.permutation(np.linspace(0.1, 0.9, count)).astype(np.float32),
        dice.integers(0, 3, count).astype(np.int64),
    )


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return float(width * height / union)


def test_iou_matrix_is_the_definition_pair_by_pair() -> None:
    found = some(12)
    matrix = iou_matrix(found.boxes, found.boxes[:5])
    assert matrix.shape == (12, 5)
    for i in range(12):
        for j in range(5):
            assert np.isclose(matrix[i, j], iou(found.boxes[i], found.boxes[j]), atol=1e-6)


def test_suppress_keeps_what_the_greedy_definition_keeps() -> None:
    found = some(200)
    kept: list[int] = []
    for i in np.argsort(-found.scores):
        rivals = [j for j in kept if found.classes[j] == found.classes[i]]
        if all(iou(found.boxes[i], found.boxes[j]) <= 0.45 for j in rivals):
            kept.append(int(i))
    result = suppress(found, 0.45)
    assert 0 < len(result) < 200
    assert np.array_equal(result.boxes, found.boxes[kept])
    assert np.array_equal(result.scores, found.scores[kept])


def test_suppress_leaves_other_classes_alone_and_bounds_the_number() -> None:
    box = np.array([[0, 0, 10, 10]] * 3, np.float32)
    found = Detections(box, np.array([0.5, 0.9, 0.7], np.float32), np.array([0, 1, 0], np.int64))
    assert suppress(found, 0.5).scores.tolist() == np.array([0.9, 0.7], np.float32).tolist()
    assert len(suppress(some(200), 0.45, most=7)) == 7
    assert len(suppress(Detections.none(), 0.45)) == 0
