"""The bare loop that the pipeline is compared with: one process, one thread, no product.

`python -m infra.bench.bare VIDEO MODEL` decodes, letterboxes, infers and suppresses, and prints
how many frames it looked at and in how many seconds, from the first to the last. It is written
straight on the libraries, for YOLOX alone: it must not get slower with our own code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from infra.errors import WatchfloorError
from infra.setting_values import ROOT

__all__ = ["Pace", "bare_loop", "loop"]

SIDE: Final = 416
PAD: Final = 114
STRIDES: Final = (8, 16, 32)
SCORE: Final = 0.1
IOU: Final = 0.45
LIMIT_S: Final = 600.0


@dataclass(frozen=True)
class Pace:
    """How fast frames were looked at. seconds: from the first frame's end to the last one's."""

    frames: int
    seconds: float

    @property
    def fps(self) -> float:
        """Frames a second."""
        return (self.frames - 1) / self.seconds


def bare_loop(video: Path, model: Path) -> Pace:
    """Run the loop in a process of its own. Raises WatchfloorError where it fails."""
    command = [sys.executable, "-m", "infra.bench.bare", str(video), str(model)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=LIMIT_S
        )
        told = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        said = (getattr(error, "stderr", None) or "").strip()[-500:]
        raise WatchfloorError(
            f"bench: the bare loop failed ({type(error).__name__})\n{said}"
        ) from None
    return Pace(told["frames"], told["seconds"])


def loop(video: str, model: str) -> Pace:
    """Look at every frame of a video, in this process."""
    import av
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    grid, stride = _grid()
    frames, first, last = 0, 0.0, 0.0
    with av.open(video) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for frame in container.decode(video=0):
            blob = _letterbox(frame.to_ndarray(format="bgr24"))
            _suppress(session.run(None, {name: blob})[0][0], grid, stride)
            last = perf_counter()
            first = first or last
            frames += 1
    return Pace(frames, last - first)


def _grid() -> tuple[Any, Any]:
    """Cell corners (3549, 2) and strides (3549, 1), as YOLOX's demo_postprocess has them."""
    import numpy as np

    cells, strides = [], []
    for step in STRIDES:
        side = SIDE // step
        y, x = np.mgrid[:side, :side]
        cells.append(np.stack((x, y), 2).reshape(-1, 2))
        strides.append(np.full((side * side, 1), step))
    return np.concatenate(cells), np.concatenate(strides)


def _letterbox(image: Any) -> Any:
    """(H, W, 3) uint8 to (1, 3, 416, 416) float32, at the top left of grey."""
    import cv2
    import numpy as np

    height, width = image.shape[:2]
    ratio = min(SIDE / height, SIDE / width)
    size = (round(width * ratio), round(height * ratio))
    canvas = np.full((SIDE, SIDE, 3), PAD, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(image, size)
    return np.ascontiguousarray(canvas.transpose(2, 0, 1), dtype=np.float32)[None]


def _suppress(raw: Any, grid: Any, stride: Any) -> list[Any]:
    """Boxes that are left of (3549, 85) raw rows."""
    import cv2
    import numpy as np

    scores = raw[:, 4:5] * raw[:, 5:]
    classes = scores.argmax(1)
    best = scores[np.arange(len(scores)), classes]
    keep = best > SCORE
    centre = (raw[keep, :2] + grid[keep]) * stride[keep]
    size = np.exp(raw[keep, 2:4]) * stride[keep]
    boxes = np.concatenate((centre - size / 2, size), 1)
    if not len(boxes):
        return []
    left = cv2.dnn.NMSBoxesBatched(boxes.tolist(), best[keep].tolist(), classes[keep], SCORE, IOU)
    return list(boxes[left])


if __name__ == "__main__":
    pace = loop(sys.argv[1], sys.argv[2])
    sys.stdout.write(json.dumps({"frames": pace.frames, "seconds": pace.seconds}) + "\n")
