from __future__ import annotations

import numpy as np

from agents.detect.boxes import Detections
from agents.detect.engine import CameraDetector, FrameOutcome, ModelEye, MotionEye
from agents.detect.zones import WatchedZone
from tests.unit.agents.detect.scenes import CLASSES, at, person, saw

ZONES = [WatchedZone("all", labels=frozenset({"person"}))]


def visit(camera: CameraDetector, start: float, seq: int = 0) -> list[FrameOutcome]:
    """Somebody walks through in 4 s, then 4 s of nobody."""
    outcomes = []
    for i in range(40):
        now = i * 0.2
        things = [person(0.1 + 0.15 * now)] if now < 4 else []
        outcomes.append(camera.advance(saw(things), at(start + now), seq + i, zones=ZONES))
    return outcomes


def test_a_visit_is_one_completion_and_one_finished_track() -> None:
    outcomes = visit(CameraDetector(classes=CLASSES), 0)
    completions = [c for outcome in outcomes for c in outcome.completions]
    assert [(c.zone_id, c.track.label, c.track.first_seq) for c in completions] == [
        ("all", "person", 0)
    ]
    assert completions[0].at == at(0.4)
    finished = [f for outcome in outcomes for f in outcome.finished]
    assert [f.state.hits for f in finished] == [20]
    seen = outcomes[5].seen[0]
    assert (seen.label, seen.score, seen.track) == ("person", 0.9, completions[0].track.number)


def test_the_same_frames_give_the_same_outcomes_also_after_a_reset() -> None:
    camera = CameraDetector(classes=CLASSES)
    first = visit(camera, 0)
    camera.reset()
    assert visit(camera, 0) == first
    assert visit(CameraDetector(classes=CLASSES), 0) == first


def test_a_frame_that_was_seen_changes_nothing() -> None:
    """After a restart frames come again; warming goes over them and the stream repeats some."""
    camera, other = CameraDetector(classes=CLASSES), CameraDetector(classes=CLASSES)
    for i in range(10):
        found = saw([person(0.1 + 0.03 * i)])
        expected = other.advance(found, at(i * 0.2), i, zones=ZONES)
        assert camera.advance(found, at(i * 0.2), i, zones=ZONES) == expected
        again = camera.advance(saw([person(0.9)]), at(i * 0.2), i, zones=ZONES)
        assert again == FrameOutcome((), (), (), ())


def test_finish_ends_what_lives() -> None:
    camera = CameraDetector(classes=CLASSES)
    for i in range(5):
        camera.advance(saw([person(0.5)]), at(i * 0.2), i, zones=ZONES)
    assert [track.state.hits for track in camera.finish()] == [5]
    assert camera.finish() == ()


class Fixed:
    """A detector that always sees the same."""

    name = "fixed"
    classes = CLASSES
    start_score = 0.4

    def infer(self, image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Detections:
        return saw([person(float(image.mean()) / 255)])

    def infer_batch(self, images: object) -> list[Detections]:
        raise AssertionError(images)


def test_eyes() -> None:
    model = ModelEye(Fixed())
    assert not model.ordered
    picture = np.full((36, 64, 3), 127, np.uint8)
    assert np.allclose(model.look(picture, at(0)).boxes[0, 0], 127 / 255 - 0.05, atol=1e-3)
    camera = CameraDetector.for_eye(model)
    for i in range(3):
        outcome = camera.advance(model.look(picture, at(i)), at(i), i, zones=ZONES)
    assert outcome.tracks[0].label == "person"

    motion = MotionEye()
    assert motion.ordered
    assert motion.name == "motion"
    outcome = CameraDetector.for_eye(motion).advance(
        Detections(
            np.array([[0.1, 0.1, 0.2, 0.4]], np.float32),
            np.array([0.9], np.float32),
            np.array([-1], np.int64),
        ),
        at(0),
        0,
        zones=ZONES,
    )
    assert (outcome.seen[0].label, outcome.seen[0].score) == (None, None)
