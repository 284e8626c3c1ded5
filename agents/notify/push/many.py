"""One notification to the devices of everybody who asked for it and may see it.

A pass goes like this:

1. the devices are read: of users whom the channel names, who may see the alert's site
2. each that wants what is so severe is pushed to, some at a time
3. where one took it, those that were only busy are tried once more: the channel owes nothing then
4. which took it and which are gone is written down

It is delivered where one device took it. Where none did, the channel is tried again as any other;
so nobody who took it is pushed to twice, save by a crash between steps 2 and 4, and then the copy
has the Topic and the tag of the first and takes its place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from agents.notify.errors import ChannelError, ChannelTimeoutError, GoneError
from agents.notify.message import severity_of
from agents.notify.push.message import MOST_BODY, Payload, push
from agents.notify.push.selection import Subscriber, Wanted, failure, selected, users_of
from agents.notify.senders.base import Job, Taken
from agents.notify.web import Web
from infra.vapid import public_part

__all__ = ["AGAIN_S", "tell"]

log = logging.getLogger("watchfloor.notify.push")

AT_ONCE: Final = 32
"""Pushes under way in a pass: one that hangs holds up no more than its own place."""

AGAIN_S: Final = 1.0
"""Before those that were only busy are tried once more."""


async def tell(job: Job, web: Web, *, again_s: float = AGAIN_S) -> Taken:
    """Return where at least one device took it. Raises ChannelError."""
    loop = asyncio.get_running_loop()
    chosen = await _chosen(job)
    until = loop.time() + job.limit
    # Half of the time at most for a first try, so that there is some left for a second one.
    failed = await _push_all(job, web, chosen, until, job.limit / 2)
    taken = {one.id for one in chosen} - failed.keys()
    busy = [one for one in chosen if one.id in failed and _soon(failed[one.id])]
    if taken and busy and loop.time() + again_s < until:
        await asyncio.sleep(again_s)
        still = await _push_all(job, web, busy, until, job.limit / 2)
        taken |= {one.id for one in busy} - still.keys()
        failed = {id_: error for id_, error in failed.items() if id_ not in taken} | still
    gone = {id_ for id_, error in failed.items() if isinstance(error, GoneError)}
    assert job.subscribers is not None
    if taken or gone:
        await job.subscribers.told(taken, gone, job.now)
    if failed:
        log.info("%s: %d of %d devices took it", job.key, len(taken), len(chosen))
    if not taken:
        raise failure(failed)
    return Taken()


def _soon(error: ChannelError) -> bool:
    """Whether it is worth another try at once: not where its push service asks for quiet."""
    return not error.final and error.retry_after is None


async def _chosen(job: Job) -> Sequence[Subscriber]:
    if job.subscribers is None:
        raise ChannelError(f"channel {job.options.name}: devices are not kept here", final=True)
    try:
        key = public_part(job.options.secret("credentials"))
    except ValueError:
        raise ChannelError("the secret credentials is no VAPID key", final=True) from None
    asked = Wanted(site=job.request.site_id, users=users_of(job.channel), key=key)
    found = await job.subscribers.of(asked, job.now)
    chosen = selected(found, severity_of(job.request), job.request.only)
    if not chosen:
        raise ChannelError(f"channel {job.options.name}: {_nobody(job, found)}", final=True)
    return chosen


def _nobody(job: Job, found: Sequence[Subscriber]) -> str:
    if job.request.only is not None:
        return "that device is told by no channel of this receiver"
    if found:
        severity = severity_of(job.request).value
        return f"of {len(found)} devices none wants what is no more than {severity}"
    return "none of its users who may see the site has a device told"


async def _push_all(
    job: Job, web: Web, chosen: Sequence[Subscriber], until: float, each: float
) -> dict[str, ChannelError]:
    """Push to all of them; why those that did not take it did not, by id."""
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(AT_ONCE)
    payloads: dict[str, Payload] = {}

    async def one(subscriber: Subscriber) -> None:
        if subscriber.language not in payloads:
            payloads[subscriber.language] = _payload(job, subscriber.language)
        async with places:
            left = min(each, until - loop.time())
            if left <= 0:
                raise ChannelTimeoutError("others took the time that there was")
            payload = payloads[subscriber.language]
            await push(job, web, subscriber.subscription, payload, limit=left)

    outcomes = await asyncio.gather(*map(one, chosen), return_exceptions=True)
    failed: dict[str, ChannelError] = {}
    for subscriber, outcome in zip(chosen, outcomes, strict=True):
        if isinstance(outcome, ChannelError):
            failed[subscriber.id] = outcome
        elif outcome is not None:
            # A lease that ended, or a defect: not for this channel to explain.
            raise outcome
    return failed


def _payload(job: Job, language: str) -> Payload:
    said = job.say(language)
    alerts = job.request.alerts
    single = alerts[0].alert_id if len(alerts) == job.request.total == 1 else None
    # A phone opens the notification itself: the address at the text's end is in its way.
    body = said.text.removesuffix(said.view.link).rstrip() if said.view.link else said.text
    return Payload(
        title=said.subject,
        body=body[:MOST_BODY],
        url="/" if single is None else f"/alerts/{quote(single, safe='')}",
        tag=job.key,
    )
