"""Does a camera still see what it is there for? Frozen, covered, blurred, moved.

A pure look at one small grey picture, about one a second. What a camera sees is known by its
edges, learned slowly: they stay where they are by day and by infrared, in rain and in dim light,
which is why nothing here goes by brightness, except for a picture without any contrast at all. A
look alone says little: somebody stands close, a lorry passes. A fault is told once it was seen
for long enough, and is over once it was gone for half as long.

After a start the view is learned anew: a camera that was turned while nobody captured it is taken
as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Sight", "SightPolicy", "SightState", "SightVerdict", "look"]

Grey = NDArray[np.uint8]
Plane = NDArray[np.float32]

EVERY: Final = timedelta(milliseconds=950)
"""Between two looks; frames at one a second do not come to the millisecond."""

BACK: Final = timedelta(minutes=5)

COLUMNS: Final = 8
ROWS: Final = 6
"""Blocks in which edges are counted, to tell a half that is covered from dim light."""

TURNS: Final = tuple(
    cv2.getRotationMatrix2D((0, 0), angle, scale)[:, :2]
    for angle, scale in (
        *((0, scale) for scale in (0.8, 0.9, 1.11, 1.25)),
        *((angle, 1.0) for angle in (-12, -6, 6, 12)),
    )
)
"""Zooms and tilts that are tried; with soft edges, what lies between finds one of these."""

SMALLEST: Final = 16
"""Pixels of a side."""

MARGIN: Final = 0.15
"""Of the height, above and below: there stand clocks and names, which recorders and cameras write
over whatever the lens sees."""


@dataclass(frozen=True, kw_only=True)
class SightPolicy:
    """What is taken for a fault. Lengths are shares of the picture's width.

    frozen: so long without a change. Encoders repeat a still picture's blocks until their next key
    frame, seconds later, and every sensor has noise. same: share of pixels that may differ by a
    level nevertheless.
    covered, moved: seen for so long. accept: a view that stays for so long is the new one.
    trust: looks of a view that stays until it is known.
    learn: time constant of the view. adapt: likewise where the view is in doubt, as when a camera
    turns to infrared.
    blind: standard deviation in grey levels below which there is no picture.
    close: correlation of the edges with those that are known, above which nothing has moved;
    alike: above it the view is not in doubt; strange: below it nothing is the same. aligned: what
    the correlation has to be where the view is found again somewhere else, and `better` what it
    has to gain by it. shift: least movement.
    bare: share of its edges with which a picture counts as covered.
    lost: share of the blocks with edges that have lost theirs. sharp: fine against coarse
    contrast, 1 is as it was; below it the picture is blurred.
    longest: seconds between two looks that count as seen.
    """

    frozen: timedelta = timedelta(seconds=120)
    same: float = 0.001
    covered: timedelta = timedelta(seconds=30)
    moved: timedelta = timedelta(seconds=60)
    accept: timedelta = timedelta(hours=1)
    trust: int = 30
    learn: timedelta = timedelta(minutes=5)
    adapt: timedelta = timedelta(minutes=1)
    blind: float = 2.0
    close: float = 0.75
    alike: float = 0.6
    strange: float = 0.25
    aligned: float = 0.4
    better: float = 0.15
    shift: float = 0.035
    bare: float = 0.3
    lost: float = 0.6
    sharp: float = 0.5
    longest: float = 5.0


@dataclass(frozen=True, slots=True)
class SightVerdict:
    """What a look comes to, with those before it. None: it cannot be said yet, or at all."""

    frozen: bool | None = None
    covered: bool | None = None
    moved: bool | None = None


@dataclass(frozen=True, slots=True)
class SightState:
    """What is remembered of a camera's view.

    view: (H, W) float32, its soft edges, learned from `looks` looks. fine, coarse: its contrasts.
    seen: (H, W) float32, the last looks' edges: who passes is blurred.
    still: the picture that has not changed since `still_since`; changed: whether one ever did.
    covered, moved: seconds for which that was seen, up to what makes it told. told: since when the
    camera is said to have moved.
    """

    at: datetime
    view: Plane
    seen: Plane
    looks: int
    fine: float
    coarse: float
    still: Grey
    still_since: datetime
    changed: bool = False
    covered: float = 0.0
    is_covered: bool = False
    moved: float = 0.0
    is_moved: bool = False
    moved_since: datetime | None = None


def look(
    state: SightState | None,
    grey: Grey,
    at: datetime,
    policy: SightPolicy,
    *,
    freezes: bool = True,
) -> tuple[SightState, SightVerdict]:
    """Look at one picture.

    grey: (H, W) uint8, the whole picture scaled to about 192 wide. at: capture time. freezes:
    whether equal pictures are a fault; a file may hold as many of them as it likes. A state of
    another shape, or of a much later time, starts anew.
    """
    edges = _edges(grey)
    coarse = _contrast(grey)
    fine = float(cv2.Laplacian(cv2.GaussianBlur(grey, (3, 3), 0), cv2.CV_16S).std())
    # A clock that was set back by more than that would have the view wait for it.
    if state is None or state.view.shape != grey.shape or state.at - at > BACK:
        state = _first(grey, edges, at)
    dt = min(max(0.0, (at - state.at).total_seconds()), policy.longest)
    seen = state.seen + (edges - state.seen) * np.float32(0.4)
    blind = coarse < policy.blind
    known = state.looks >= policy.trust
    same = _correlation(state.view, seen)
    covered = blind or (known and _covered(state, seen, same, fine, coarse, policy))
    moved = known and not covered and _moved(state.view, seen, same, policy)
    state = _still(state, grey, at, policy, blind=blind)
    state = replace(
        _learned(state, seen, fine, coarse, dt, policy, doubt=same < policy.alike)
        if not (covered or moved)
        else state,
        at=max(at, state.at),
        seen=seen,
    )
    state = _held(state, at, dt, policy, covered=covered, moved=moved)
    if state.moved_since is not None and at - state.moved_since >= policy.accept:
        state = replace(
            _first(grey, seen, at), still=state.still, still_since=state.still_since, changed=True
        )
    return state, _verdict(state, at, policy, freezes=freezes, blind=blind)


class Sight:
    """A camera's sight over all its connections: what was seen before a cut is what is expected
    after it. Looked at by the camera's thread, read by everybody. freezes: see `look`."""

    def __init__(self, policy: SightPolicy | None = None, *, freezes: bool = True) -> None:
        self._policy = policy or SightPolicy()
        self._freezes = freezes
        self._state: SightState | None = None
        self._verdict = SightVerdict()

    def due(self, at: datetime) -> bool:
        """Whether it is time for a look at the picture captured then."""
        known = self._state
        # In time that goes back, every look is due.
        return known is None or not timedelta(0) <= at - known.at < EVERY

    def look(self, grey: Grey, at: datetime) -> None:
        """Look at a picture, see `look`. One that is too small to show anything is left out."""
        if min(grey.shape) < SMALLEST:
            return
        self._state, self._verdict = look(
            self._state, grey, at, self._policy, freezes=self._freezes
        )

    @property
    def facts(self) -> dict[str, bool]:
        """What can be said of the picture, by the names of events."""
        verdict = self._verdict
        said = {
            "frozen_picture": verdict.frozen,
            "covered_lens": verdict.covered,
            "moved_camera": verdict.moved,
        }
        return {name: value for name, value in said.items() if value is not None}


def _verdict(
    state: SightState, at: datetime, policy: SightPolicy, *, freezes: bool, blind: bool
) -> SightVerdict:
    frozen: bool | None = None
    if freezes and not blind:
        if at - state.still_since >= policy.frozen:
            frozen = True
        elif state.changed:
            frozen = False
    known = state.looks >= policy.trust
    return SightVerdict(
        frozen=frozen,
        covered=state.is_covered if known or state.is_covered else None,
        # Of a camera that sees nothing nobody knows where it points.
        moved=state.is_moved if known and not state.is_covered else None,
    )


def _first(grey: Grey, edges: Plane, at: datetime) -> SightState:
    return SightState(
        at=at, view=edges, seen=edges, looks=0, fine=0.0, coarse=0.0, still=grey, still_since=at
    )


def _still(
    state: SightState, grey: Grey, at: datetime, policy: SightPolicy, *, blind: bool
) -> SightState:
    """For how long the picture has not changed; one without contrast hides its noise."""
    cut = round(grey.shape[0] * MARGIN)
    now, then = grey[cut : grey.shape[0] - cut], state.still[cut : grey.shape[0] - cut]
    if not blind and np.count_nonzero(now != then) <= policy.same * now.size:
        return state
    return replace(state, still=grey, still_since=at, changed=state.changed or not blind)


def _learned(
    state: SightState,
    seen: Plane,
    fine: float,
    coarse: float,
    dt: float,
    policy: SightPolicy,
    *,
    doubt: bool,
) -> SightState:
    if state.looks < policy.trust:
        # A view that does not stay, as a camera's that patrols, is never known.
        looks = 0 if doubt and state.looks else state.looks
        share = 1.0 / (looks + 1)
        return replace(
            state,
            view=state.view + (seen - state.view) * np.float32(share),
            looks=looks + 1,
            fine=state.fine + (fine - state.fine) * share,
            coarse=state.coarse + (coarse - state.coarse) * share,
        )
    constant = policy.adapt if doubt else policy.learn
    share = 1.0 - math.exp(-dt / constant.total_seconds())
    return replace(
        state,
        view=state.view + (seen - state.view) * np.float32(share),
        fine=state.fine + (fine - state.fine) * share,
        coarse=state.coarse + (coarse - state.coarse) * share,
    )


def _held(
    state: SightState, at: datetime, dt: float, policy: SightPolicy, *, covered: bool, moved: bool
) -> SightState:
    """For how long the faults were seen: twice as fast forgotten as they are believed."""

    def step(held: float, most: timedelta, seen: bool) -> float:
        return min(max(0.0, held + (dt if seen else -2 * dt)), most.total_seconds())

    cover = step(state.covered, policy.covered, covered)
    # A covered lens says nothing of where the camera points.
    move = state.moved if covered else step(state.moved, policy.moved, moved)
    is_covered = cover >= policy.covered.total_seconds() or (state.is_covered and cover > 0)
    is_moved = move >= policy.moved.total_seconds() or (state.is_moved and move > 0)
    return replace(
        state,
        covered=cover,
        is_covered=is_covered,
        moved=move,
        is_moved=is_moved,
        moved_since=(state.moved_since or at) if is_moved else None,
    )


def _edges(grey: Grey) -> Plane:
    """(H, W) float32: where the picture has edges, the strongest cut, a little blurred so that a
    camera that trembles sees the same."""
    soft = cv2.GaussianBlur(grey, (3, 3), 0)
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    edges = cv2.absdiff(across, np.zeros_like(across)) + cv2.absdiff(down, np.zeros_like(down))
    most = 4.0 * float(edges.mean()) + 1e-3
    return np.asarray(cv2.GaussianBlur(np.minimum(edges, most), (5, 5), 0), np.float32)


def _contrast(grey: Grey) -> float:
    """Standard deviation of the grey levels between the margins."""
    cut = round(grey.shape[0] * MARGIN)
    return float(cv2.meanStdDev(grey[cut : grey.shape[0] - cut])[1][0, 0])


def _correlation(one: Plane, other: Plane) -> float:
    """Pearson's, -1..1; 0 where one of them is flat."""
    a, b = one - one.mean(), other - other.mean()
    scale = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def _covered(
    state: SightState, seen: Plane, same: float, fine: float, coarse: float, policy: SightPolicy
) -> bool:
    """Whether the edges are gone: all of them, most blocks' of them, or the fine ones."""
    left = float(seen.mean()) / max(1e-6, float(state.view.mean()))
    if left < policy.bare and same < policy.alike:
        return True
    before = cv2.resize(state.view, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    now = cv2.resize(seen, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    having = before >= 0.3 * before.mean()
    ratio = now[having] / before[having]
    # In dim light all blocks lose alike; what is left of the best ones is the light.
    light = min(1.0, float(np.quantile(ratio, 0.9)))
    if same < policy.alike and np.mean(ratio < 0.3 * light) >= policy.lost:
        return True
    if coarse < 2 * policy.blind:
        return False
    sharp = (fine / max(1e-6, state.fine)) / (coarse / max(1e-6, state.coarse))
    return sharp < policy.sharp


def _moved(view: Plane, seen: Plane, same: float, policy: SightPolicy) -> bool:
    """Whether the view is found somewhere else in the picture, or not at all."""
    if same >= policy.close:
        return False
    height, width = view.shape
    wanted = max(policy.aligned, same + policy.better)
    across, down = _offset(view, seen)
    here = math.hypot(across, down) < policy.shift * width
    if not here and _aligned(view, seen, across, down) >= wanted:
        return True
    centre = np.array([width / 2, height / 2])
    for turn in TURNS:
        about = np.column_stack((turn, centre - turn @ centre))
        other = np.asarray(cv2.warpAffine(view, about, (width, height)), np.float32)
        if _aligned(other, seen, *_offset(other, seen)) >= wanted:
            return True
    return same < policy.strange and not here


def _offset(view: Plane, seen: Plane) -> tuple[float, float]:
    """Pixels by which `seen` lies right of and below `view`, by phase correlation."""
    height, width = view.shape
    # Given the window, OpenCV 4 multiplies it into its arguments where it need not pad them.
    window = _window(width, height)
    (across, down), _ = cv2.phaseCorrelate(view * window, seen * window)
    return across, down


def _aligned(view: Plane, seen: Plane, across: float, down: float) -> float:
    """The correlation where both overlap; 0 where that is less than half of either side."""
    height, width = view.shape
    x, y = round(across), round(down)
    if abs(x) > width // 2 or abs(y) > height // 2:
        return 0.0
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, width + x), min(height, height + y)
    return _correlation(
        view[top - y : bottom - y, left - x : right - x], seen[top:bottom, left:right]
    )


@cache
def _window(width: int, height: int) -> Plane:
    return np.asarray(cv2.createHanningWindow((width, height), cv2.CV_32F), np.float32)
