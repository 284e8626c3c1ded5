"""`python -m agents.capture.simulator.preview OUT.png`: a sheet of all cameras at several times."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np

from agents.capture.simulator.canvas import Bytes
from agents.capture.simulator.lens import HEIGHT, WIDTH
from agents.capture.simulator.scene import SCENES
from agents.capture.simulator.site import NoSignalError, SimulatedSite

__all__ = ["main", "sheet"]


def sheet(site: SimulatedSite, times: list[timedelta], *, marked: bool = False) -> Bytes:
    """(rows * H, cameras * W, 3) uint8: a column a camera, a row a time.

    marked: with the zones and the boxes of truth.
    """
    rows = []
    for t in times:
        row = []
        for camera in site.cameras:
            try:
                frame = site.render(camera, t)
            except NoSignalError:
                frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            if marked:
                _mark(frame, site, camera, t)
            row.append(frame)
        rows.append(np.hstack(row))
    return np.asarray(np.vstack(rows), np.uint8)


def _mark(frame: Bytes, site: SimulatedSite, camera: str, t: timedelta) -> None:
    size = np.array((WIDTH, HEIGHT))
    for zone in site.zones(camera):
        corners = np.round(np.array(zone.polygon) * size).astype(np.int32)
        cv2.polylines(frame, [corners], True, (0, 200, 255), 1)
    for thing in site.truth(camera, t).objects:
        x1, y1, x2, y2 = np.round(np.array(thing.box) * (*size, *size)).astype(int).tolist()
        colour = (0, 0, 255) if thing.zones else (0, 255, 0)
        cv2.rectangle(frame, (x1, y1), (x2, y2), colour, 1)
        words = f"{thing.label} {thing.visible:.2f}"
        cv2.putText(frame, words, (x1, y1 - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, 1)


def main(arguments: list[str]) -> int:
    """Write the sheet. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="preview", description=__doc__)
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("--scene", default="day", choices=sorted(SCENES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", type=float, nargs="+", default=[20.0, 47.0, 80.0], help="seconds")
    parser.add_argument("--marked", action="store_true", help="draw zones and true boxes")
    chosen = parser.parse_args(arguments)
    site = SimulatedSite(chosen.scene, chosen.seed)
    picture = sheet(site, [timedelta(seconds=at) for at in chosen.at], marked=chosen.marked)
    if not cv2.imwrite(str(chosen.out), picture):
        parser.error(f"cannot write {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
