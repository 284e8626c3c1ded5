"""Drills of the roles at the edges: the façade, capture and detect are killed."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Final

from msgspec.structs import replace

from agents.capture.encode import Captured, frame_record, jpeg
from agents.capture.simulator import SimulatedSite
from infra.bench.frame import Measured
from infra.demo import simulated_document
from infra.drills.arena import LATEST_S, Arena
from infra.drills.events import document
from infra.drills.frame import GAP, METRICS, Drill
from infra.drills.posts import Posts
from infra.drills.topic import events_on, messages, taken_events
from infra.local_token import bearer
from infra.sandbox import publish
from schemas.base import Severity
from schemas.device import Assignment
from schemas.document import Camera, Document, Site, SiteNotifications, Zone
from schemas.frame import FrameMeta
from topics.catalogue import FRAMES

__all__ = ["DRILLS"]

SCENE: Final = "entries"
HALL: Final = "hall"
FPS: Final = 5
QUIET: Final = "quiet"
BROKEN: Final = "broken"
SITE: Final = "drill"
LOOPBACK: Final = SiteNotifications(allow_internal_targets=True)
POSTS: Final = 20
"""Answered before each kill of the façade."""


def _kill_api(at: Arena) -> None:
    """The façade is killed under posts; who posted tries again."""
    posts = Posts(at.run.seed, lambda: at.box.url, lambda: bearer(at.box.settings))
    at.extra_taken = posts.taken
    posts.start()
    try:
        kills = 50 if at.full else 2
        for number in range(kills):
            enough = len(posts.taken()) + POSTS
            at.until("posts are answered", partial(_answered, posts, enough))
            at.wait(at.chance.uniform(0.0, 1.0))
            with at.broken(f"kill -9 of the façade, {number + 1} of {kills}"):
                at.box.children["api"].kill()
                at.box.start_api()
                at.box.wait_api(LATEST_S)
        at.wait(1.0)
    finally:
        posts.stop()
    at.detail["posts_tried_again"] = posts.tried_again
    answered = posts.answers()
    with at.watch.lock:
        said = {name: (verdict.result, verdict.reason) for name, verdict in at.watch.said}
    # What was answered is what was decided.
    at.odds = [name for name, answer in answered.items() if said.get(name, answer) != answer]


def _answered(posts: Posts, least: int) -> bool:
    return len(posts.taken()) >= least


def _kill_capture(at: Arena) -> None:
    """A live camera: what was not captured is a gap, and what was captured goes on."""
    publish(at.settings, _simulated(at), "drill")
    at.extra_taken = lambda: taken_events(at.settings)
    at.until("the first event", lambda: bool(at.extra_taken()))
    kills = 50 if at.full else 2
    for number in at.moments(kills, 1.0, 4.0):
        at.say(f"kill -9 capture, {number + 1} of {kills}")
        at.kill("capture")
    at.ready("capture")
    before = len(at.extra_taken())
    at.until("events come again", lambda: len(at.extra_taken()) > before)
    # Nothing comes any more; what is on its way through detect takes a moment.
    at.kill("capture", restart=False)
    at.wait(3.0)
    gap = _longest_gap(at)
    at.figures.append(Measured(metric=GAP, value=gap, detail={"kills": kills}))


def _simulated(at: Arena) -> Document:
    """The simulated hall, whose alerts go to our receiver."""
    world = datetime.now(UTC).replace(microsecond=0)
    made = simulated_document(SCENE, at.run.seed, world)
    sites = tuple(replace(site, notifications=LOOPBACK) for site in made.sites)
    return Document(sites=sites, routing=document(at.receiver.url).routing)


def _longest_gap(at: Arena) -> float:
    times = sorted(
        meta.captured_at for meta, _ in messages(at.settings, FRAMES) if isinstance(meta, FrameMeta)
    )
    return max(((b - a).total_seconds() for a, b in pairwise(times)), default=math.nan)


def _kill_detect(at: Arena) -> None:
    """The same frames twice, as two cameras': in peace, and under kills. The same events."""
    publish(at.settings, _two_cameras(at), "drill")
    seconds = 120 if at.full else 14
    start = datetime.now(UTC) - timedelta(seconds=seconds)
    site = SimulatedSite(SCENE, at.run.seed)
    frames = [
        _captured(site, number, start + timedelta(seconds=number / FPS))
        for number in range(seconds * FPS)
    ]
    at.extra_taken = lambda: taken_events(at.settings)
    for frame in frames:
        _send(at, QUIET, frame)
    at.until("the frames are looked at in peace", lambda: _looked_at(at, len(frames)))
    kills = 20 if at.full else 2
    share = len(frames) // (kills + 1)
    for number in range(kills + 1):
        for frame in frames[number * share :][: None if number == kills else share]:
            _send(at, BROKEN, frame)
            at.wait(0.02)
        if number < kills:
            at.wait(at.chance.uniform(0.0, 1.0))
            at.say(f"kill -9 detect, {number + 1} of {kills}")
            at.kill("detect")
    at.ready("detect")
    at.until("all frames are looked at", lambda: _looked_at(at, 2 * len(frames)))
    seen: dict[str | None, list[str]] = {QUIET: [], BROKEN: []}
    for event, _ in events_on(at.settings):
        seen[event.camera_id].append(f"{event.zone_id} at frame {event.frame}")
    at.expected, at.seen = frozenset(seen[QUIET]), frozenset(seen[BROKEN])
    at.detail["events_in_peace"], at.detail["events_under_kills"] = map(len, seen.values())


def _two_cameras(at: Arena) -> Document:
    cameras = (QUIET, BROKEN)
    plain = document(at.receiver.url)
    zones = tuple(
        Zone(
            zone_id=zone.zone_id,
            camera_ids=cameras,
            severity=Severity.CRITICAL,
            min_confidence=0.3,
            polygons=dict.fromkeys(cameras, zone.polygon),
        )
        for zone in SimulatedSite(SCENE, at.run.seed).zones(HALL)
    )
    watched = Site(
        site_id=SITE,
        notifications=LOOPBACK,
        cameras=tuple(Camera(camera_id=one) for one in cameras),
        zones=zones,
    )
    return Document(sites=(watched,), routing=plain.routing)


def _captured(site: SimulatedSite, number: int, at: datetime) -> Captured:
    image = site.render(HALL, timedelta(seconds=number / FPS))
    height, width = image.shape[:2]
    return Captured(
        seq=number,
        captured_at=at,
        jpeg=jpeg(image),
        width=width,
        height=height,
        source_width=width,
        source_height=height,
        send=True,
    )


def _send(at: Arena, camera: str, frame: Captured) -> None:
    assignment = Assignment(site_id=SITE, device_id=camera, kind="camera", run="drill")
    record = frame_record(assignment, frame, live=False)
    at.load.send_other(record, f"{camera}/{frame.seq}")


def _looked_at(at: Arena, frames: int) -> bool:
    """Whether detect has committed so many frames, and they are all that were taken."""
    at.load.poll()
    if len(at.load.others_taken()) < frames:
        return False
    from infra.lags import GroupLag

    lag = GroupLag(at.settings, "watchfloor-detect")
    try:
        return lag.ask(FRAMES) == 0
    finally:
        lag.close()


DRILLS: Final = (
    Drill(
        name="kill-api",
        summary="the façade is killed under posts (full: 50 times); what it answered stands",
        drive=_kill_api,
        api=True,
        rate=0.0,
    ),
    Drill(
        name="kill-capture",
        summary="capture is killed (full: 50 times); the gap is measured, and the rest goes on",
        drive=_kill_capture,
        roles=("capture", "detect", "decide", "act"),
        rate=0.0,
        metrics=(*METRICS, GAP),
    ),
    Drill(
        name="kill-detect",
        summary="detect is killed (full: 20 times) over a file's frames; the same events come",
        drive=_kill_detect,
        roles=("detect", "decide", "act"),
        rate=0.0,
    ),
)
