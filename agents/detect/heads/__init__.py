"""From a network's raw outputs to boxes: one module a family of heads.

A head's parameters are data on the model's card (`agents.detect.cards`), so that a new model of a
known family needs no code. All decoding is NumPy on whole arrays, after the hopeless anchors are
left out: at 3,549 anchors that keeps post-processing under a millisecond.
"""

from __future__ import annotations

from typing import TypeAlias

from agents.detect.heads.base import HeadError, Raw
from agents.detect.heads.fastestdet import FastestDetHead
from agents.detect.heads.rtdetr import RtDetrHead
from agents.detect.heads.ssd import SsdHead, SsdRawHead
from agents.detect.heads.yolo import YoloV5Head, YoloV8Head
from agents.detect.heads.yolox import YoloxHead

__all__ = ["Head", "HeadError", "Raw"]

Head: TypeAlias = (
    YoloxHead | YoloV5Head | YoloV8Head | RtDetrHead | SsdHead | SsdRawHead | FastestDetHead
)
"""A card's head: the field `kind` says which."""
