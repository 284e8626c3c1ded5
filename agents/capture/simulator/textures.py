"""Materials: pictures of ground and walls, made of noise, seen straight on."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from agents.capture.simulator.canvas import Bytes, Colour
from agents.capture.simulator.dice import grain

__all__ = ["cloud_tile", "fractal", "ground_material", "noise_tile", "pales", "wall_material"]

_TILE = 1024
_GROUND: dict[str, tuple[Colour, float, float]] = {
    # colour, how strong the fine grain is, how strong the patches are
    "asphalt": ((104, 104, 102), 0.10, 0.12),
    "concrete": ((150, 156, 160), 0.05, 0.10),
    "gravel": ((128, 138, 146), 0.20, 0.08),
    "grass": ((58, 104, 86), 0.24, 0.22),
    "paving": ((132, 140, 148), 0.06, 0.08),
    "floor": ((148, 152, 152), 0.03, 0.05),
    "earth": ((82, 106, 128), 0.14, 0.18),
}
_WALLS: dict[str, Colour] = {
    "brick": (74, 92, 142),
    "metal": (150, 150, 142),
    "concrete": (140, 148, 152),
    "plaster": (168, 186, 196),
    "wood": (70, 96, 128),
    "roof": (84, 84, 88),
    "door": (120, 112, 104),
    "shutter": (132, 140, 146),
    "dark": (26, 26, 28),
    "blue": (128, 92, 58),
    "tin": (120, 132, 96),
}


@lru_cache(maxsize=64)
def fractal(size: int, octaves: tuple[int, ...], fall: float, *key: str | int) -> Bytes:
    """(size, size) uint8 noise that tiles: one octave for each number of cells along an edge."""
    total = np.zeros((size, size), np.float32)
    weight = 1.0
    for cells in octaves:
        nodes = grain("fractal", cells, *key).random((cells, cells), np.float32)
        padded = np.pad(nodes, 2, mode="wrap")
        step = size / cells
        wide = cv2.resize(padded, (round((cells + 4) * step),) * 2, interpolation=cv2.INTER_CUBIC)
        start = round(2 * step)
        total += weight * (wide[start : start + size, start : start + size] - 0.5)
        weight *= fall
    low, high = np.percentile(total, (0.5, 99.5))
    return np.asarray(np.clip((total - low) / (high - low) * 255.0, 0, 255), np.uint8)


def _cover(tile: Bytes, height: int, width: int, offset: int) -> npt.NDArray[np.float32]:
    rows = (np.arange(height) + offset * 131) % tile.shape[0]
    columns = (np.arange(width) + offset * 197) % tile.shape[1]
    part = tile[rows[:, None], columns[None, :]].astype(np.float32)
    return np.asarray((part - 127.5) / 127.5, np.float32)


@lru_cache(maxsize=32)
def _ground_tile(name: str, metre: int, salt: int) -> Bytes:
    """(1024, 1024, 3) uint8 that tiles."""
    colour, fine, coarse = _GROUND[name]
    grains = _cover(fractal(_TILE, (512, 256, 128), 0.8, "grain"), _TILE, _TILE, salt)
    patches = _cover(fractal(_TILE, (6, 14, 40), 0.7, "patch"), _TILE, _TILE, salt + 3)
    gain = 1.0 + fine * grains + coarse * patches
    picture = gain[..., None] * np.array(colour, np.float32)
    if name == "grass":
        dry = _cover(fractal(_TILE, (9, 22, 60), 0.8, "dry"), _TILE, _TILE, salt + 5)
        picture += np.clip(dry, 0, 1)[..., None] * np.array((4, 18, 34), np.float32)
    joints = {"paving": (0.5, 0.82), "concrete": (4.0, 0.78), "floor": (1.0, 0.78)}
    if name in joints:
        apart, dark = joints[name]
        step = round(apart * metre)
        picture[::step] *= dark
        picture[:, ::step] *= dark
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def ground_material(name: str, height: int, width: int, metre: int, seed: int) -> Bytes:
    """(height, width, 3) uint8: `metre` pixels are one metre."""
    tile = _ground_tile(name, metre, seed % 7)
    times = (-(-height // _TILE), -(-width // _TILE), 1)
    return np.tile(tile, times)[:height, :width].copy()


def wall_material(name: str, height: int, width: int, metre: float, seed: int) -> Bytes:
    """(height, width, 3) uint8: a wall, its top first."""
    colour = np.array(_WALLS[name], np.float32)
    salt = seed % 11
    patches = _cover(fractal(_TILE, (6, 14, 40), 0.7, "patch"), height, width, salt)
    grains = _cover(fractal(_TILE, (512, 256, 128), 0.8, "grain"), height, width, salt + 1)
    picture = (1.0 + 0.07 * patches + 0.03 * grains)[..., None] * colour
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32) / metre
    if name == "brick":
        course = np.floor(rows / 0.16)
        shift = columns + (course % 2) * 0.19
        kind = np.sin(np.floor(shift / 0.38) * 12.9898 + course * 78.233) * 43758.5453
        picture *= (0.88 + 0.24 * (kind - np.floor(kind)))[..., None]
        mortar = ((rows % 0.16) < 0.035) | ((shift % 0.38) < 0.035)
        picture[mortar] = picture[mortar] * 0.4 + 0.6 * np.array((130, 138, 142), np.float32)
    elif name in ("metal", "tin", "blue"):
        picture *= (1.0 + 0.09 * np.sin(columns * 2 * np.pi / 0.3))[..., None]
    elif name in ("shutter", "roof"):
        picture *= (1.0 + 0.11 * np.sin(rows * 2 * np.pi / 0.25))[..., None]
    elif name == "wood":
        picture *= np.where((columns % 0.2) < 0.02, 0.7, 1.0)[..., None]
    elif name == "concrete":
        picture *= np.where(((columns % 3.0) < 0.04) | ((rows % 2.5) < 0.04), 0.75, 1.0)[..., None]
    # Rain runs down and dirt splashes up.
    height_m = height / metre
    foot = np.exp(-(height_m - rows) / 0.35)
    picture *= (1.0 - 0.3 * foot)[..., None]
    streaks = _cover(fractal(_TILE, (90, 200), 0.8, "streak"), 1, width, salt)[0]
    picture *= 1.0 - 0.10 * np.clip(streaks, 0, 1)[None, :, None] * np.exp(-rows / 1.5)[..., None]
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def pales(kind: str, height: int, width: int, metre: float) -> npt.NDArray[np.uint8]:
    """(height, width, 4) uint8 BGRA, not premultiplied: a fence, its top first."""
    picture = np.zeros((height, width, 4), np.uint8)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32) / metre
    if kind == "pales":
        solid = ((columns % 0.16) < 0.045) | (np.abs(rows - 0.25) < 0.03)
        solid |= np.abs(rows - height / metre + 0.3) < 0.03
        colour: Colour = (62, 78, 58)
    else:
        solid = (((columns + rows) % 0.12) < 0.012) | (((columns - rows) % 0.12) < 0.012)
        solid |= rows < 0.05
        colour = (150, 152, 150)
    solid |= (columns % 2.5) < 0.08
    picture[solid] = (*colour, 255)
    return picture


@lru_cache(maxsize=2)
def cloud_tile() -> Bytes:
    """(512, 512) uint8 that tiles: 0 is full sun, 255 the middle of a cloud's shadow."""
    tile = fractal(512, (3, 6, 12), 0.5, "cloud").astype(np.float32) / 255.0
    # A cloud's edge is a slope over tens of metres: the sky's light fills it, and the cloud itself
    # thins out.
    shade = np.clip((tile - 0.52) / 0.34, 0.0, 1.0)
    shade = shade * shade * (3.0 - 2.0 * shade)
    return np.asarray(cv2.blur(shade * 255.0, (9, 9)), np.float32).astype(np.uint8)


@lru_cache(maxsize=8)
def noise_tile(sigma: float, coarse: float, height: int, width: int) -> tuple[Bytes, Bytes]:
    """Sensor noise to add and to subtract, each (height, width, 3) uint8.

    coarse: sigma in pixels of the smoothing that a camera's denoiser leaves at night.
    """
    noise = grain("sensor", round(sigma * 100)).normal(0.0, 1.0, (height, width, 3))
    noise = noise * 0.45 + noise[..., :1] * 0.89
    if coarse > 0:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), coarse), np.float64)
        noise /= noise.std()
    noise *= sigma
    up = np.clip(np.round(noise), 0, 255).astype(np.uint8)
    down = np.clip(np.round(-noise), 0, 255).astype(np.uint8)
    return up, down
