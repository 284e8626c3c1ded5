"""What others learn of a camera."""

from __future__ import annotations

import time
from datetime import timedelta

import msgspec
import numpy as np
from prometheus_client import REGISTRY

from agents.capture import metrics
from agents.capture.reader import Counts
from agents.capture.sight import Sight
from agents.capture.status import Status
from schemas.device import Assignment, CameraState, Probe
from tests.unit.agents.capture.videos import START, now
from topics.record import OutRecord

CAMERA = Assignment(site_id="north", device_id="gate", kind="camera", source="sim:day")
LABELS = {"site": "north", "camera": "gate"}


def probe_of(record: OutRecord) -> Probe:
    assert record.key == b"north/gate"
    assert record.value is not None
    return msgspec.json.decode(record.value, type=Probe)


def metric(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"watchfloor_capture_{name}", LABELS)


def test_life_of_a_camera() -> None:
    counts = Counts()
    status = Status(CAMERA, counts, now)
    first = probe_of(status.change(CameraState.CONNECTING))
    assert (first.state, first.ok, first.last_frame_at, first.gap_s) == (
        CameraState.CONNECTING, True, None, None,
    )  # fmt: skip
    assert status.due() is None

    status.opening()
    counts.frames, counts.sent, counts.gated, counts.connects = 7, 4, 3, 1
    counts.width, counts.height = 640, 360
    counts.last_frame, counts.last_at = time.monotonic(), START
    up = probe_of(status.change(CameraState.CONNECTED))
    assert (up.frames, up.sent, up.gated, up.connects, up.width) == (7, 4, 3, 1, 640)
    assert up.last_frame_at == START
    assert up.latency_ms is not None
    assert metric("frames_total") == 7
    assert metric("connected") == 1

    counts.last_frame -= 30
    lost = probe_of(status.change(CameraState.LOST, "x" * 5000))
    assert (lost.ok, lost.state) == (False, CameraState.LOST)
    assert lost.gap_s is not None
    assert lost.gap_s >= 30
    assert lost.error == "x" * 2000
    assert metric("connected") == 0

    counts.last_frame += 30
    counts.frames = 9
    status.count_gap()
    back = probe_of(status.change(CameraState.CONNECTED))
    assert (back.ok, back.error, back.gap_s) == (True, None, None)
    assert metric("gap_seconds_total") == 30
    assert metric("frames_total") == 9
    status.count_gap()
    assert metric("gap_seconds_total") == 30

    metrics.forget("north", "gate")
    assert metric("frames_total") is None


def test_each_probe_has_its_own_id() -> None:
    status = Status(CAMERA, Counts(), now)
    record = status.change(CameraState.CONNECTING)
    assert dict(record.headers)["ce_id"] == dict(status.change(CameraState.LOST).headers)["ce_id"]
    metrics.forget("north", "gate")


def test_how_well_a_camera_sees_is_told_while_it_is_connected() -> None:
    sight = Sight()
    status = Status(CAMERA, Counts(), now, sight)
    assert probe_of(status.change(CameraState.CONNECTED)).facts == {}
    for second in range(40):
        sight.look(np.zeros((108, 192), np.uint8), START + timedelta(seconds=second))
    assert probe_of(status.change(CameraState.CONNECTED)).facts == {"covered_lens": True}
    # What was seen before the cut says nothing of now.
    assert probe_of(status.change(CameraState.LOST, "no frame for 20 s")).facts == {}
    metrics.forget("north", "gate")
