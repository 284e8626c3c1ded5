"""What lies between the scene and the picture: rain, insects, a web, sensor noise, the clock."""

from __future__ import annotations

from functools import lru_cache
from math import cos, sin

import cv2
import numpy as np

from agents.capture.simulator.canvas import Bytes
from agents.capture.simulator.dice import dice, grain
from agents.capture.simulator.lens import HEIGHT, WIDTH
from agents.capture.simulator.textures import noise_tile

__all__ = ["add_insect", "add_noise", "add_rain", "add_web", "stamp", "wet_lens"]

_EXTRA = 96
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def add_noise(frame: Bytes, tick: int, *, night: bool) -> None:
    """Add sensor noise, in place. tick: any number of the frame's own."""
    sigma, coarse = (5.5, 0.7) if night else (2.3, 0.4)
    up, down = noise_tile(sigma, coarse, HEIGHT + _EXTRA, WIDTH + _EXTRA)
    chance = dice("noise", tick)
    x, y = int(chance.random() * _EXTRA), int(chance.random() * _EXTRA)
    cv2.add(frame, up[y : y + HEIGHT, x : x + WIDTH], dst=frame)
    cv2.subtract(frame, down[y : y + HEIGHT, x : x + WIDTH], dst=frame)


@lru_cache(maxsize=16)
def _streaks(number: int, heavy: int, bright: int) -> Bytes:
    picture = np.zeros((HEIGHT + _EXTRA, WIDTH + _EXTRA), np.uint8)
    chance = dice("streaks", number)
    for _ in range(heavy):
        x, y = chance.random() * (WIDTH + _EXTRA), chance.random() * (HEIGHT + _EXTRA)
        near = chance.random() ** 2
        long, lean = 6 + 26 * near, -0.12 + 0.05 * chance.random()
        end = (int(x + lean * long), int(y + long))
        cv2.line(picture, (int(x), int(y)), end, bright * (0.3 + 0.7 * near), 1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(picture, (3, 3), 0.7)
    return np.asarray(cv2.cvtColor(soft, cv2.COLOR_GRAY2BGR), np.uint8)


def add_rain(frame: Bytes, tick: int, rain: float, *, night: bool) -> None:
    """Falling rain and the haze it makes, in place."""
    cv2.convertScaleAbs(frame, dst=frame, alpha=1.0 - 0.14 * rain, beta=(6 if night else 26) * rain)
    chance = dice("rain", tick)
    tile = _streaks(int(chance.random() * 4), int(480 * rain), 46 if night else 62)
    x, y = int(chance.random() * _EXTRA), int(chance.random() * _EXTRA)
    cv2.add(frame, tile[y : y + HEIGHT, x : x + WIDTH], dst=frame)


def wet_lens(frame: Bytes, camera: str, seconds: float, seed: int) -> None:
    """Drops on the glass, in place: each lies for some ten seconds, then runs off."""
    for spot in range(5):
        slot = int((seconds + spot * 5.3) // 24.0)
        chance = dice("drop", seed, camera, spot, slot)
        age = (seconds + spot * 5.3) % 24.0
        x, y = chance.random() * WIDTH, chance.random() * HEIGHT
        radius = int(7 + 12 * chance.random())
        run = 15.0 + 6.0 * chance.random()
        y += max(0.0, age - run) ** 2 * 14.0
        x1, y1 = int(x) - radius, int(y) - radius
        x2, y2 = int(x) + radius, int(y) + radius
        if x1 < 0 or y1 < 0 or x2 > WIDTH or y2 > HEIGHT or age < 0.5:
            continue
        spot_of = frame[y1:y2, x1:x2]
        # A drop is a lens: it shows the scene upside down, and out of focus.
        inside = cv2.blur(cv2.flip(spot_of, -1), (7, 7))
        mask = np.zeros(spot_of.shape[:2], np.uint8)
        cv2.circle(mask, (radius, radius), radius - 2, 255, -1)
        soft = cv2.cvtColor(cv2.blur(mask, (5, 5)), cv2.COLOR_GRAY2BGR)
        kept = cv2.multiply(spot_of, cv2.bitwise_not(soft), scale=1 / 255)
        spot_of[:] = cv2.add(kept, cv2.multiply(inside, soft, scale=1 / 255))


def add_insect(frame: Bytes, camera: str, seconds: float, seed: int, chance_of: float) -> None:
    """A moth in the camera's own light, in place: bright, out of focus, erratic."""
    slot = int(seconds // 8.0)
    chance = dice("insect", seed, camera, slot)
    if chance.random() >= chance_of:
        return
    since = seconds - slot * 8.0 - 4.0 * chance.random()
    if not 0.0 <= since < 1.5 + 2.5 * chance.random():
        return
    a, b, c = (3 + 4 * chance.random() for _ in range(3))
    x = WIDTH * (0.5 + 0.5 * sin(a * since + 6 * chance.random())) + 30 * sin(since * 17)
    y = HEIGHT * (0.45 + 0.45 * cos(b * since * 0.7 + 6 * chance.random())) + 20 * cos(since * 23)
    radius = int(3 + 1.6 * c * (0.6 + 0.4 * sin(since * 3)))
    reach = radius * 2
    x1, y1, x2, y2 = int(x) - reach, int(y) - reach, int(x) + reach, int(y) + reach
    cx1, cy1, cx2, cy2 = max(0, x1), max(0, y1), min(WIDTH, x2), min(HEIGHT, y2)
    if cx1 >= cx2 or cy1 >= cy2:
        return
    blob = np.zeros((2 * reach, 2 * reach, 3), np.uint8)
    wing = max(2, int(radius * (0.5 + 0.4 * sin(since * 41))))
    turn = since * 300.0
    cv2.ellipse(blob, (reach, reach), (radius, wing), turn, 0, 360, (170, 178, 180), -1)
    soft = cv2.GaussianBlur(blob, (0, 0), radius * 0.35)
    spot = frame[cy1:cy2, cx1:cx2]
    spot[:] = cv2.add(spot, soft[cy1 - y1 : cy2 - y1, cx1 - x1 : cx2 - x1])


@lru_cache(maxsize=16)
def _web(seed: int, camera: str) -> Bytes:
    picture = np.zeros((150, 210), np.uint8)
    chance = dice("web", seed, camera)
    ends = [(60 + 140 * chance.random(), 150 * chance.random()) for _ in range(6)]
    for x, y in ends:
        cv2.line(picture, (0, 0), (int(x), int(y)), 150, 1, cv2.LINE_AA)
    ends.sort(key=lambda end: end[1] / end[0])
    for ring in (0.35, 0.6, 0.85):
        path = np.array([(x * ring, y * ring) for x, y in ends], np.int32)
        cv2.polylines(picture, [path], False, 130, 1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(picture, (0, 0), 1.6)
    haze = grain("web", seed).random((150, 210))
    wide = soft * (0.8 + 0.4 * haze)
    return np.asarray(cv2.cvtColor(wide.astype(np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)


def add_web(frame: Bytes, camera: str, seconds: float, seed: int) -> None:
    """A spider's web in the top left corner, lit by the camera, swinging in the wind; in place."""
    web = _web(seed, camera)
    swing = 2.5 * sin(seconds * 1.3) + 1.5 * sin(seconds * 3.1)
    matrix = np.array([(1.0, 0.01 * swing, 0.0), (0.012 * swing, 1.0, 0.0)])
    moved = cv2.warpAffine(web, matrix, (web.shape[1], web.shape[0]))
    spot = frame[: web.shape[0], : web.shape[1]]
    spot[:] = cv2.add(spot, moved)


def stamp(frame: Bytes, name: str, seconds: float) -> None:
    """Write the camera's name and the time since the world's start into the picture, in place."""
    whole = int(seconds)
    clock = f"{whole // 86400}d {whole // 3600 % 24:02}:{whole // 60 % 60:02}:{whole % 60:02}"
    for shift, colour in ((1, (20, 20, 20)), (0, (230, 230, 230))):
        left, right = (8 + shift, HEIGHT - 8 + shift), (WIDTH - 92 + shift, HEIGHT - 8 + shift)
        cv2.putText(frame, name, left, _FONT, 0.38, colour, 1, cv2.LINE_AA)
        cv2.putText(frame, clock, right, _FONT, 0.38, colour, 1, cv2.LINE_AA)
