"""Whose subscriptions a push goes to, and what came of all of them together. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from agents.notify.errors import ChannelError, ChannelTimeoutError, GoneError
from agents.notify.push.subscription import Subscription
from schemas.base import Severity
from schemas.document import Channel
from schemas.reading.channels import EVERYONE

__all__ = ["Subscriber", "Wanted", "failure", "names", "pushes_to_users", "selected", "users_of"]


class Subscriber(Struct, frozen=True, kw_only=True):
    """A device of somebody who may be told. least: what is less severe is not pushed to it."""

    id: str
    least: Severity
    language: str
    subscription: Subscription


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Who is asked for. site: which they may see. users: names in small letters; None: everyone.

    key: the public part of the channel's own: other subscriptions would refuse what it signs.
    """

    site: str
    users: tuple[str, ...] | None
    key: str


_KIND: Final = "webpush"


def pushes_to_users(channel: Channel) -> bool:
    """Whether it goes to people's devices, and not to one subscription that a secret holds."""
    return channel.kind == _KIND and channel.options.get("users") is not None


def users_of(channel: Channel) -> tuple[str, ...] | None:
    """The names that a channel has, in small letters, as accounts are compared; None: everyone.

    Whatever else stands there names nobody.
    """
    given = channel.options.get("users")
    if given == EVERYONE:
        return None
    listed = given if isinstance(given, list) else ()
    return tuple(sorted({one.lower() for one in listed if isinstance(one, str)}))


def names(channel: Channel, user: str) -> bool:
    """Whether a channel goes to that user's devices."""
    if not pushes_to_users(channel):
        return False
    users = users_of(channel)
    return users is None or user.lower() in users


def selected(
    found: Sequence[Subscriber], severity: Severity, only: str | None
) -> tuple[Subscriber, ...]:
    """Those that want what is so severe. only: that one, whatever it wants: it is being tried."""
    if only is not None:
        return tuple(one for one in found if one.id == only)
    return tuple(one for one in found if one.least.rank <= severity.rank)


def failure(failures: Mapping[str, ChannelError]) -> ChannelError:
    """What to say where no device took it: tried again, unless all are gone or refuse for good.

    A circuit breaker counts it only where every one of them speaks for trouble of the target.
    """
    errors = list(failures.values())
    hopeful = [one for one in errors if not one.final]
    many = f"none of {len(errors)} devices took it: " if len(errors) > 1 else ""
    if not hopeful:
        if all(isinstance(one, GoneError) for one in errors):
            return ChannelError(f"{many}every subscription is gone", final=True)
        return ChannelError(f"{many}{errors[0]}", final=True)
    text = f"{many}{hopeful[0]}"
    if all(isinstance(one, ChannelTimeoutError) for one in errors):
        return ChannelTimeoutError(text)
    waits = [one.retry_after for one in hopeful]
    # As soon as the first of them may be asked again: one that takes it is enough.
    after = min((wait for wait in waits if wait is not None), default=None)
    return ChannelError(
        text,
        retry_after=after if None not in waits else None,
        faulty=all(one.faulty for one in errors),
    )
