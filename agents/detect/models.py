"""Which card belongs to a model file: by sha256, by the card beside it, or by its shapes."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from agents.detect.cards import (
    CARD_SUFFIX,
    CATALOGUE,
    Colour,
    ElementType,
    InputSpec,
    Layout,
    ModelCard,
    Resize,
    read_card,
)
from agents.detect.errors import ModelError
from agents.detect.heads import Head
from agents.detect.heads.base import shape_text
from agents.detect.heads.fastestdet import FastestDetHead
from agents.detect.heads.rtdetr import RtDetrHead
from agents.detect.heads.ssd import SsdHead
from agents.detect.heads.yolo import YoloV5Head, YoloV8Head
from agents.detect.heads.yolox import YoloxHead
from agents.detect.session import Graph, OnnxDetector, Tensor, open_graph

__all__ = ["Opened", "Origin", "catalogue_cards", "open_model"]

STRIDES = (8, 16, 32)
COCO = "coco80"
COCO_CLASSES = 80
MAX_METADATA = 64 * 1024


class Origin(StrEnum):
    """Where a model's card came from."""

    CATALOGUE = "catalogue"
    """The file's sha256 is in the catalogue."""
    BESIDE = "beside"
    """A card lies beside the file."""
    GUESSED = "guessed"
    """From the shapes of its inputs and outputs."""


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A model that is ready. note: what a person should know, empty where there is nothing."""

    detector: OnnxDetector
    origin: Origin
    note: str = ""


@lru_cache(maxsize=1)
def catalogue_cards() -> tuple[ModelCard, ...]:
    """The cards that come with the product, by name."""
    cards = [read_card(path) for path in CATALOGUE.glob(f"*{CARD_SUFFIX}")]
    return tuple(sorted(cards, key=lambda card: card.name))


def open_model(path: Path, use: Sequence[str] | None = None) -> Opened:
    """A model file as a detector.

    Its card is the catalogue's of that sha256, else `FILE.card.yaml` beside it, else a guess from
    its shapes, which the note tells. use: providers instead of the preferred ones. Raises
    ModelError where it is no model, does not fit its card, or nobody can tell what it is.
    """
    graph = open_graph(path, use)
    for card in catalogue_cards():
        if card.sha256 == graph.sha256:
            return Opened(OnnxDetector(graph, card), Origin.CATALOGUE)
    beside = path.with_name(path.name + CARD_SUFFIX)
    if beside.is_file():
        return Opened(OnnxDetector(graph, read_card(beside)), Origin.BESIDE)
    for card in catalogue_cards():
        if card.file == path.name:
            raise ModelError(
                str(path),
                found=f"has the sha256 {graph.sha256}",
                expected=f"{card.sha256}, as the catalogue says of {card.name!r}",
                way_out=f"Get it again (`watchfloor models pull {card.name}`), or, where it is "
                f"another model, put its card beside it as {beside.name}.",
            )
    card, reason = guess(graph)
    note = f"{path.name} is in no catalogue and has no card; taken for {reason} by its shapes."
    return Opened(OnnxDetector(graph, card), Origin.GUESSED, note)


def guess(graph: Graph) -> tuple[ModelCard, str]:
    """A card from a graph's shapes, and what it was taken for.

    Knows the usual exports of YOLOX, YOLOv5, YOLOv8, RT-DETR, FastestDet and TensorFlow's SSD.
    Raises ModelError where the shapes are none of these, or the class names are unknown.
    """
    way_out = f"Describe it in a card beside it, {graph.path.name}{CARD_SUFFIX}."
    shapes = ", ".join(f"{t.name!r} {shape_text(t.shape)}" for t in graph.inputs + graph.outputs)
    unknown = ModelError(
        str(graph.path),
        found=f"is in no catalogue, has no card, and its shapes are unfamiliar ({shapes})",
        way_out=way_out,
    )
    if len(graph.inputs) != 1:
        raise unknown
    layout, width, height = _input_layout(graph.inputs[0]) or (None, 0, 0)
    if layout is None:
        raise unknown
    found = _ssd(graph) or _rtdetr(graph) or _single(graph, width, height)
    if found is None:
        raise unknown
    head, classes, reason = found
    names = _metadata_names(graph)
    if names is not None and classes and len(names) != classes:
        names = None
    if names is None and classes != COCO_CLASSES:
        raise ModelError(
            str(graph.path),
            found=f"looks like {reason}, whose class names nobody told",
            way_out=way_out,
        )
    raw = isinstance(head, YoloxHead | SsdHead)
    plain = isinstance(head, RtDetrHead | SsdHead | FastestDetHead)
    spec = InputSpec(
        name=graph.inputs[0].name,
        width=width,
        height=height,
        layout=layout,
        element=_element(graph.inputs[0], unknown),
        colour=Colour.BGR if isinstance(head, YoloxHead | FastestDetHead) else Colour.RGB,
        divide=1.0 if raw else 255.0,
        resize=Resize.PLAIN
        if plain
        else Resize.LETTERBOX_TOP_LEFT
        if isinstance(head, YoloxHead)
        else Resize.LETTERBOX_CENTRE,
    )
    name = "".join(c if c.isalnum() else "-" for c in graph.path.stem.lower()).strip("-")[:60]
    card = ModelCard(
        name=name or "model",
        file="model.onnx",
        sha256=graph.sha256,
        licence="unknown",
        input=spec,
        head=head,
        classes=names or COCO,
    )
    return card, reason


def _input_layout(tensor: Tensor) -> tuple[Layout, int, int] | None:
    match tensor.shape:
        case (_, 3, int(height), int(width)):
            return Layout.NCHW, width, height
        case (_, int(height), int(width), 3):
            return Layout.NHWC, width, height
    return None


def _element(tensor: Tensor, unknown: ModelError) -> ElementType:
    if tensor.element == "tensor(float)":
        return ElementType.FLOAT32
    if tensor.element == "tensor(uint8)":
        return ElementType.UINT8
    raise unknown


def _ssd(graph: Graph) -> tuple[Head, int, str] | None:
    names = {tensor.name for tensor in graph.outputs}
    if not {"detection_boxes", "detection_scores", "detection_classes"} <= names:
        return None
    count = "num_detections" if "num_detections" in names else None
    return SsdHead(count=count), 0, "TensorFlow's SSD"


def _rtdetr(graph: Graph) -> tuple[Head, int, str] | None:
    if len(graph.outputs) != 2:
        return None
    boxes = [t for t in graph.outputs if len(t.shape) == 3 and t.shape[2] == 4]
    logits = [t for t in graph.outputs if len(t.shape) == 3 and t.shape[2] not in (4, None)]
    if len(boxes) != 1 or len(logits) != 1 or boxes[0].shape[1] != logits[0].shape[1]:
        return None
    classes = logits[0].shape[2]
    assert classes is not None
    return (
        RtDetrHead(logits=logits[0].name, boxes=boxes[0].name),
        classes,
        f"an RT-DETR of {classes} classes",
    )


def _single(graph: Graph, width: int, height: int) -> tuple[Head, int, str] | None:
    if len(graph.outputs) != 1:
        return None
    cells = sum((width // stride) * (height // stride) for stride in STRIDES)
    match graph.outputs[0].shape:
        case (_, int(rows), int(columns)) if rows == cells and columns > 5:
            return YoloxHead(), columns - 5, f"a YOLOX of {columns - 5} classes"
        case (_, int(rows), int(columns)) if rows == 3 * cells and columns > 5:
            return YoloV5Head(), columns - 5, f"a YOLOv5 of {columns - 5} classes"
        case (_, int(rows), int(columns)) if columns == cells and rows > 4:
            return YoloV8Head(), rows - 4, f"a YOLOv8 of {rows - 4} classes"
        case (_, int(depth), int(rows), int(columns)) if depth > 5 and rows * columns < cells:
            return FastestDetHead(), depth - 5, f"a FastestDet of {depth - 5} classes"
    return None


def _metadata_names(graph: Graph) -> tuple[str, ...] | None:
    """Class names as Ultralytics' exports carry them: `{0: 'person', 1: 'bicycle'}`."""
    text = graph.metadata.get("names", "")
    if not text or len(text) > MAX_METADATA:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(value, dict) or sorted(value) != list(range(len(value))):
        return None
    names = tuple(str(value[index])[:63] for index in range(len(value)))
    return names if names and all(names) else None
