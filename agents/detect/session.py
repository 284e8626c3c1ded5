"""A detector: a model in ONNX Runtime, from a picture to detections."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.detect.boxes import Detections, suppress
from agents.detect.cards import ElementType, ModelCard, class_names
from agents.detect.errors import ModelError
from agents.detect.heads import HeadError
from agents.detect.heads.base import shape_text
from agents.detect.picture import Picture, fill, make_blob
from agents.detect.turns import Turns

__all__ = [
    "PROVIDERS",
    "Detector",
    "Graph",
    "OnnxDetector",
    "Tensor",
    "file_sha256",
    "open_graph",
    "providers",
]

PROVIDERS = (
    "TensorrtExecutionProvider",
    "CUDAExecutionProvider",
    "OpenVINOExecutionProvider",
    "CPUExecutionProvider",
)
"""What runs a model, in the order in which it is preferred."""

MAX_MODEL_BYTES = 2 * 1024**3
"""A protobuf holds no more, so no ONNX file does."""

ELEMENT_NAMES = {ElementType.FLOAT32: "tensor(float)", ElementType.UINT8: "tensor(uint8)"}


class Detector(Protocol):
    """Finds objects in pictures. Safe to call from several threads at once."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names that `Detections.classes` index."""

    @property
    def start_score(self) -> float:
        """What a detection needs to begin a track."""

    def infer(self, image: Picture) -> Detections:
        """Detections in a (H, W, 3) uint8 BGR picture."""

    def infer_batch(self, images: Sequence[Picture]) -> list[Detections]:
        """The same for several pictures; in one run where the model and provider allow it."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A graph's declared input or output; None for a dynamic axis. element: `tensor(float)`."""

    name: str
    shape: tuple[int | None, ...]
    element: str


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A loaded network, before anybody knows what its numbers mean.

    metadata: what its exporter wrote into it. provider: what runs it.
    """

    path: Path
    sha256: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: dict[str, str]
    provider: str
    session: Any


def providers() -> tuple[str, ...]:
    """The preferred providers that this machine's ONNX Runtime has."""
    import onnxruntime

    present = set(onnxruntime.get_available_providers())
    return tuple(name for name in PROVIDERS if name in present)


def file_sha256(path: Path) -> str:
    """A file's sha256 in hex. Raises ModelError where it cannot be read or is far too large."""
    try:
        size = path.stat().st_size
        if size > MAX_MODEL_BYTES:
            raise ModelError(
                str(path), found=f"has {size:,} bytes", expected=f"at most {MAX_MODEL_BYTES:,}"
            )
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ModelError(
            str(path),
            found="is not there",
            way_out="`watchfloor models list` shows what is.",
        ) from error
    except OSError as error:
        raise ModelError(str(path), found=f"cannot be read ({error.strerror})") from error


def open_graph(path: Path, use: Sequence[str] | None = None) -> Graph:
    """Loads a network. use: providers instead of the preferred ones.

    Raises ModelError for what is not there, no ONNX, or of a kind that this ONNX Runtime lacks.
    """
    import onnxruntime

    digest = file_sha256(path)
    options = onnxruntime.SessionOptions()
    # Two threads a session cost 1.7 times the CPU for 1.1 times the speed; workers scale instead.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=list(use or providers())
        )
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            str(path),
            found=f"is no model that ONNX Runtime can load ({reason})",
            expected="an ONNX file",
            way_out="`watchfloor models list` shows models that are known to work.",
        ) from error
    return Graph(
        path=path,
        sha256=digest,
        inputs=tuple(_tensor(node) for node in session.get_inputs()),
        outputs=tuple(_tensor(node) for node in session.get_outputs()),
        metadata=dict(session.get_modelmeta().custom_metadata_map),
        provider=session.get_providers()[0],
        session=session,
    )


def _tensor(node: Any) -> Tensor:
    shape = tuple(axis if isinstance(axis, int) and axis > 0 else None for axis in node.shape)
    return Tensor(name=node.name, shape=shape, element=node.type)


class OnnxDetector:
    """A graph with its card. Raises ModelError where the two do not fit together."""

    def __init__(self, graph: Graph, card: ModelCard) -> None:
        self.graph = graph
        self.card = card
        self._classes = class_names(card)
        self._check()
        self._input = graph.inputs[0].name
        self._outputs = [tensor.name for tensor in graph.outputs]
        self.batches = graph.inputs[0].shape[0] is None and all(
            tensor.shape[0] is None for tensor in graph.outputs
        )
        """Whether several pictures can go through in one run."""
        self.turns: Turns | None = None
        """Who runs the model when; None: whoever comes."""
        # One blob a thread that is inside `infer`; deque's pop and append are atomic.
        self._blobs: deque[NDArray[Any]] = deque()

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The card's class names."""
        return self._classes

    @property
    def start_score(self) -> float:
        """The card's."""
        return self.card.start_score

    @property
    def provider(self) -> str:
        """What runs the model: `CPUExecutionProvider`, …"""
        return self.graph.provider

    def infer(self, image: Picture) -> Detections:
        """Detections in a (H, W, 3) uint8 BGR picture, best first, boxes in 0..1."""
        try:
            blob = self._blobs.pop()
        except IndexError:
            blob = make_blob(self.card.input)
        try:
            fit = fill(self.card.input, image, blob)
            with self.turns or nullcontext():
                outputs = self.graph.session.run(self._outputs, {self._input: blob})
        finally:
            self._blobs.append(blob)
        raw = {name: values[0] for name, values in zip(self._outputs, outputs, strict=True)}
        return self._finish(raw, fit)

    def infer_batch(self, images: Sequence[Picture]) -> list[Detections]:
        """Like `infer` for each; in one run where the graph's batch axis is dynamic."""
        if not self.batches or len(images) < 2:
            return [self.infer(image) for image in images]
        blob = make_blob(self.card.input, len(images))
        fits = [fill(self.card.input, image, blob, i) for i, image in enumerate(images)]
        outputs = self.graph.session.run(self._outputs, {self._input: blob})
        return [
            self._finish(
                {name: values[i] for name, values in zip(self._outputs, outputs, strict=True)}, fit
            )
            for i, fit in enumerate(fits)
        ]

    def _finish(self, raw: dict[str, NDArray[Any]], fit: Any) -> Detections:
        card = self.card
        found = card.head.decode(raw, (card.input.width, card.input.height), card.score_floor)
        found = suppress(found, card.nms_iou)
        boxes = fit.to_unit(found.boxes)
        # What lies in the padding has no area in the picture.
        seen = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        seen &= found.classes < len(self._classes)
        return Detections(boxes, found.scores, found.classes).take(seen)

    def _check(self) -> None:
        graph, card = self.graph, self.card
        where = str(graph.path)
        if graph.sha256 != card.sha256:
            raise ModelError(
                where,
                found=f"has the sha256 {graph.sha256}",
                expected=f"{card.sha256}, as the card of {card.name!r} says",
                way_out="Get the file again (`watchfloor models pull`), or give it its own card.",
            )
        if len(graph.inputs) != 1 or graph.inputs[0].name != card.input.name:
            names = ", ".join(repr(tensor.name) for tensor in graph.inputs)
            raise ModelError(where, found=f"has the inputs {names}", expected=repr(card.input.name))
        tensor, expected = graph.inputs[0], card.input.shape(None)
        fits = len(tensor.shape) == len(expected) and all(
            a is None or b is None or a == b for a, b in zip(tensor.shape, expected, strict=True)
        )
        if not fits:
            raise ModelError(
                where,
                found=f"has the input {tensor.name!r} {shape_text(tensor.shape)}",
                expected=f"{shape_text(expected)} by the card of {card.name!r}",
            )
        if tensor.shape[0] not in (None, 1):
            raise ModelError(
                where,
                found=f"takes {tensor.shape[0]} pictures at once",
                expected="1, or any number",
            )
        if tensor.element != ELEMENT_NAMES[card.input.element]:
            raise ModelError(
                where,
                found=f"has an input of {tensor.element}",
                expected=ELEMENT_NAMES[card.input.element],
            )
        shapes = {output.name: output.shape for output in graph.outputs}
        size = (card.input.width, card.input.height)
        try:
            card.head.check(shapes, len(self._classes), size)
        except HeadError as error:
            raise ModelError(
                where,
                found=f"does not fit the card of {card.name!r}: {error}",
                way_out="Check `head` and `classes` in the card.",
            ) from error


def warm(detector: OnnxDetector) -> None:
    """One run on an empty picture, so that the first frame does not pay for lazy set-up."""
    spec = detector.card.input
    detector.infer(np.zeros((spec.height, spec.width, 3), np.uint8))
