"""What is read of a device before it is taken on."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from agents.watch.drivers.base import DriverError, Fault
from infra.errors import WatchfloorError

__all__ = ["Channel", "Described", "OnboardError", "Step", "Stream"]


class Step(StrEnum):
    """What was being done when taking a device on failed."""

    ADDRESS = "address"
    INFORMATION = "information"
    PROFILES = "profiles"
    STREAM = "stream"
    CHANNELS = "channels"


HINTS = {
    Fault.CREDENTIALS: "It is not tried again: devices lock accounts. Check name and password.",
    Fault.TIMEOUT: "Check that it is on, and that this machine has a way to it.",
    Fault.UNREACHABLE: "Check that it is on, and that this machine has a way to it.",
    Fault.REFUSED: "Check the port; ONVIF is often on 80, 8000, 8080 or 8899.",
    Fault.NO_STREAM: "See in its own pages whether RTSP is on and a profile has video.",
}


class OnboardError(WatchfloorError):
    """A device that cannot be taken on. step: at what; fault: its name. Holds no secret."""

    def __init__(self, address: str, step: Step, fault: Fault, detail: str = "") -> None:
        said = f"{fault.value}: {detail}" if detail else fault.value
        super().__init__(f"{address}: {step.value}: {said}", hint=HINTS.get(fault))
        self.step = step
        self.fault = fault
        self.detail = detail

    @staticmethod
    def of(address: str, step: Step, error: DriverError) -> OnboardError:
        """From a driver's failure."""
        return OnboardError(address, step, error.fault, str(error).partition(": ")[2])


class Stream(Struct, frozen=True, kw_only=True):
    """A stream. url: without credentials. width, height: pixels, 0 where the device did not say."""

    url: str
    codec: str = ""
    width: int = 0
    height: int = 0


class Channel(Struct, frozen=True, kw_only=True):
    """A camera on a device. key: its own name for it, the same for ever; name: for people."""

    key: str
    name: str | None = None
    main: Stream
    sub: Stream | None = None


class Described(Struct, frozen=True, kw_only=True):
    """A device in its own words, bounded. channels: a camera has one, as a rule."""

    manufacturer: str | None = None
    model: str | None = None
    firmware: str | None = None
    serial: str | None = None
    channels: tuple[Channel, ...] = ()
