"""Zones on recorded tracks against what the simulator knows: an ideal detector's tracks of its
world, simplified as they are recorded, have to say of any zone what every single frame says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.capture.simulator import ObservedEvent, SimulatedSite, score
from agents.detect.paths import TOLERANCE, Point, simplify
from agents.detect.zones import WatchedZone
from infra.backtest.tracks import Key, tried
from schemas.detection import PathPoint, TrackPath

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
SECONDS = 120
FRAME = timedelta(milliseconds=400)
SURE = 0.9
MARGIN = TOLERANCE + 1e-6
Polygon = tuple[tuple[float, float], ...]


@cache
def world() -> SimulatedSite:
    """A yard by day: people, vehicles, and what hides them."""
    return SimulatedSite("day", 3)


@cache
def seen() -> dict[tuple[str, str, str], list[Point]]:
    """Each object's boxes, frame by frame, by camera, id and label; gaps end a track."""
    site = world()
    found: dict[tuple[str, str, str], list[Point]] = {}
    for number in range(SECONDS * 10 // 4):
        at = number * FRAME
        for camera in site.cameras:
            for one in site.truth(camera, at).objects:
                if one.visible < 0.5:
                    continue
                track = found.setdefault((camera, one.object_id, one.label), [])
                track.append(Point(at=START + at, seq=number, box=one.box, score=SURE))
    return found


@cache
def tracks(*, simplified: bool) -> tuple[TrackPath, ...]:
    """Those as records, whole or as capture's tracker records them."""
    return tuple(
        TrackPath(
            track_id=f"{camera}/{name}",
            site_id="north",
            camera_id=camera,
            label=label,
            first_seen=points[0].at,
            last_seen=points[-1].at,
            frames=len(points),
            median_score=SURE,
            model="truth",
            path=tuple(
                PathPoint(at=one.at, seq=one.seq, box=one.box, score=one.score)
                for one in (simplify(points) if simplified else points)
            ),
        )
        for (camera, name, label), points in seen().items()
        # In one piece: a track has no gaps that a straight line would fill.
        if len(points) > 1 and points[-1].seq - points[0].seq == len(points) - 1
    )


def events(zones: dict[Key, WatchedZone], *, simplified: bool) -> list[tuple[str, str, datetime]]:
    """Camera, track and time of what the zones make of the tracks."""
    ((found,), _) = tried(tracks(simplified=simplified), [zones])
    return [
        (one.camera_id or "", one.track_id or "", one.occurred_at) for one in found.get("north", [])
    ]


def everywhere(polygon: Polygon, dwell: float) -> dict[Key, WatchedZone]:
    zone = WatchedZone("z", polygon, min_confidence=0.5, dwell=timedelta(seconds=dwell))
    return {("north", camera, "z"): zone for camera in world().cameras}


def test_the_sites_own_zones_see_its_stays() -> None:
    """The oracle's stays are of the world and not of any track: recall and precision by it."""
    site = world()
    zones: dict[Key, WatchedZone] = {
        ("north", camera, zone.zone_id): WatchedZone(
            zone.zone_id, zone.polygon, frozenset(zone.labels), min_confidence=0.5
        )
        for camera in site.cameras
        for zone in site.zones(camera)
    }
    ((found,), _) = tried(tracks(simplified=True), [zones])
    until = timedelta(seconds=SECONDS)
    # What was hidden for a while no one track has.
    whole = {one.track_id.split("/", 1)[1] for one in tracks(simplified=True)}
    stays = [one for one in site.stays(until) if one.object_id in whole]
    result = score(
        stays,
        [
            ObservedEvent(
                camera_id=one.camera_id or "", zone_id=one.zone_id or "", completed=one.occurred_at
            )
            for one in found.get("north", [])
        ],
        start=START,
        since=START,
        until=START + until,
    )
    assert result.stays >= 5
    assert result.recall is not None
    assert result.recall >= 0.9, result
    assert result.precision is not None
    assert result.precision >= 0.9, result


def rectangle(left: float, top: float, right: float, bottom: float) -> Polygon:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


@st.composite
def zones(draw: st.DrawFn) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a zone with room for a smaller one in it."""
    left = draw(st.floats(0.0, 0.85))
    top = draw(st.floats(0.0, 0.85))
    right = draw(st.floats(left + 0.05, 1.0))
    bottom = draw(st.floats(top + 0.05, 1.0))
    return left, top, right, bottom


@settings(max_examples=40, deadline=None)
@given(zones(), st.sampled_from([0.0, 0.0, 2.0, 5.0, 15.0]))
def test_any_zone_sees_on_a_simplified_track_what_it_sees_frame_by_frame(
    zone: tuple[float, float, float, float], dwell: float
) -> None:
    """But for feet within the path's tolerance of its border: what a zone smaller by that sees on
    every frame it sees on the path, and what it sees there a larger one sees on every frame."""
    left, top, right, bottom = zone
    smaller = rectangle(left + MARGIN, top + MARGIN, right - MARGIN, bottom - MARGIN)
    larger = rectangle(left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN)
    least = {t for _, t, _ in events(everywhere(smaller, dwell), simplified=False)}
    found = {t for _, t, _ in events(everywhere(rectangle(*zone), dwell), simplified=True)}
    most = {t for _, t, _ in events(everywhere(larger, dwell), simplified=False)}
    assert least <= found <= most


def test_zones_of_the_whole_picture_see_every_track() -> None:
    """Else the property above would hold of a function that finds nothing."""
    found = {t for _, t, _ in events(everywhere((), 0.0), simplified=True)}
    long = {one.track_id for one in tracks(simplified=True) if one.frames >= 3}
    assert found == long
    assert len(found) > 10


@settings(max_examples=25, deadline=None)
@given(zones(), st.floats(0.0, 20.0), st.floats(0.0, 20.0))
def test_whoever_stays_long_stays_short(
    zone: tuple[float, float, float, float], one: float, other: float
) -> None:
    short, long = sorted((one, other))

    def first(dwell: float) -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        for _, track, at in events(everywhere(rectangle(*zone), dwell), simplified=True):
            found.setdefault(track, at)
        return found

    soon, late = first(short), first(long)
    assert late.keys() <= soon.keys()
    assert all(soon[track] <= at for track, at in late.items())
