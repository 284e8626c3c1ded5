"""What runs in a role beside its stages: captures, sinks, deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from topics.declare import Topic
from topics.record import OutRecord

if TYPE_CHECKING:
    from agents.runtime.configuration import Configuration
    from agents.runtime.ownership import Ownership
    from infra.settings import Settings

__all__ = ["Emits", "RoleContext", "Service"]


class Emits(Protocol):
    """The way out to Kafka."""

    async def emit(self, records: Sequence[OutRecord]) -> None:
        """Return when the broker has confirmed all of them; raise EmitError where it refused."""


@dataclass(frozen=True, kw_only=True)
class RoleContext:
    """What a service of a role works with.

    now: the wall clock, for what is processing time beside the stream. configuration: the sites'
    documents, kept current. ownership(topic): which partitions this replica owns.
    report(name, problem): what /healthz says of the service; None when it is well. alive: raises
    LeaseError where this process stood still until its work was another's: it may do nothing more
    that somebody sees.
    """

    role: str
    settings: Settings
    emitter: Emits
    now: Callable[[], datetime]
    configuration: Configuration
    ownership: Callable[[Topic], Ownership]
    report: Callable[[str, str | None], None]
    alive: Callable[[], None] = lambda: None


class Service(Protocol):
    """Runs until it is cancelled. One that raises is started again with backoff, and reported."""

    name: str

    async def run(self, ctx: RoleContext) -> None:
        """The service's whole life; cancelled at stop, and has 5 s to finish then."""
