"""What a driver is: it asks one device one thing, within limits, and says what came of it.

A driver keeps nothing between polls and raises nothing but `DriverError` and what asyncio cancels
it with; the poller makes an outcome of either. It opens what it needs and closes it before it is
back: thousands of devices share one loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from schemas.device import ProbeKind

__all__ = ["Driver", "DriverError", "Fact", "Fault", "Limits", "Outcome", "Target"]

Fact: TypeAlias = str | int | float | bool


class Fault(StrEnum):
    """What failed, by name: the first word of an outcome's error."""

    TIMEOUT = "timeout"
    """It did not answer in time, or not to the end."""
    REFUSED = "refused"
    """Nobody listens there, or the connection was cut."""
    UNREACHABLE = "unreachable"
    """There is no way to it, or its name means nothing."""
    FORBIDDEN = "forbidden_address"
    """Its address is one that may not be asked."""
    CERTIFICATE = "certificate"
    """It shows a certificate that is not believed, or somebody else's."""
    TLS = "tls"
    """It speaks no TLS that we do."""
    CREDENTIALS = "bad_credentials"
    """It refuses the name and password, or wants some and there are none. Not tried again."""
    REDIRECT = "redirect"
    """It sends us elsewhere, where nobody asked to go."""
    TOO_LARGE = "too_large"
    """It answers more than anybody needs."""
    GARBAGE = "garbage"
    """It answers something that is not its protocol."""
    HOSTILE = "hostile_xml"
    """Its XML declares a document type or entities."""
    STATUS = "bad_status"
    """It answers that it cannot."""
    NO_STREAM = "no_stream"
    """It names no stream that can be taken. Said of a device that is taken on, by no poll."""
    UNWELL = "unwell"
    """It answers, and says that it is not well."""
    ADDRESS = "bad_address"
    """What is configured is no address for this driver."""
    SECRET = "no_secret"  # noqa: S105 - a failure's name
    """The secret that is configured is not there."""
    DEFECT = "defect"
    """The driver itself failed, or this machine: it says nothing of the device."""


class DriverError(Exception):
    """A poll that failed. fault: its name; detail: a short reason without secrets.

    latency_ms: how long the device took, where it answered at all.
    """

    def __init__(self, fault: Fault, detail: str = "", *, latency_ms: float | None = None) -> None:
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)
        self.fault = fault
        self.latency_ms = latency_ms


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whom to ask. kind: the device's kind. address: `host`, `host:port` or a URL, no user in it.

    withheld: it refused the name and the password before, so that they are not sent again.
    timeout_s: seconds for the whole poll; the poller cancels what takes longer. ca_file: PEM of
    whose certificates to believe; None: the system's authorities.
    """

    site_id: str
    device_id: str
    kind: str
    address: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    withheld: bool = False
    timeout_s: float = 10.0
    ca_file: str | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a driver may spend on a poll. Seconds; bytes.

    step_s: for one step (to connect, to be answered), longer than what is only slow (5 s); body:
    of one answer; headers: of an
    answer's head; depth: of nested XML; answers: requests that one poll makes.
    """

    step_s: float = 8.0
    body: int = 1_048_576
    headers: int = 65_536
    depth: int = 32
    answers: int = 16


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a poll. ok: it answered and is well. latency_ms: of its first answer.

    error: `fault: detail`, None where it is ok. facts: what it said of itself, by name, such as
    `model`, `channels_online`, `disks_failed`, `missing_recording`, `clock_offset_s`.
    """

    ok: bool
    latency_ms: float | None = None
    error: str | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)


class Driver(Protocol):
    """Asks devices in one way. name: what a document calls it; probe: what its polls count as."""

    @property
    def name(self) -> str:
        """What a document's `driver:` says."""

    @property
    def probe(self) -> ProbeKind:
        """The kind that is written with each poll."""

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """Ask once. Raises DriverError where the device failed."""
