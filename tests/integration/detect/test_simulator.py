"""Without a model, against the simulator's oracle, through the motion gate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from agents.capture.gate import GatePolicy, GateState, gate
from agents.capture.simulator.site import SimulatedSite
from agents.detect.engine import CameraDetector, MotionEye
from agents.detect.picture import decode_jpeg
from agents.detect.zones import WatchedZone

START = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 40
SEEDS = (1, 2, 3)
SLACK = timedelta(seconds=1)


def events(site: SimulatedSite, camera_id: str) -> list[tuple[str, timedelta]]:
    """Zone and time of each event of a camera at 5 fps."""
    eye = MotionEye()
    camera = CameraDetector.for_eye(eye)
    zones = [WatchedZone(zone.zone_id, zone.polygon) for zone in site.zones(camera_id)]
    state: GateState | None = None
    found: list[tuple[str, timedelta]] = []
    for number in range(SECONDS * 5):
        t = timedelta(seconds=number / 5)
        image = site.render(camera_id, t)
        grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (192, 108))
        state, verdict = gate(state, np.asarray(grey, np.uint8), t, GatePolicy())
        if not verdict.send:
            continue
        frame = decode_jpeg(bytes(cv2.imencode(".jpg", image)[1]))
        outcome = camera.advance(eye.look(frame, START + t), START + t, number, zones=zones)
        found += [(c.zone_id, t) for c in outcome.completions]
    return found


def test_day_scene_recall_and_precision() -> None:
    """One event a stay within it, ±1 s: at least 0.9 of the stays, 0.8 of the events."""
    right = told = true = 0
    for seed in SEEDS:
        site = SimulatedSite("day", seed)
        stays = site.stays(timedelta(seconds=SECONDS - 1))
        for camera_id in site.cameras:
            mine = [stay for stay in stays if stay.camera_id == camera_id]
            free = sorted(events(site, camera_id), key=lambda event: event[1])
            told, true = told + len(free), true + len(mine)
            # Stays by their end, each takes the earliest event that it can: the best matching.
            for stay in sorted(mine, key=lambda stay: stay.leave):
                for event in free:
                    zone, t = event
                    if zone == stay.zone_id and stay.enter - SLACK <= t <= stay.leave + SLACK:
                        free.remove(event)
                        right += 1
                        break
    assert true >= 15
    assert right >= 0.9 * true, (right, true, told)
    assert right >= 0.8 * told, (right, true, told)
