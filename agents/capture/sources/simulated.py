"""The simulated site as a source: in real time, or as fast as somebody takes its frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial

from agents.capture.simulator.scene import UnknownSceneError
from agents.capture.simulator.site import NoSignalError, SimulatedSite, UnknownCameraError
from agents.capture.simulator.truth import Signal
from agents.capture.sources.address import Address
from agents.capture.sources.base import BrokenSourceError, CorruptFrameError, Image, SourceFrame
from agents.capture.sources.images import frame_rate
from agents.capture.sources.pictures import ArrayFrame

__all__ = ["SimulatedSource"]


class SimulatedSource:
    """`sim:SCENE?seed=N&camera=ID`, also `fps` (10), `cameras` (how many), `seconds` (its end), and
    `epoch` (seconds since 1970: when the world began, the same for all cameras of a site).

    start: when the simulated world began, where the address does not say. The world goes on while
    nobody looks, so a capture that starts again shows what is there by then, and numbers its
    frames since the world's start. In real time a frame that is late is left out, as a camera
    does it.
    """

    def __init__(
        self,
        address: Address,
        *,
        now: Callable[[], datetime],
        start: datetime | None,
        speed: float,
    ) -> None:
        self._rate = frame_rate(address, "10")
        self._now = now
        self._speed = speed
        self._closed = threading.Event()
        self.live = speed > 0
        epoch = self._number(address, "epoch", 0, 2**33)
        if epoch:
            start = datetime.fromtimestamp(epoch, UTC)
        self.anchor: datetime | None = start or now()
        self.numbering: int | None = None if self.live and start is None else 0
        self.corrupt = 0
        seconds = self._number(address, "seconds", 0, 10_000_000)
        self._last = None if seconds == 0 else int(seconds * self._rate)
        cameras = self._number(address, "cameras", 0, 64)
        try:
            self._site = SimulatedSite(
                address.location,
                self._number(address, "seed", 1, 2**31),
                cameras=cameras or None,
            )
            self._camera = address.option("camera") or self._site.cameras[0]
            self._site.zones(self._camera)
        except (UnknownSceneError, UnknownCameraError, ValueError) as error:
            raise BrokenSourceError(str(error)) from None

    @staticmethod
    def _number(address: Address, name: str, default: int, most: int) -> int:
        text = address.option(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most):
            raise BrokenSourceError(f"{name} of {address} is a whole number up to {most}")
        return int(text)

    def close(self) -> None:
        """See `Source`."""
        self._closed.set()

    def _at(self, number: int) -> timedelta:
        return timedelta(microseconds=round(number / self._rate * 1_000_000))

    def frames(self) -> Iterator[SourceFrame]:
        """See `Source`."""
        number = self._newest() if self.live else 0
        while not self._closed.is_set() and (self._last is None or number < self._last):
            at = self._at(number)
            if self.live and not self._wait(at):
                return
            if self._site.signal(self._camera, at) is not Signal.LOST:
                yield ArrayFrame(
                    number, at, self._site.width, self._site.height, partial(self._draw, at)
                )
            number = max(number + 1, self._newest()) if self.live else number + 1

    def _draw(self, at: timedelta) -> Image:
        try:
            return self._site.render(self._camera, at)
        except NoSignalError:
            raise CorruptFrameError("the camera delivers nothing") from None

    def _elapsed(self) -> float:
        assert self.anchor is not None
        return (self._now() - self.anchor).total_seconds() * self._speed

    def _newest(self) -> int:
        """The number of the last frame whose time has come."""
        return max(0, int(Fraction(self._elapsed()) * self._rate))

    def _wait(self, at: timedelta) -> bool:
        left = at.total_seconds() - self._elapsed()
        return not self._closed.wait(max(0.0, left / self._speed))
