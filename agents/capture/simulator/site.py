"""The simulated site: pictures and truth of its cameras, as pure functions of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from agents.capture.simulator.canvas import Bytes
from agents.capture.simulator.layouts import layout
from agents.capture.simulator.lens import HEIGHT, WIDTH, inside
from agents.capture.simulator.scene import Scene, scene
from agents.capture.simulator.stays import stays_of
from agents.capture.simulator.truth import FrameTruth, Point, SceneObject, Signal, Stay
from agents.capture.simulator.view import View

__all__ = ["MOST_CAMERAS", "NoSignalError", "SimulatedSite", "UnknownCameraError", "Zone"]

MOST_CAMERAS = 64


class UnknownCameraError(ValueError):
    """The simulated site has no such camera."""

    def __init__(self, camera_id: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no camera is called {camera_id[:40]!r}. Cameras: {', '.join(known)}")


class NoSignalError(Exception):
    """The camera delivers no frame at that time (see `SimulatedSite.signal`)."""

    def __init__(self, camera_id: str, at: timedelta) -> None:
        super().__init__(f"camera {camera_id!r} delivers nothing at {at}")


@dataclass(frozen=True)
class Zone:
    """A zone of one camera. polygon: points in 0..1. labels: what it takes; none for all."""

    zone_id: str
    severity: str
    polygon: tuple[Point, ...]
    labels: tuple[str, ...]

    @cached_property
    def _corners(self) -> npt.NDArray[np.float32]:
        return np.array(self.polygon, np.float32)

    def takes(self, label: str, foot: Point) -> bool:
        """Whether an object with that label, standing there, is in the zone."""
        return (not self.labels or label in self.labels) and inside(self._corners, *foot)


class SimulatedSite:
    """A site that never was, and is the same every time.

    Everything is a function of (scene, seed, camera, time since the world's start); any frame can
    be rendered without those before it, in any process, and the world has no end. Methods that
    take a camera raise UnknownCameraError, and ValueError for a time before the start. The first
    frame of a camera paints its backdrop (under a second); later ones cost a few milliseconds.

    cameras: how many; the scene's own number (4) by default. labels: what the zones take instead
    of the scene's default (an empty tuple: every label).
    """

    width, height = WIDTH, HEIGHT

    def __init__(
        self,
        scene_name: str = "day",
        seed: int = 1,
        *,
        cameras: int | None = None,
        labels: tuple[str, ...] | None = None,
    ) -> None:
        self.scene: Scene = scene(scene_name)
        self.seed = seed
        count = len(self.scene.cameras) if cameras is None else cameras
        if not 1 <= count <= MOST_CAMERAS:
            raise ValueError(f"a simulated site has 1 to {MOST_CAMERAS} cameras, not {count}")
        self.labels = self.scene.labels if labels is None else labels
        kinds = self.scene.cameras
        self._views: dict[str, View] = {}
        for number in range(count):
            plan = layout(kinds[number % len(kinds)], seed, number // len(kinds))
            self._views[plan.camera_id] = View(plan, self.scene, seed, number)
        self._zones = {name: self._outline(view) for name, view in self._views.items()}

    def _outline(self, view: View) -> tuple[Zone, ...]:
        zones = []
        for shape in view.layout.zones:
            flat = [(x, y, 0.0) for x, y in shape.corners]
            pixels = view.layout.lens.project(flat)[0] / (WIDTH, HEIGHT)
            points = [
                (round(float(x), 4), round(float(y), 4)) for x, y in np.clip(pixels, 0.01, 0.99)
            ]
            zones.append(Zone(shape.zone_id, shape.severity, tuple(points), self.labels))
        return tuple(zones)

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras' ids."""
        return tuple(self._views)

    def camera_name(self, camera_id: str) -> str:
        """The camera's name for people."""
        return self._view(camera_id).layout.name

    def zones(self, camera_id: str) -> tuple[Zone, ...]:
        """The camera's zones."""
        self._view(camera_id)
        return self._zones[camera_id]

    def signal(self, camera_id: str, t: timedelta) -> Signal:
        """What the camera delivers `t` after the world's start."""
        return self._view(camera_id).signal(_microseconds(t) / 1e6)

    def render(self, camera_id: str, t: timedelta) -> Bytes:
        """The camera's frame, (360, 640, 3) uint8, blue, green, red.

        Raises NoSignalError while the camera is lost.
        """
        view, at = self._view(camera_id), _microseconds(t)
        if view.signal(at / 1e6) is Signal.LOST:
            raise NoSignalError(camera_id, t)
        return view.render(at)

    def render_empty(self, camera_id: str, t: timedelta, *, plain: bool = False) -> Bytes:
        """As `render`, without anybody who comes and goes; also while the camera is lost.

        plain: without noise, weather and the clock, as `render_plain`.
        """
        return self._view(camera_id).render(_microseconds(t), peopled=False, plain=plain)

    def render_plain(self, camera_id: str, t: timedelta) -> Bytes:
        """As `render`, without noise, weather, clock, moving shadows and head lamps.

        Its difference to `render_empty(..., plain=True)` is the objects and nothing else.
        """
        return self._view(camera_id).render(_microseconds(t), plain=True)

    def truth(self, camera_id: str, t: timedelta) -> FrameTruth:
        """What is true of the frame at `t`."""
        view = self._view(camera_id)
        seconds = _microseconds(t) / 1e6
        seen = view.seen(seconds)
        objects = tuple(
            SceneObject(
                object_id=actor.object_id,
                label=actor.label,
                box=shape.relative,
                foot=shape.foot,
                visible=view.visible(seen, index),
                zones=self._in_zones(camera_id, actor.label, shape.foot),
            )
            for index, (actor, _, shape) in enumerate(seen)
        )
        parked = tuple(
            SceneObject(
                object_id=name,
                label=label,
                box=shape.relative,
                foot=shape.foot,
                visible=shown,
                zones=self._in_zones(camera_id, label, shape.foot),
            )
            for name, label, shape, shown in view.parked
        )
        return FrameTruth(
            camera_id=camera_id, at=t, signal=view.signal(seconds), objects=objects, parked=parked
        )

    def stays(self, until: timedelta, since: timedelta = timedelta(0)) -> tuple[Stay, ...]:
        """Every stay of all cameras that overlaps [since, until], by the time of entry.

        Times of entry and leaving are exact to a millisecond and are not cut at `since` and
        `until`. Vehicles that are parked for good stand outside of the zones.
        """
        first, last = _microseconds(since) / 1e6, _microseconds(until) / 1e6
        found: list[Stay] = []
        for camera_id, view in self._views.items():
            found += stays_of(view, self._zones[camera_id], first, last)
        found.sort(key=lambda stay: (stay.enter, stay.camera_id, stay.zone_id, stay.object_id))
        return tuple(found)

    def _in_zones(self, camera_id: str, label: str, foot: Point) -> tuple[str, ...]:
        return tuple(zone.zone_id for zone in self._zones[camera_id] if zone.takes(label, foot))

    def _view(self, camera_id: str) -> View:
        try:
            return self._views[camera_id]
        except KeyError:
            raise UnknownCameraError(camera_id, self.cameras) from None


def _microseconds(t: timedelta) -> int:
    at = t // timedelta(microseconds=1)
    if at < 0:
        raise ValueError(f"the simulated world has no time before its start: {t}")
    return at
