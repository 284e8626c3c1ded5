"""What never moves, painted once: ground, walls, fences, trees, parked vehicles, light.

Everything here is cached by the caller; a frame only copies from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from agents.capture.simulator.canvas import Bytes, Canvas, Sprite, blend
from agents.capture.simulator.dice import dice, grain
from agents.capture.simulator.foliage import Foliage, grow
from agents.capture.simulator.layout import Fence, Layout, Place, Wall
from agents.capture.simulator.lens import HEIGHT, WIDTH, Floats
from agents.capture.simulator.occlusion import Occluder, restore
from agents.capture.simulator.textures import ground_material, pales, wall_material
from agents.capture.simulator.vehicles import Vehicle, draw_vehicle, paint, vehicle_points

__all__ = ["Backdrop", "paint_backdrop", "sun_direction"]

_FINE = 2
"""The backdrop is painted at twice the size and averaged down."""
_METRE = 32
"""Pixels of texture a metre."""
_GROUND = (-34.0, -2.0, 34.0, 58.0)
_PLAIN = (1.0, 1.0, 1.0)

_Paint = npt.NDArray[np.float32]


class _At(Protocol):
    def __call__(self, points: tuple[Place, ...]) -> npt.NDArray[np.int32]: ...


@dataclass(frozen=True)
class Backdrop:
    """A camera's empty picture.

    albedo: (H, W, 3) uint8, lit by the sky alone at night, by sun and sky by day; without foliage.
    shade: (H, W) float32, the sunlight that reaches the ground, 0..1.
    places: (H / 4, W / 4, 3) float32, the world point that each pixel shows; far away for the sky.
    """

    albedo: Bytes
    shade: _Paint
    places: _Paint
    occluders: tuple[Occluder, ...]
    foliage: tuple[Foliage, ...]
    parked: tuple[tuple[Vehicle, float, float, float], ...]


def sun_direction(layout: Layout) -> tuple[float, float, float]:
    """The unit vector towards the sun."""
    azimuth, height = radians(layout.sun[0]), radians(layout.sun[1])
    return cos(azimuth) * cos(height), sin(azimuth) * cos(height), sin(height)


def _texture_corners(height: int, width: int) -> npt.NDArray[np.float32]:
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)


class _Painter:
    def __init__(self, layout: Layout, seed: int, *, sunny: bool, wet: bool) -> None:
        self.layout, self.lens, self.seed = layout, layout.lens, seed
        self.sun = sun_direction(layout)
        self.sunny, self.wet = sunny, wet
        self.picture: _Paint = np.zeros((HEIGHT * _FINE, WIDTH * _FINE, 3), np.float32)
        self.places: _Paint = np.full((HEIGHT // 4, WIDTH // 4, 3), 1e4, np.float32)
        self.shade: _Paint = np.ones((HEIGHT, WIDTH), np.float32)
        self.occluders: list[Occluder] = []

    def sky(self) -> None:
        horizon = self.lens.project([(0.0, 900.0, 0.0)])[0][0, 1] * _FINE
        rows = np.arange(HEIGHT * _FINE, dtype=np.float32)
        up = np.clip((horizon - rows) / 160.0, 0.0, 1.0)[:, None, None]
        low = np.array((222, 218, 212), np.float32)
        high = np.array((214, 186, 150) if self.sunny else (190, 184, 178), np.float32)
        self.picture[:] = low * (1 - up) + high * up
        self._skyline(horizon)

    def _skyline(self, horizon: float) -> None:
        chance = dice("skyline", self.seed, self.layout.camera_id)
        x, width = -20.0, float(WIDTH * _FINE)
        haze = np.array((196, 192, 186), np.float32)
        while x < width:
            if self.layout.skyline == "blocks":
                wide, tall = 60 + 120 * chance.random(), 14 + 50 * chance.random()
                colour = haze * (0.72 + 0.15 * chance.random())
                cv2.rectangle(
                    self.picture, (int(x), int(horizon - tall)), (int(x + wide), int(horizon + 30)),
                    colour.tolist(), -1,
                )  # fmt: skip
            else:
                wide, tall = 14 + 30 * chance.random(), 12 + 22 * chance.random()
                colour = np.array((112, 128, 118)) * (0.85 + 0.3 * chance.random())
                cv2.ellipse(
                    self.picture, (int(x), int(horizon + 4)), (int(wide), int(tall)),
                    0, 180, 360, colour.tolist(), -1, cv2.LINE_AA,
                )  # fmt: skip
            x += wide * 0.8

    def ground(self) -> None:
        x1, y1, x2, y2 = _GROUND
        width, height = round((x2 - x1) * _METRE), round((y2 - y1) * _METRE)

        def at(points: tuple[Place, ...]) -> npt.NDArray[np.int32]:
            # The texture's rows run away from the camera.
            flat = np.array(points, np.float64)
            return np.round((flat - (x1, y1)) * _METRE).astype(np.int32)

        texture = ground_material(self.layout.ground, height, width, _METRE, self.seed)
        for patch in self.layout.patches:
            mask = np.zeros((height, width), np.uint8)
            cv2.fillPoly(mask, [at(patch.corners)], 255)
            material = ground_material(patch.material, height, width, _METRE, self.seed + 1)
            cv2.copyTo(material, mask, texture)
            cv2.polylines(texture, [at(patch.corners)], True, (112, 118, 120), 4, cv2.LINE_AA)
        self._wear(texture, at)
        across = cv2.getPerspectiveTransform(
            _texture_corners(height, width),
            np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], np.float32),
        )
        scale = np.diag((_FINE, _FINE, 1.0))
        matrix = scale @ self.lens.ground() @ across
        size = (WIDTH * _FINE, HEIGHT * _FINE)
        warped = cv2.warpPerspective(texture, matrix, size, flags=cv2.INTER_AREA)
        rows, columns = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float64)
        bottom = np.linalg.inv(self.lens.ground()) @ np.stack(
            (columns.ravel() / _FINE, rows.ravel() / _FINE, np.ones(columns.size))
        )
        below = bottom[2] * np.sign(bottom[2][-1]) > 1e-9
        flat = np.where(below, bottom[:2] / np.where(below, bottom[2], 1.0), 1e4)
        distance = np.hypot(flat[0], flat[1]).reshape(columns.shape)
        known = (distance < 900.0)[..., None]
        covered = (warped.sum(axis=2) > 0)[..., None]
        mean = texture[::16, ::16].reshape(-1, 3).mean(axis=0).astype(np.float32)
        far = np.where(covered, warped.astype(np.float32), mean)
        haze = np.clip((distance - 25.0) / 220.0, 0.0, 0.75).astype(np.float32)[..., None]
        far = far * (1 - haze) + np.array((205, 202, 196), np.float32) * haze
        self.picture = np.where(known, far, self.picture).astype(np.float32)
        points = np.stack((flat[0], flat[1], np.zeros_like(flat[0])), -1).reshape(*rows.shape, 3)
        self.places = np.where(known, points, 1e4)[:: 4 * _FINE, :: 4 * _FINE].astype(np.float32)

    def _wear(self, texture: Bytes, at: _At) -> None:
        worn = grain("worn", self.seed).integers(110, 255, (32, 32)).astype(np.uint8)
        rubbed = cv2.resize(worn, (1024, 1024), interpolation=cv2.INTER_CUBIC)
        painted = np.zeros(texture.shape[:2], np.uint8)
        for stripe in self.layout.stripes:
            wide = max(1, round(stripe.width * _METRE))
            painted[:] = 0
            cv2.polylines(painted, [at(stripe.points)], False, 255, wide, cv2.LINE_AA)
            x, y, across, along = cv2.boundingRect(painted)
            rows, columns = np.nonzero(painted[y : y + along, x : x + across])
            cover = painted[y + rows, x + columns] / 255.0
            alpha = (cover * rubbed[rows % 1024, columns % 1024] / 255.0)[:, None]
            under = texture[y + rows, x + columns] * (1 - alpha)
            texture[y + rows, x + columns] = under + np.array(stripe.colour) * alpha
        chance = dice("stains", self.seed, self.layout.camera_id)
        stains = np.zeros(texture.shape[:2], np.uint8)
        for _ in range(self.layout.stains):
            centre = at(((-14 + 28 * chance.random(), 3 + 20 * chance.random()),))[0]
            axes = (round(_METRE * (0.1 + 0.7 * chance.random())),) * 2
            lean = (axes[0], max(2, round(axes[1] * (0.3 + 0.6 * chance.random()))))
            turn = 180 * chance.random()
            depth = 20 + 50 * chance.random()
            cv2.ellipse(stains, centre.tolist(), lean, turn, 0, 360, depth, -1)
        left = cv2.bitwise_not(cv2.GaussianBlur(stains, (0, 0), 6))
        cv2.multiply(texture, cv2.cvtColor(left, cv2.COLOR_GRAY2BGR), dst=texture, scale=1 / 255)

    def shadows(self, vehicles: tuple[tuple[Vehicle, float, float, float], ...]) -> None:
        """Sunlight on the ground, and on what walks over it."""
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)

        def cast(points: Floats) -> None:
            reach = points[:, 2:] / self.sun[2]
            flat = points.copy()
            flat[:, :2] -= reach * self.sun[:2]
            flat[:, 2] = 0.0
            hull = cv2.convexHull(self.lens.project(flat)[0].astype(np.float32))
            corners = np.clip(hull[:, 0] * 16, -(2**24), 2**24).astype(np.int32)
            cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_AA, 4)

        if self.sunny:
            for wall in self.layout.walls:
                if wall.shadow:
                    ends = (*wall.a, wall.bottom), (*wall.b, wall.bottom)
                    tops = (*wall.a, wall.top), (*wall.b, wall.top)
                    cast(np.array(ends + tops))
            for tree in self.layout.trees:
                ring = np.linspace(0, 2 * np.pi, 14)
                crown = tree.trunk + (tree.height - tree.trunk) * np.array((0.1, 0.5, 0.9))
                for level, part in zip(crown, (0.4, 0.48, 0.25), strict=True):
                    circle = np.column_stack(
                        (
                            tree.at[0] + tree.spread * part * np.cos(ring),
                            tree.at[1] + tree.spread * part * np.sin(ring),
                            np.full(len(ring), level),
                        )
                    )
                    cast(circle)
        # A vehicle darkens the ground right under it in any light.
        for vehicle in vehicles:
            points = vehicle_points(*vehicle)
            if not self.sunny:
                points[:, 2] = 0.0
            cast(points)
        soft = cv2.GaussianBlur(mask, (0, 0), 1.6).astype(np.float32) / 255.0
        if self.wet:
            soft *= 0.55
        self.shade = 1.0 - soft
        if self.layout.indoors:
            return
        wide = cv2.resize(soft, (WIDTH * _FINE, HEIGHT * _FINE))[..., None]
        self.picture *= 1.0 - 0.52 * wide

    def _warp(self, texture: npt.NDArray[np.uint8], corners: Floats) -> npt.NDArray[np.float32]:
        """A texture (h, w, 4) onto four world corners -> (H * 2, W * 2, 4) float32."""
        pixels = self.lens.project(corners)[0].astype(np.float32) * _FINE
        height, width = texture.shape[:2]
        matrix = cv2.getPerspectiveTransform(_texture_corners(height, width), pixels)
        size = (WIDTH * _FINE, HEIGHT * _FINE)
        return np.asarray(cv2.warpPerspective(texture.astype(np.float32), matrix, size), np.float32)

    def _stand(self, corners: Floats, texture: npt.NDArray[np.uint8], wall: Wall | Fence) -> None:
        painted = self._warp(texture, corners)
        alpha = painted[..., 3:] / 255.0
        self.picture = self.picture * (1 - alpha) + painted[..., :3] * np.sign(alpha) * alpha
        small = cv2.resize(alpha, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        rows, columns = np.nonzero(small > 0.02)
        if len(rows) == 0:
            return
        y1, y2, x1, x2 = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
        if isinstance(wall, Fence) or wall.shadow:
            part = (small[y1:y2, x1:x2] * 255).astype(np.uint8)
            self.occluders.append(Occluder(int(x1), int(y1), part, (wall.a, wall.b)))
        if isinstance(wall, Wall):
            self._measure(corners)

    def _measure(self, corners: Floats) -> None:
        across, down = np.meshgrid(np.linspace(0, 1, 64), np.linspace(0, 1, 24))
        top = corners[0] + across[..., None] * (corners[1] - corners[0])
        grid = top + down[..., None] * (corners[3] - corners[0])
        pixels = self.lens.project(corners)[0].astype(np.float32) / 4.0
        matrix = cv2.getPerspectiveTransform(_texture_corners(24, 64), pixels)
        size = (WIDTH // 4, HEIGHT // 4)
        warped = cv2.warpPerspective(
            grid.astype(np.float32), matrix, size, borderMode=cv2.BORDER_CONSTANT,
            borderValue=(1e6, 1e6, 1e6),
        )  # fmt: skip
        known = np.abs(warped).max(axis=2) < 1e3
        self.places[known] = warped[known]

    def wall(self, wall: Wall) -> None:
        (ax, ay), (bx, by) = wall.a, wall.b
        long = float(np.hypot(bx - ax, by - ay))
        height, width = round((wall.top - wall.bottom) * _METRE), round(long * _METRE)
        texture = wall_material(wall.material, height, width, _METRE, self.seed)
        facing = np.array(((by - ay) / long, -(bx - ax) / long))
        bright = 0.74 + 0.34 * max(0.0, float(facing @ np.array(self.sun[:2])))
        bright = bright if self.sunny else 0.8
        lit = np.clip(texture * bright, 0, 255).astype(np.uint8)
        opaque = np.dstack((lit, np.full((height, width), 255, np.uint8)))
        corners = np.array(
            [(ax, ay, wall.top), (bx, by, wall.top), (bx, by, wall.bottom), (ax, ay, wall.bottom)]
        )
        self._stand(corners, opaque, wall)

    def fence(self, fence: Fence) -> None:
        (ax, ay), (bx, by) = fence.a, fence.b
        long = float(np.hypot(bx - ax, by - ay))
        metre = _METRE * 2
        texture = pales(fence.kind, round(fence.height * metre), round(long * metre), metre)
        corners = np.array(
            [(ax, ay, fence.height), (bx, by, fence.height), (bx, by, 0), (ax, ay, 0)]
        )
        self._stand(corners, texture, fence)

    def small(self) -> Bytes:
        """The picture at its final size."""
        shrunk = cv2.resize(self.picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        corner = 1.0 - 0.16 * (rows**2 * 0.5 + columns**2 * 0.7)
        wet = 0.82 if self.wet else 1.0
        lifted = shrunk * corner[..., None] * wet
        return np.asarray(np.clip(lifted, 0, 255), np.uint8)


@lru_cache(maxsize=16)
def paint_backdrop(layout: Layout, seed: int, *, sunny: bool, wet: bool) -> Backdrop:
    """Paint what `layout` shows while nobody is there.

    Kept for the process (about 3 MB each): a site of four cameras read as four sources is painted
    once, and not sixteen times.
    """
    painter = _Painter(layout, seed, sunny=sunny, wet=wet)
    chance = dice("parked", seed, layout.camera_id)
    vehicles = tuple(
        (paint(chance, (spot.model,)), *spot.at, spot.heading) for spot in layout.parked
    )
    painter.sky()
    painter.ground()
    painter.shadows(vehicles)
    standing: list[Wall | Fence] = [*layout.walls, *layout.fences]
    for thing in sorted(standing, key=_how_far, reverse=True):
        if isinstance(thing, Wall):
            painter.wall(thing)
        else:
            painter.fence(thing)
    albedo = painter.small()
    hiding = tuple(painter.occluders)
    empty = albedo.copy()
    parked = sorted(vehicles, key=lambda item: -(item[1] ** 2 + item[2] ** 2))
    for vehicle in parked:
        sprite = _park(layout, vehicle, 1.0 if sunny else 0.88)
        blend(albedo, sprite)
        x, y = vehicle[1], vehicle[2]
        own = Occluder(sprite.x, sprite.y, sprite.alpha, ((x, y), (x - y, y + x)))
        for occluder in hiding:
            if occluder.hides(x, y):
                restore(albedo, empty, occluder, own.rectangle)
        painter.occluders.append(own)
    foliage = grow(layout, seed, painter.sun, sunny=sunny)
    occluders = (*painter.occluders, *(plant.occluder for plant in foliage))
    return Backdrop(albedo, painter.shade, painter.places, occluders, foliage, tuple(parked))


def _how_far(thing: Wall | Fence) -> float:
    """Metres from the camera to the line that a wall stands on."""
    (ax, ay), (bx, by) = thing.a, thing.b
    return abs(ax * by - ay * bx) / float(np.hypot(bx - ax, by - ay))


def _park(layout: Layout, vehicle: tuple[Vehicle, float, float, float], bright: float) -> Sprite:
    points = layout.lens.project(vehicle_points(*vehicle))[0]
    canvas = Canvas((*points.min(axis=0), *points.max(axis=0)))
    gain = (bright, bright, bright)
    draw_vehicle(canvas, layout.lens, vehicle[0], vehicle[1:], gain, sun_direction(layout))
    return canvas.sprite()
