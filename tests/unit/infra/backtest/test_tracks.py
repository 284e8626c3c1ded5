"""Changed zones on recorded tracks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infra.backtest.tracks import changed_zones, frames, tried
from schemas.detection import PathPoint, TrackPath
from schemas.document import Camera, Document, Site, Zone
from schemas.event import EventSource
from tests.unit.agents.harness import T0

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))


def walk(name: str = "walker", *, seconds: float = 10.0, score: float | None = 0.9) -> TrackPath:
    """From the left border to the right one, at a steady pace, five frames a second."""

    def point(second: float, x: float) -> PathPoint:
        return PathPoint(
            at=T0 + timedelta(seconds=second),
            seq=int(second * 5),
            box=(x - 0.05, 0.4, x + 0.05, 0.8),
            score=score,
        )

    return TrackPath(
        track_id=name,
        site_id="north",
        camera_id="cam-1",
        label="person",
        first_seen=T0,
        last_seen=T0 + timedelta(seconds=seconds),
        frames=int(seconds * 5) + 1,
        median_score=score,
        model="m",
        path=(point(0, 0.05), point(seconds, 0.95)),
    )


def document(**zone: object) -> Document:
    fields = {"zone_id": "yard", "camera_ids": ("cam-1",), **zone}
    return Document(
        sites=(
            Site(
                site_id="north",
                cameras=(Camera(camera_id="cam-1"),),
                zones=(Zone(**fields),),  # type: ignore[arg-type]
            ),
        )
    )


def made(track: TrackPath, **zone: object) -> list[tuple[str, float]]:
    """Type and second of each event that the zone makes of the track."""
    _, zones = changed_zones(Document(), document(**zone))
    (found,), names = tried([track], [zones])
    assert names == {track.track_id}
    return [
        (one.event_type, round((one.occurred_at - T0).total_seconds(), 1))
        for one in found.get("north", [])
    ]


@pytest.mark.parametrize(
    ("zone", "wanted"),
    [
        ({}, [("object_in_zone", 0.4)]),  # the whole picture: on the third sighting
        ({"polygons": {"cam-1": LEFT}}, [("object_in_zone", 0.4)]),
        ({"polygons": {"cam-1": RIGHT}}, [("object_in_zone", 5.2)]),  # crosses the middle at 5 s
        ({"polygons": {"cam-1": LEFT}, "dwell_sec": 3.0}, [("loitering", 3.0)]),
        ({"polygons": {"cam-1": RIGHT}, "dwell_sec": 3.0}, [("loitering", 8.0)]),
        ({"polygons": {"cam-1": LEFT}, "dwell_sec": 8.0}, []),  # gone after 5 s
        ({"labels": ("car",)}, []),
        ({"min_confidence": 0.95}, []),
        ({"min_confidence": 0.9}, [("object_in_zone", 0.4)]),
    ],
)
def test_a_walk(zone: dict[str, object], wanted: list[tuple[str, float]]) -> None:
    assert made(walk(), **zone) == wanted


def test_a_stay_keeps_its_length() -> None:
    still = walk(seconds=60.0)
    path = (still.path[0], PathPoint(at=still.last_seen, seq=300, box=still.path[0].box))
    parked = TrackPath(**{**{n: getattr(still, n) for n in still.__struct_fields__}, "path": path})
    assert made(parked, dwell_sec=45.0) == [("loitering", 45.0)]


def test_frames_lie_between_the_points() -> None:
    found = frames(walk())
    assert len(found) == 51
    middle = found[25]
    assert middle.at == T0 + timedelta(seconds=5)
    assert middle.box == pytest.approx((0.45, 0.4, 0.55, 0.8))


def test_a_track_without_a_model_is_motion() -> None:
    plain = walk(score=None)
    motion = TrackPath(**{**{n: getattr(plain, n) for n in plain.__struct_fields__}, "label": None})
    assert [kind for kind, _ in made(motion)] == ["motion"]


def test_events_are_the_detectors_own_kind() -> None:
    _, zones = changed_zones(Document(), document())
    (found,), _ = tried([walk("b"), walk("a")], [zones])
    first, second = found["north"]
    assert first.source is EventSource.DETECTOR
    assert (first.track_id, second.track_id) == ("a", "b")
    assert first.event_id != second.event_id
    assert first.confidence == 0.9


def test_only_what_a_detector_sees_otherwise_has_changed() -> None:
    before = document(dedupe_window_sec=5.0)
    assert changed_zones(before, document(dedupe_window_sec=60.0)) == ({}, {})
    old, new = changed_zones(before, document(dwell_sec=5.0))
    key = ("north", "cam-1", "yard")
    was, will_be = old[key], new[key]
    assert was is not None
    assert will_be is not None
    assert (was.dwell, will_be.dwell) == (timedelta(0), timedelta(seconds=5))
    gone, _ = changed_zones(before, Document())
    assert list(gone) == [key]
