"""What a sender gets, what it answers, and what it works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol

from agents.notify.message import Said
from agents.notify.options import Options
from agents.notify.push.subscribers import Subscribers
from agents.notify.targets import NOWHERE_INTERNAL, Policy
from agents.notify.web import Web
from schemas.document import Channel
from schemas.notification import NotifyRequest, Outcome

__all__ = ["CHANNEL_LIMIT_S", "Job", "Report", "Sender", "Taken"]

CHANNEL_LIMIT_S = 10.0


async def _none() -> bytes | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Job:
    """One notification for one channel.

    secrets: a secret by its name. picture: the newest event's JPEG, or None; asked where it is
    wanted. cards: whether the site wants cards of channels that have them. key: the same for
    every copy of this notification to this channel, for targets that take a copy only once.
    subscribers: who has a device told. speaking: said in another language.
    """

    channel: Channel
    request: NotifyRequest
    said: Said
    now: datetime
    secrets: Callable[[str], str]
    policy: Policy = NOWHERE_INTERNAL
    cards: bool = False
    picture: Callable[[], Awaitable[bytes | None]] = _none
    subscribers: Subscribers | None = None
    speaking: Callable[[str], Said] | None = None

    def say(self, language: str) -> Said:
        """What is said, in somebody's own language; else in the channel's."""
        return self.said if self.speaking is None else self.speaking(language)

    @cached_property
    def options(self) -> Options:
        """The channel's options."""
        return Options(self.channel, self.secrets)

    @property
    def key(self) -> str:
        """The idempotency key."""
        return self.request.notification_id

    @property
    def limit(self) -> float:
        """Seconds for the whole of an attempt."""
        return min(60.0, max(0.05, self.options.seconds("timeout", CHANNEL_LIMIT_S)))

    @property
    def ca_file(self) -> str | None:
        """Whose certificates are believed."""
        return self.options.text("ca_file") if self.options.has("ca_file") else None


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The channel took it. reference: its own id of that; confirm: it can be asked about it."""

    reference: str | None = None
    confirm: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a channel says later. outcome: confirmed, acknowledged, undelivered or expired."""

    outcome: Outcome
    detail: str | None = None


class Sender(Protocol):
    """Sends by one kind of channel."""

    async def send(self, job: Job, web: Web) -> Taken:
        """Return once the channel took it. Raises ChannelError where it did not."""

    async def check(self, job: Job, web: Web, reference: str) -> Report | None:
        """What became of what it took; None: nothing yet. Raises ChannelError."""


class Unconfirmed:
    """A sender whose channel says nothing later."""

    async def check(self, job: Job, web: Web, reference: str) -> Report | None:
        """Nothing."""
        return None
