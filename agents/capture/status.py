"""A camera's state as others see it: probes and metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from agents.capture import metrics
from agents.capture.encode import SOURCE, camera_key
from agents.capture.reader import Counts
from agents.capture.sight import Sight
from schemas import ids
from schemas.device import Assignment, CameraState, Probe, ProbeKind
from topics.catalogue import PROBES
from topics.record import OutRecord, make

__all__ = ["EVERY", "Status"]

EVERY: Final = timedelta(seconds=10)
"""How often a probe is written while nothing changes."""


class Status:
    """State, counts and gaps of one camera, as probes on `device.probes.v1` and as metrics.

    sight: how well it sees, as facts of its probes while it is connected.
    """

    def __init__(
        self,
        assignment: Assignment,
        counts: Counts,
        now: Callable[[], datetime],
        sight: Sight | None = None,
    ) -> None:
        self._sight = sight
        self._assignment = assignment
        self._counts = counts
        self._now = now
        self._labels = (assignment.site_id, assignment.device_id)
        self._opened: float | None = None
        self._told = Counts()
        self._said: float | None = None
        self._said_frames = 0
        self._gap_from: float | None = None
        self._latency: float | None = None
        self.state = CameraState.CONNECTING
        self.error: str | None = None

    def opening(self) -> None:
        """An attempt to open the source begins."""
        self._opened = time.monotonic()

    def change(self, state: CameraState, error: str | None = None) -> OutRecord:
        """Go to that state, and the probe that says so."""
        if state is CameraState.CONNECTED and self._opened is not None:
            self._latency = 1000 * max(0.0, (self._counts.last_frame or 0.0) - self._opened)
        if state is CameraState.LOST and self.state is CameraState.CONNECTED:
            self._gap_from = self._counts.last_frame
        self.state, self.error = state, error
        metrics.UP.labels(*self._labels).set(state is CameraState.CONNECTED)
        self.count()
        return self._probe()

    def due(self) -> OutRecord | None:
        """The probe that is due by now, if one is."""
        if self._said is None or time.monotonic() - self._said >= EVERY.total_seconds():
            return self._probe()
        return None

    def count_gap(self) -> None:
        """Frames are back: the gap that they end is counted."""
        if self._gap_from is not None and self._counts.last_frame is not None:
            gap = max(0.0, self._counts.last_frame - self._gap_from)
            metrics.GAP.labels(*self._labels).inc(gap)
            self._gap_from = None

    def count(self) -> None:
        """Bring the metrics up to the counts."""
        now, told = self._counts, self._told
        for metric, name in (
            (metrics.FRAMES, "frames"),
            (metrics.SENT, "sent"),
            (metrics.GATED, "gated"),
            (metrics.DROPPED, "dropped"),
            (metrics.CORRUPT, "corrupt"),
        ):
            value = getattr(now, name)
            if value > getattr(told, name):
                metric.labels(*self._labels).inc(value - getattr(told, name))
                setattr(told, name, value)
        if now.last_frame is not None:
            age = time.monotonic() - now.last_frame
            metrics.LAST_FRAME.labels(*self._labels).set(self._now().timestamp() - age)

    def _facts(self) -> dict[str, str | int | float | bool]:
        if self._sight is None or self.state is not CameraState.CONNECTED:
            return {}
        return {**self._sight.facts}

    def _probe(self) -> OutRecord:
        at, counts, assignment = self._now(), self._counts, self._assignment
        monotonic = time.monotonic()
        since = monotonic - self._said if self._said is not None else 0.0
        fps = (counts.frames - self._said_frames) / since if since > 0 else 0.0
        self._said, self._said_frames = monotonic, counts.frames
        gap = None
        if self.state is CameraState.LOST and counts.last_frame is not None:
            gap = round(monotonic - counts.last_frame, 3)
        probe = Probe(
            site_id=assignment.site_id,
            device_id=assignment.device_id,
            kind=ProbeKind.FRAMES,
            at=at,
            ok=self.error is None,
            latency_ms=None if self._latency is None else round(self._latency, 1),
            error=None if self.error is None else self.error[:2000],
            state=self.state,
            last_frame_at=counts.last_at,
            gap_s=gap,
            frames=counts.frames,
            sent=counts.sent,
            gated=counts.gated,
            corrupt=counts.corrupt,
            connects=counts.connects,
            width=counts.width,
            height=counts.height,
            fps=round(fps, 2),
            facts=self._facts(),
        )
        return make(
            PROBES,
            probe,
            id=ids.probe_id(assignment.site_id, assignment.device_id, ProbeKind.FRAMES, at),
            time=at,
            source=SOURCE,
            key=camera_key(assignment.site_id, assignment.device_id),
        )
