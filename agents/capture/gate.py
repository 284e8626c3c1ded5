"""The motion gate: which of a camera's frames are worth detecting on.

A pure state machine on a small grey picture. It would rather send too much than miss somebody: it
is open for the first seconds of a source, a change of the whole picture (lights, a camera that
turns to infrared) opens it, and it stays open for a while after the last motion so that trackers
see an object leave.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["GatePolicy", "GateState", "GateVerdict", "gate"]

Grey = NDArray[np.uint8]
Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SMALL: Final = cv2.getStructuringElement(cv2.MORPH_RECT, (5, 5))
"""How far a small blob may have moved since the last look and still be the same: 2 pixels."""

_THIN: Final = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))


@dataclass(frozen=True, kw_only=True)
class GatePolicy:
    """What the gate takes for motion. Areas are pixels of the small picture (about 192 wide).

    hold: open for so long after the last motion. keep_alive: a frame is sent at least so often.
    preroll: the frames from so long before motion are sent with it, so that trackers see the start.
    threshold, ceiling: grey levels (0..255) that a pixel must differ from the background by,
    where it is quiet and where it is noisiest. noise: the threshold in mean absolute deviations of
    the pixel; 5 of them are 4 sigma of Gaussian noise. big: a blob that counts at once. small: one
    that counts once it was there, or beside there, at `patience` looks in a row, up to twice as
    many where there are many such: rain and noise are elsewhere each time. slow: looks further
    apart than this are too far for that, so there a small blob counts at once.
    everywhere: a share of the picture above which the scene changed, not something in it.
    background, deviation: time constants of learning. rest: likewise below an object, so that what
    stands still is sent for one or two minutes: people who wait hardly move. memory: for so long
    the place is remembered as it was without it. ghost: a blob that has not changed for so long is
    asked whether something stands there, or has left.
    """

    hold: timedelta = timedelta(seconds=2)
    keep_alive: timedelta = timedelta(seconds=10)
    preroll: timedelta = timedelta(milliseconds=900)
    threshold: float = 8.0
    ceiling: float = 32.0
    noise: float = 5.0
    big: int = 100
    small: int = 4
    patience: int = 3
    slow: timedelta = timedelta(milliseconds=450)
    everywhere: float = 0.5
    background: timedelta = timedelta(seconds=5)
    deviation: timedelta = timedelta(seconds=10)
    rest: timedelta = timedelta(seconds=60)
    memory: timedelta = timedelta(minutes=20)
    ghost: timedelta = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class GateState:
    """What is remembered of a camera.

    seen: (H, W) float32, the last look, grey levels. background, deviation: (H, W) float32.
    empty: (H, W) float32, the background without what came to stand before it.
    age: (H, W) uint8, at how many looks in a row a pixel, or one beside it, differed from the
    background. still: (H, W) float32, seconds since a pixel last changed from one look to the next.
    at: when that was. open_until, last_sent: on the same clock.
    """

    seen: Plane
    background: Plane
    empty: Plane
    deviation: Plane
    age: Grey
    still: Plane
    at: timedelta
    open_until: timedelta
    last_sent: timedelta


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What becomes of a frame.

    send: it goes to detect. motion: share of the picture that moved, 0..1. keep_alive: it is sent
    only because nothing was for a while. opened: the gate opens with it, so that the frames just
    before it go as well.
    """

    send: bool
    motion: float
    keep_alive: bool = False
    opened: bool = False


def gate(
    state: GateState | None, grey: Grey, t: timedelta, policy: GatePolicy
) -> tuple[GateState, GateVerdict]:
    """Look at one frame.

    grey: (H, W) uint8, the whole picture scaled to about 192 wide. t: source time. A state of
    another shape, or of a later time, starts anew.
    """
    seen = cv2.GaussianBlur(grey, (3, 3), 0).astype(np.float32)
    if state is None or state.background.shape != grey.shape or t < state.at:
        return _first(seen, t, policy), GateVerdict(send=True, motion=0.0)

    dt = (t - state.at).total_seconds()
    # Who leaves uncovers what was there before he came: that is no motion either.
    distance = np.minimum(_distance(seen, state.background), _distance(seen, state.empty))
    limit = np.clip(state.deviation * policy.noise, policy.threshold, policy.ceiling)
    raw = cv2.compare(distance, limit, cv2.CMP_GT).astype(np.uint8, copy=False)
    changed = cv2.compare(cv2.absdiff(seen, state.seen), limit * 0.75, cv2.CMP_GT)
    still = state.still + np.float32(dt)
    still[changed > 0] = 0
    older = cv2.dilate(state.age, _SMALL).astype(np.uint8, copy=False)
    age = np.where(raw, np.minimum(older, 254) + 1, 0).astype(np.uint8)
    patient = dt <= policy.slow.total_seconds()
    objects, ghosts = _blobs(raw, age, seen, state, still, policy, patient=patient)
    area = 0 if objects is None else int(np.count_nonzero(objects))
    motion = area / raw.size
    if motion > policy.everywhere:
        # Nothing of the old background is worth keeping, and its noise is another one, too.
        opened = t > state.open_until
        return _first(seen, t, policy), GateVerdict(send=True, motion=motion, opened=opened)

    opened = area > 0 and t > state.open_until
    open_until = max(state.open_until, t + policy.hold) if area else state.open_until
    is_open = t <= open_until
    send = is_open or t - state.last_sent >= policy.keep_alive

    learn = np.full(grey.shape, _rate(dt, policy.background), np.float32)
    keep = learn
    spread = np.full(grey.shape, _rate(dt, policy.deviation), np.float32)
    if objects is not None:
        learn[objects] = spread[objects] = _rate(dt, policy.rest)
        keep = np.where(objects, np.float32(_rate(dt, policy.memory)), learn)
    background = state.background + (seen - state.background) * learn
    empty = state.empty + (seen - state.empty) * keep
    if ghosts is not None:
        background[ghosts] = empty[ghosts] = seen[ghosts]
    deviation = state.deviation + (np.minimum(distance, policy.ceiling) - state.deviation) * spread
    after = GateState(
        seen=seen,
        background=background,
        empty=empty,
        deviation=deviation,
        age=age,
        still=still,
        at=t,
        open_until=open_until,
        last_sent=t if send else state.last_sent,
    )
    return after, GateVerdict(send, motion, keep_alive=send and not is_open, opened=opened)


def _distance(seen: Plane, known: Plane) -> Plane:
    """How far each pixel is from what is known, in grey levels."""
    difference = seen - known
    # Exposure and clouds move the whole picture alike; the median ignores what moves in it.
    difference -= np.float32(np.median(difference[::3, ::3]))
    distance: Plane = np.abs(difference)
    return distance


def _first(seen: Plane, t: timedelta, policy: GatePolicy) -> GateState:
    return GateState(
        seen=seen,
        background=seen,
        empty=seen,
        deviation=np.full(seen.shape, policy.threshold / policy.noise, np.float32),
        age=np.zeros(seen.shape, np.uint8),
        still=np.zeros(seen.shape, np.float32),
        at=t,
        open_until=t + policy.hold,
        last_sent=t,
    )


def _blobs(
    raw: Grey,
    age: Grey,
    seen: Plane,
    state: GateState,
    still: Plane,
    policy: GatePolicy,
    *,
    patient: bool,
) -> tuple[Mask | None, Mask | None]:
    """Where the blobs are that count, and where the picture only shows that one has gone."""
    if not cv2.countNonZero(raw):
        return None, None
    count, found, stats, _ = cv2.connectedComponentsWithStats(raw, connectivity=8)
    labels = np.asarray(found, np.int32)
    areas = np.asarray(stats[:, cv2.CC_STAT_AREA], np.int32)
    doubtful = (areas >= policy.small) & (areas < policy.big)
    counts = areas >= policy.big
    if patient:
        # The more there are, the more of them lie beside an older one by chance.
        looks = policy.patience + min(policy.patience, int(doubtful.sum()) // 8)
        lasting = np.bincount(labels[age >= looks], minlength=count) >= 0.5 * areas
        counts |= doubtful & lasting
    else:
        counts |= doubtful
    counts[0] = False
    if not counts.any():
        return None, None
    quiet = still >= policy.ghost.total_seconds()
    # All of it, but for a pixel here and there.
    candidates = counts & (np.bincount(labels[quiet], minlength=count) >= 0.95 * areas)
    ghosts = None
    if candidates.any():
        gone = _gone(candidates, labels, seen, state.background)
        if gone.any():
            ghosts = gone[labels]
            counts &= ~gone
    return counts[labels], ghosts


def _gone(candidates: Mask, labels: NDArray[np.int32], seen: Plane, background: Plane) -> Mask:
    """Which blobs are ghosts: their outline is in the background, and no longer in the picture."""
    blobs = candidates[labels].astype(np.uint8)
    outline = cv2.morphologyEx(blobs, cv2.MORPH_GRADIENT, _THIN) > 0
    # The outline's outer half has label 0: each pixel asks the blob beside it.
    owner = cv2.dilate(np.where(blobs, labels, 0).astype(np.float32), _THIN).astype(np.int32)
    whose = owner[outline]
    now = np.bincount(whose, _edges(seen)[outline], minlength=candidates.size)
    then = np.bincount(whose, _edges(background)[outline], minlength=candidates.size)
    return candidates & (now < then)


def _edges(plane: Plane) -> Plane:
    across = np.abs(cv2.Sobel(plane, cv2.CV_32F, 1, 0))
    return across + np.abs(cv2.Sobel(plane, cv2.CV_32F, 0, 1))


def _rate(dt: float, constant: timedelta) -> float:
    """The share of a step of `dt` s in an exponential average of that time constant."""
    return 1.0 - math.exp(-dt / constant.total_seconds())
