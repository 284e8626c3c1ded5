"""Light that changes: clouds by day; lamps and head lamps by night."""

from __future__ import annotations

from math import cos, sin

import cv2
import numpy as np
import numpy.typing as npt

from agents.capture.simulator.backdrop import Backdrop
from agents.capture.simulator.canvas import Bytes
from agents.capture.simulator.dice import dice, wave
from agents.capture.simulator.layout import Layout
from agents.capture.simulator.lens import HEIGHT, WIDTH, Lens
from agents.capture.simulator.people import Pose
from agents.capture.simulator.textures import cloud_tile
from agents.capture.simulator.vehicles import Vehicle, lamps

__all__ = ["Clouds", "HeadLamps", "lamp_is_on", "night_gain"]

_SMALL = (WIDTH // 8, HEIGHT // 8)
_TEXEL = 0.7
"""Metres of ground a pixel of the cloud tile."""
_DEPTH = 0.28
"""How much of the light a cloud takes, after the camera's exposure has made up for some of it."""


class Clouds:
    """Shadows of clouds that drift over the ground."""

    def __init__(self, lens: Lens, backdrop: Backdrop, seed: int) -> None:
        chance = dice("clouds", seed)
        self._phase = chance.random() * 512, chance.random() * 512
        # Eight pixels of the frame are one here.
        grow = np.diag((8.0, 8.0, 1.0))
        self._ground = np.linalg.inv(lens.ground()) @ grow
        turn = 6.2832 * chance.random()
        self._wind = 2.8 * cos(turn), 2.8 * sin(turn)
        near = np.abs(backdrop.places[::2, ::2]).max(axis=2) < 400.0
        self._ground_only = np.where(near, 255, 0).astype(np.uint8)
        self._seed = seed

    def gain(self, seconds: float) -> Bytes:
        """(H / 8, W / 8) uint8: the light that is left, 255 for all of it."""
        move = np.array(
            [
                (1 / _TEXEL, 0.0, (self._phase[0] + seconds * self._wind[0] / _TEXEL) % 512.0),
                (0.0, 1 / _TEXEL, (self._phase[1] + seconds * self._wind[1] / _TEXEL) % 512.0),
                (0.0, 0.0, 1.0),
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        shade = cv2.warpPerspective(
            cloud_tile(), move @ self._ground, _SMALL, flags=flags, borderMode=cv2.BORDER_WRAP
        )
        shade = cv2.blur(cv2.bitwise_and(shade, self._ground_only), (3, 3))
        exposure = 248.0 + 4.0 * wave(seconds, 2.5, "exposure", self._seed)
        return np.asarray(cv2.convertScaleAbs(shade, alpha=-_DEPTH, beta=exposure), np.uint8)


def lamp_is_on(layout: Layout, seed: int, number: int, seconds: float, *, switching: bool) -> bool:
    """Whether the lamp burns. A switched one changes now and then, at a time of its own."""
    if not (switching and layout.lamps[number].switched):
        return True
    slot = int(seconds // 45.0)
    chance = dice("switch", seed, layout.camera_id, number, slot)
    turn_on = 45.0 * (slot + 0.6 * chance.random())
    stays_on = 8.0 + 12.0 * chance.random()
    return turn_on <= seconds < turn_on + stays_on


def night_gain(
    layout: Layout, backdrop: Backdrop, burning: tuple[bool, ...]
) -> npt.NDArray[np.float32]:
    """(H / 4, W / 4, 3) float32: how much of the day's colour is left under these lamps."""
    places = backdrop.places.astype(np.float64)
    far = np.abs(places).max(axis=2) > 1e3
    gain = np.empty(places.shape)
    gain[:] = (0.075, 0.062, 0.055)
    gain[far] = (0.10, 0.085, 0.08)
    if layout.infrared:
        # The camera's own lamp: the nearer the brighter, and dim at the picture's edge.
        away = np.linalg.norm(places - (0.0, 0.0, layout.lens.height), axis=2)
        rows, columns = np.mgrid[-1 : 1 : HEIGHT // 4 * 1j, -1 : 1 : WIDTH // 4 * 1j]
        beam = np.exp(-(columns**2 * 0.9 + (rows - 0.1) ** 2 * 0.6))
        gain += (0.85 * beam / (1.0 + (away / 13.0) ** 2))[..., None]
    for lamp, burns in zip(layout.lamps, burning, strict=True):
        if burns:
            away = np.linalg.norm(places - lamp.at, axis=2)
            falling = 1.3 / (1.0 + (away / lamp.reach) ** 2) ** 1.5
            gain += falling[..., None] * np.array(lamp.colour) / 255.0
    gain[far] = np.minimum(gain[far], 0.12)
    soft = cv2.GaussianBlur(gain, (0, 0), 1.5)
    # The camera's gain lifts the shadows: what is left of the contrast is less than the light's.
    return np.asarray(np.minimum(soft**0.7, 1.05), np.float32)


class HeadLamps:
    """The head lamps of the vehicles in one frame: light on the ground, and glare."""

    def __init__(self, lens: Lens) -> None:
        self._lens = lens
        self._beam: Bytes = np.zeros((HEIGHT // 4, WIDTH // 4), np.uint8)
        self._glow: Bytes = np.zeros((HEIGHT // 4, WIDTH // 4, 3), np.uint8)
        self._any = False

    def add(self, vehicle: Vehicle, pose: Pose) -> None:
        """Switch a vehicle's lamps on."""
        self._any = True
        points = lamps(vehicle, pose.x, pose.y, pose.heading)
        ahead = np.array((cos(pose.heading), sin(pose.heading), 0.0))
        side = np.array((-ahead[1], ahead[0], 0.0))
        for lamp in points[:2]:
            root = lamp * (1.0, 1.0, 0.0)
            cone = np.array(
                [root + ahead * 0.6, root + ahead * 12 + side * 3.2, root + ahead * 12 - side * 3.2]
            )
            if (cone @ self._lens.axes[2]).min() < 0.5:
                continue
            # A quarter of the size, sixteen steps a pixel.
            corners = (self._lens.project(cone)[0] * 4).astype(np.int32)
            cv2.fillConvexPoly(self._beam, corners, 90, cv2.LINE_8, 4)
        pixels, depth = self._lens.project(points)
        facing = -(ahead[0] * pose.x + ahead[1] * pose.y) / max(
            1.0, float(np.hypot(pose.x, pose.y))
        )
        for number, (pixel, away) in enumerate(zip(pixels / 4, depth, strict=True)):
            front = number < 2
            strength = facing if front else -facing
            if strength <= 0.0:
                continue
            radius = max(1, round((3.2 if front else 1.0) * 14.0 * strength / float(away)))
            colour = (235, 245, 255) if front else (30, 30, 190)
            cv2.circle(self._glow, np.round(pixel).astype(int).tolist(), radius, colour, -1)

    def shine(self, frame: Bytes, albedo: Bytes) -> None:
        """Add the light to `frame`, in place. albedo: (H, W, 3), the picture by day."""
        if not self._any:
            return
        soft = cv2.GaussianBlur(self._beam, (0, 0), 2.5)
        wide = cv2.cvtColor(cv2.resize(soft, (WIDTH, HEIGHT)), cv2.COLOR_GRAY2BGR)
        cv2.add(frame, cv2.multiply(albedo, wide, scale=1 / 255), dst=frame)

    def glare(self, frame: Bytes) -> None:
        """Add the lamps themselves, in place: after all that could hide them."""
        if self._any:
            soft = cv2.add(
                cv2.GaussianBlur(self._glow, (0, 0), 1.2),
                cv2.convertScaleAbs(cv2.GaussianBlur(self._glow, (0, 0), 5.0), alpha=0.6),
            )
            cv2.add(frame, cv2.resize(soft, (WIDTH, HEIGHT)), dst=frame)
