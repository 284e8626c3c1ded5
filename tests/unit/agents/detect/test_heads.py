"""Each head against an independent, plain loop over the same numbers."""

from __future__ import annotations

from math import exp, sqrt, tanh
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.detect.boxes import Detections
from agents.detect.cards import InputSpec, ModelCard, Resize
from agents.detect.heads import Head, HeadError
from agents.detect.heads.fastestdet import FastestDetHead
from agents.detect.heads.rtdetr import RtDetrHead
from agents.detect.heads.ssd import SsdHead, SsdRawHead
from agents.detect.heads.yolo import YoloV5Head, YoloV8Head
from agents.detect.heads.yolox import YoloxHead
from agents.detect.session import OnnxDetector, open_graph
from tests.unit.agents.detect.graphs import constant_model

SIZE = (96, 64)
CLASSES = 3
FLOOR = 0.3

Row = tuple[float, float, float, float, float, int]
"""x1 y1 x2 y2 in pixels, score, class."""


def numbers(*shape: int, low: float = 0.0, high: float = 1.0) -> NDArray[np.float32]:
    return np.random.default_rng(sum(shape)).uniform(low, high, shape).astype(np.float32)


def logistic(x: float) -> float:
    return 1 / (1 + exp(-x))


def middle(cx: float, cy: float, w: float, h: float) -> tuple[float, float, float, float]:
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def yolox() -> tuple[Head, dict[str, NDArray[np.float32]], list[Row]]:
    raw = numbers(1, 96 + 24 + 6, 5 + CLASSES)
    rows: list[Row] = []
    index = 0
    for stride in (8, 16, 32):
        for y in range(64 // stride):
            for x in range(96 // stride):
                dx, dy, w, h, objectness, *classes = (float(v) for v in raw[0, index])
                box = middle((x + dx) * stride, (y + dy) * stride, exp(w) * stride, exp(h) * stride)
                rows.append((*box, objectness * max(classes), classes.index(max(classes))))
                index += 1
    return YoloxHead(), {"output": raw}, rows


def yolox_decoded() -> tuple[Head, dict[str, NDArray[np.float32]], list[Row]]:
    raw = numbers(1, 126, 5 + CLASSES)
    raw[..., :4] *= 60
    rows: list[Row] = [
        (*middle(*row[:4]), row[4] * max(row[5:]), row[5:].index(max(row[5:])))
        for row in raw[0].tolist()
    ]
    return YoloxHead(decoded=True), {"output": raw}, rows


def yolov5() -> tuple[Head, dict[str, NDArray[np.float32]], list[Row]]:
    raw = numbers(1, 378, 5 + CLASSES)
    rows: list[Row] = []
    for cx, cy, w, h, objectness, *classes in raw[0].tolist():
        box = middle(cx * 96, cy * 64, w * 96, h * 64)
        rows.append((*box, objectness * max(classes), classes.index(max(classes))))
    return YoloV5Head(normalised=True), {"output0": raw}, rows


def yolov8() -> tuple[Head, dict[str, NDArray[np.float32]], list[Row]]:
    raw = numbers(1, 4 + CLASSES, 126, low=-2, high=2)
    raw[:, :4] = np.abs(raw[:, :4]) * 20
    rows: list[Row] = []
    for cx, cy, w, h, *logits in raw[0].T.tolist():
        classes = [logistic(v) for v in logits]
        rows.append((*middle(cx, cy, w, h), max(classes), classes.index(max(classes))))
    return YoloV8Head(logits=True), {"output0": raw}, rows


def rtdetr() -> tuple[Head, dict[str, NDArray[np.float32]], list[Row]]:
    logits, boxes = numbers(1, 40, CLASSES, low=-4, high=2), numbers(1, 40, 4)
    rows: list[Row] = []
    for row, (cx, cy, w, h) in zip(logits[0].tolist(), boxes[0].tolist(), strict=True):
        classes = [logistic(v) for v in row]
        box = middle(cx * 96, cy * 64, w * 96, h * 64)
        rows.append((*box, max(classes), classes.index(max(classes))))
    return RtDetrHead(), {"pred_logits": logits, "pred_boxes": boxes}, rows


def detr() -> tuple[Head, dict[str, NDArray[np.float32]], list[Row]]:
    logits, boxes = numbers(1, 40, CLASSES + 1, low=-3, high=3), numbers(1, 40, 4)
    rows: list[Row] = []
    for row, (cx, cy, w, h) in zip(logits[0].tolist(), boxes[0].tolist(), strict=True):
        total = sum(exp(v) for v in row)
        classes = [exp(v) / total for v in row][:-1]
        box = middle(cx * 96, cy * 64, w * 96, h * 64)
        rows.append((*box, max(classes), classes.index(max(classes))))
    head = RtDetrHead(activation="softmax")
    return head, {"pred_logits": logits, "pred_boxes": boxes}, rows


def ssd() -> tuple[Head, dict[str, NDArray[np.float32]], list[Row]]:
    boxes, scores = numbers(1, 20, 4), np.sort(numbers(1, 20))[:, ::-1].copy()
    classes = np.floor(numbers(1, 20) * CLASSES).astype(np.float32) + 1
    rows: list[Row] = []
    for i in range(17):
        y1, x1, y2, x2 = boxes[0, i].tolist()
        score, label = float(scores[0, i]), int(classes[0, i]) - 1
        rows.append((x1 * 96, y1 * 64, x2 * 96, y2 * 64, score, label))
    outputs = {
        "detection_boxes": boxes,
        "detection_scores": scores,
        "detection_classes": classes,
        "num_detections": np.array([17], np.float32),
    }
    return SsdHead(), outputs, rows


def ssd_raw() -> tuple[Head, dict[str, NDArray[np.float32]], list[Row]]:
    maps, ratios = ((4, 3), (2, 1)), ((2.0,), (2.0, 3.0))
    low, high = (0.2, 0.5), (0.5, 0.8)
    head = SsdRawHead(
        locations="loc", confidences="conf", maps=maps, min_sizes=low, max_sizes=high, ratios=ratios
    )
    anchors: list[tuple[float, float, float, float]] = []
    for (columns, lines), small, large, aspect in zip(maps, low, high, ratios, strict=True):
        for y in range(lines):
            for x in range(columns):
                cx, cy = (x + 0.5) / columns, (y + 0.5) / lines
                anchors.append((cx, cy, small, small))
                anchors.append((cx, cy, sqrt(small * large), sqrt(small * large)))
                for ratio in aspect:
                    anchors.append((cx, cy, small * sqrt(ratio), small / sqrt(ratio)))
                    anchors.append((cx, cy, small / sqrt(ratio), small * sqrt(ratio)))
    locations = numbers(1, len(anchors), 4, low=-1, high=1)
    scores = numbers(1, len(anchors), CLASSES + 1, low=-2, high=3)
    rows: list[Row] = []
    for (cx, cy, w, h), (dx, dy, dw, dh), logits in zip(
        anchors, locations[0].tolist(), scores[0].tolist(), strict=True
    ):
        total = sum(exp(v) for v in logits)
        classes = [exp(v) / total for v in logits][1:]
        box = middle(
            (cx + dx * 0.1 * w) * 96,
            (cy + dy * 0.1 * h) * 64,
            w * exp(dw * 0.2) * 96,
            h * exp(dh * 0.2) * 64,
        )
        rows.append((*box, max(classes), classes.index(max(classes))))
    return head, {"loc": locations, "conf": scores}, rows


def fastestdet() -> tuple[Head, dict[str, NDArray[np.float32]], list[Row]]:
    raw = numbers(1, 5 + CLASSES, 4, 6)
    raw[:, 1:5] = raw[:, 1:5] * 4 - 2
    rows: list[Row] = []
    for y in range(4):
        for x in range(6):
            objectness, dx, dy, w, h, *classes = (float(v) for v in raw[0, :, y, x])
            box = middle(
                (x + tanh(dx)) / 6 * 96, (y + tanh(dy)) / 4 * 64, logistic(w) * 96, logistic(h) * 64
            )
            score = objectness**0.6 * max(classes) ** 0.4
            rows.append((*box, score, classes.index(max(classes))))
    return FastestDetHead(), {"758": raw}, rows


FAMILIES = [
    yolox, yolox_decoded, yolov5, yolov8, rtdetr, detr, ssd, ssd_raw, fastestdet,
]  # fmt: skip


def same(found: Detections, rows: list[Row]) -> None:
    """Both say the same, in any order."""
    got = sorted(
        (*box, score, label)
        for box, score, label in zip(
            found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True
        )
    )
    assert len(got) == len(rows)
    assert np.allclose(got, sorted(rows), atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_decode_is_the_plain_loop(family: Any) -> None:
    head, outputs, rows = family()
    raw = {name: array[0] for name, array in outputs.items()}
    expected = [row for row in rows if row[4] >= FLOOR]
    assert 0 < len(expected) < len(rows)
    same(head.decode(raw, SIZE, FLOOR), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_through_onnx_runtime(family: Any, tmp_path: Path) -> None:
    """The same numbers out of a graph: checked, decoded, mapped to 0..1 and cut at the border."""
    head, outputs, rows = family()
    graph = open_graph(constant_model(tmp_path / "m.onnx", outputs))
    card = ModelCard(
        name="test",
        file="m.onnx",
        sha256=graph.sha256,
        licence="none",
        input=InputSpec(name="images", width=96, height=64, resize=Resize.PLAIN),
        head=head,
        classes=("a", "b", "c"),
        score_floor=FLOOR,
        nms_iou=1.0,
    )
    found = OnnxDetector(graph, card).infer(np.zeros((120, 200, 3), np.uint8))
    expected: list[Row] = []
    for x1, y1, x2, y2, score, label in rows:
        cut = [min(max(v, 0), 1) for v in (x1 / 96, y1 / 64, x2 / 96, y2 / 64)]
        if score >= FLOOR and cut[2] > cut[0] and cut[3] > cut[1]:
            expected.append((cut[0], cut[1], cut[2], cut[3], score, label))
    assert expected
    same(found, expected)
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_check_takes_its_own_and_refuses_other_classes(family: Any) -> None:
    head, outputs, _ = family()
    shapes = {name: array.shape for name, array in outputs.items()}
    head.check(shapes, CLASSES, SIZE)
    with pytest.raises(HeadError):
        head.check({"a": (1, 7, 9), "b": (1, 3)}, CLASSES, SIZE)
    if not isinstance(head, SsdHead):
        with pytest.raises(HeadError, match="expected"):
            head.check(shapes, CLASSES + 1, SIZE)


def test_numbers_that_are_none_are_left_out() -> None:
    raw = np.full((126, 8), np.nan, np.float32)
    raw[:, 4:] = 1
    raw[0, :4] = 1
    assert len(YoloxHead().decode({"output": raw}, SIZE, FLOOR)) == 1


def test_a_head_says_which_parameters_make_no_sense() -> None:
    with pytest.raises(ValueError, match="activation"):
        RtDetrHead(activation="relu")
    with pytest.raises(ValueError, match="entry a level"):
        SsdRawHead(
            locations="l", confidences="c", maps=((1, 1),), min_sizes=(), max_sizes=(), ratios=()
        )
    with pytest.raises(ValueError, match="priors"):
        SsdRawHead(
            locations="l",
            confidences="c",
            maps=((100_000, 100_000),),
            min_sizes=(0.1,),
            max_sizes=(0.2,),
            ratios=((),),
        )
