"""From every frame of a source to those that are sent or kept: cadence, gate, JPEG."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agents.capture.cadence import Cadence
from agents.capture.encode import SIDE, Captured, jpeg
from agents.capture.gate import GatePolicy, GateState, GateVerdict, gate
from agents.capture.sight import Sight
from agents.capture.sources.base import Image, SourceFrame

__all__ = ["GREY_SIDE", "LATER", "Selection"]

GREY_SIDE: Final = 192
"""Pixels of the longer side of what the gate looks at."""

LATER: Final = 3
"""How many frames after an event belong to it."""

LOOK: Final = timedelta(milliseconds=190)
"""The gate looks no more often than that, whatever `detect_fps` is: 5 times a second are plenty."""

PREROLL: Final = 8
"""Undecided frames that are held undecoded or raw; more would be memory, not evidence."""

_OPEN: Final = GateVerdict(send=True, motion=0.0)


@dataclass(frozen=True, slots=True)
class _Numbered:
    frame: SourceFrame
    seq: int
    captured_at: datetime
    motion: float


class Selection:
    """One connection's choice. What is gated out costs a look at a small grey picture, no JPEG.

    The three frames after each one that is sent are encoded too, though they are only kept: an
    event completes on a frame that was sent, and these may become its later snapshots.
    due: frames at `detect_fps`; gated: those of them that were neither sent nor kept. sight: what
    has a look at a frame a second, None where nobody asks how well the camera sees.
    """

    def __init__(
        self,
        fps: float,
        *,
        gated: bool,
        policy: GatePolicy | None = None,
        side: int = SIDE,
        sight: Sight | None = None,
    ) -> None:
        self._cadence = Cadence(fps)
        self._policy = policy or GatePolicy()
        self._gated = gated
        self._state: GateState | None = None
        self._looked: timedelta | None = None
        self._open = True
        self._motion = 0.0
        self._before: deque[_Numbered] = deque(maxlen=PREROLL)
        self._side = side
        self._sight = sight
        self._grey: tuple[int, Image] | None = None
        self._later = 0
        self.due = 0
        self.gated = 0

    def take(self, frame: SourceFrame, seq: int, captured_at: datetime) -> list[Captured]:
        """What comes of the next frame, in order of capture.

        Raises CorruptFrameError where it only now shows that the frame does not decode.
        """
        if not self._cadence.due(frame.at):
            return []
        self.due += 1
        verdict = self._look(frame) if self._gated else _OPEN
        if self._sight is not None and self._sight.due(captured_at):
            self._sight.look(self._small(frame), captured_at)
        this = _Numbered(frame, seq, captured_at, verdict.motion)
        if verdict.send:
            since = frame.at - self._policy.preroll
            before = [old for old in self._before if verdict.opened and old.frame.at >= since]
            taken = [self._encode(old, send=True) for old in before]
            taken.append(self._encode(this, send=True, keep_alive=verdict.keep_alive))
            self._before.clear()
            self._later = LATER
            return taken
        self.gated += 1
        self._before.append(this)
        if self._later:
            self._later -= 1
            return [self._encode(this, send=False)]
        return []

    def _look(self, frame: SourceFrame) -> GateVerdict:
        """The gate's verdict, or between two looks what the last one left."""
        if self._looked is not None and timedelta(0) <= frame.at - self._looked < LOOK:
            return GateVerdict(send=self._open, motion=self._motion)
        grey = self._small(frame)
        self._looked = frame.at
        self._state, verdict = gate(self._state, grey, frame.at, self._policy)
        self._open = verdict.send and not verdict.keep_alive
        self._motion = verdict.motion
        return verdict

    def _small(self, frame: SourceFrame) -> Image:
        """The frame in grey, made once for whoever looks at it."""
        if self._grey is None or self._grey[0] != frame.seq:
            self._grey = (frame.seq, frame.grey(GREY_SIDE))
        return self._grey[1]

    def _encode(self, this: _Numbered, *, send: bool, keep_alive: bool = False) -> Captured:
        frame = this.frame
        picture = frame.picture(self._side)
        height, width = picture.shape[:2]
        return Captured(
            seq=this.seq,
            captured_at=this.captured_at,
            jpeg=jpeg(picture),
            width=width,
            height=height,
            source_width=frame.width,
            source_height=frame.height,
            send=send,
            motion=this.motion,
            keep_alive=keep_alive,
        )
