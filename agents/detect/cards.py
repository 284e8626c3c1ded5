"""Model cards: what a detector is and how its input and output are laid out, as data."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml
from msgspec import Meta, Struct

from agents.detect.errors import ModelError
from agents.detect.heads import Head

__all__ = [
    "CARD_SUFFIX",
    "Colour",
    "ElementType",
    "InputSpec",
    "Layout",
    "ModelCard",
    "Resize",
    "class_names",
    "read_card",
    "write_card",
]

CARD_SUFFIX = ".card.yaml"
"""A model's card lies beside it: `FILE.onnx.card.yaml`."""

CATALOGUE = Path(__file__).parent / "catalogue"
MAX_CARD_BYTES = 256 * 1024
SOURCE_PATTERN = r"^(https://.{1,2000}|http://(127\.0\.0\.1|localhost)[:/].{1,2000})?$"
"""What is pulled is checked by its sha256 all the same; http is for a mirror on this machine."""


class Layout(StrEnum):
    """Order of the input's axes behind the batch axis."""

    NCHW = "nchw"
    NHWC = "nhwc"


class Colour(StrEnum):
    """Order of the colour channels."""

    BGR = "bgr"
    RGB = "rgb"


class ElementType(StrEnum):
    """Element type of the input."""

    FLOAT32 = "float32"
    UINT8 = "uint8"


class Resize(StrEnum):
    """How a picture comes to the input's size."""

    LETTERBOX_TOP_LEFT = "letterbox_top_left"
    """Keeps its proportions, stands top left, the rest is padding (YOLOX)."""
    LETTERBOX_CENTRE = "letterbox_centre"
    """Keeps its proportions, stands in the middle, the rest is padding (YOLOv5, v8)."""
    PLAIN = "plain"
    """Stretched to the input's size (FastestDet, RT-DETR, SSD)."""


class InputSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The network's input.

    A pixel p (0..255) becomes (p / divide - mean) / std, mean and std per channel in the order of
    `colour`. pad: the letterbox's value before scaling. width, height: pixels.
    """

    name: str
    width: Annotated[int, Meta(ge=32, le=4096)]
    height: Annotated[int, Meta(ge=32, le=4096)]
    layout: Layout = Layout.NCHW
    colour: Colour = Colour.RGB
    element: ElementType = ElementType.FLOAT32
    divide: Annotated[float, Meta(gt=0)] = 255.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[
        Annotated[float, Meta(gt=0)], Annotated[float, Meta(gt=0)], Annotated[float, Meta(gt=0)]
    ] = (1.0, 1.0, 1.0)
    resize: Resize = Resize.LETTERBOX_CENTRE
    pad: Annotated[int, Meta(ge=0, le=255)] = 114

    def __post_init__(self) -> None:
        scales = self.divide != 1 or any(self.mean) or any(part != 1 for part in self.std)
        if self.element is ElementType.UINT8 and scales:
            raise ValueError(
                "an input of uint8 takes pixels as they are: divide 1, no mean, no std"
            )

    def shape(self, batch: int | None = 1) -> tuple[int | None, ...]:
        """The input's shape with that batch."""
        if self.layout is Layout.NCHW:
            return (batch, 3, self.height, self.width)
        return (batch, self.height, self.width, 3)


Name = Annotated[str, Meta(min_length=1, max_length=63)]


class ModelCard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a model is: the whole of what the code needs to run it.

    file: its file name. sha256: of the file; bytes: its size, 0 where unknown. source: where its
    maker publishes it, https. classes: the class names in order, or the name of a list of the
    catalogue (`coco80`). score_floor: detections below are not even looked at; low, because the
    tracker continues tracks with weak detections. start_score: what a detection needs to begin a
    track. nms_iou: boxes of a class that overlap more are one.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
    file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Meta(ge=0)] = 0
    licence: str
    maker: str = ""
    source: Annotated[str, Meta(pattern=SOURCE_PATTERN)] = ""
    input: InputSpec
    head: Head
    classes: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=10_000)] | Name
    score_floor: Annotated[float, Meta(ge=0.01, lt=1)] = 0.1
    start_score: Annotated[float, Meta(ge=0.01, lt=1)] = 0.4
    nms_iou: Annotated[float, Meta(gt=0, le=1)] = 0.45


@lru_cache(maxsize=8)
def _named_classes(name: str) -> tuple[str, ...] | None:
    path = CATALOGUE / f"{name}.txt"
    if not name.isalnum() or not path.is_file():
        return None
    return tuple(path.read_text("utf-8").split("\n")[:-1])


def class_names(card: ModelCard) -> tuple[str, ...]:
    """The card's class names in order. Raises ModelError for the name of an unknown list."""
    if isinstance(card.classes, tuple):
        return card.classes
    names = _named_classes(card.classes)
    if names is None:
        known = ", ".join(sorted(path.stem for path in CATALOGUE.glob("*.txt")))
        raise ModelError(
            card.name,
            found=f"no list of class names is called {card.classes!r}",
            expected=f"one of {known}, or the names themselves",
        )
    return names


def read_card(path: Path) -> ModelCard:
    """The card in that YAML file.

    Raises ModelError where it cannot be read, is too large, is no YAML, has unknown fields or
    values out of range; the message names the field.
    """
    way_out = "The cards under agents/detect/catalogue/ are examples to start from."
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CARD_BYTES + 1)
    except OSError as error:
        raise ModelError(str(path), found=f"cannot be read ({error.strerror})") from error
    if len(data) > MAX_CARD_BYTES:
        raise ModelError(
            str(path), found="is too large for a card", expected=f"at most {MAX_CARD_BYTES} bytes"
        )
    try:
        value: Any = yaml.safe_load(data)
        card = msgspec.convert(value, ModelCard)
        class_names(card)
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(
            str(path), found=f"is no YAML ({reason})", expected="a model card", way_out=way_out
        ) from error
    except msgspec.ValidationError as error:
        raise ModelError(
            str(path), found=f"is no valid model card: {error}", way_out=way_out
        ) from error
    return card


def write_card(card: ModelCard) -> str:
    """The card as YAML, as `read_card` reads it."""
    return yaml.safe_dump(msgspec.to_builtins(card), sort_keys=False, allow_unicode=True)
