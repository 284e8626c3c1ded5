"""Channels that stay on this machine: the log, and the one that takes everything and is silent."""

from __future__ import annotations

import logging
from typing import Final

from agents.notify.senders.base import Job, Taken, Unconfirmed
from agents.notify.targets import Policy
from agents.notify.web import Web
from schemas.base import encode

__all__ = ["CHANNEL_HEADER", "LogSender", "RecordingSender", "SilentSender"]

CHANNEL_HEADER: Final = "X-Watchfloor-Channel"

log = logging.getLogger("watchfloor.notify")


class LogSender(Unconfirmed):
    """Writes a line an alert to the log of the act role."""

    async def send(self, job: Job, web: Web) -> Taken:
        """Write it."""
        request = job.request
        if request.note is not None:
            note = request.note
            log.warning("%s [%s] %s", note.severity.value, request.receiver, note.title)
        for line in request.alerts:
            log.warning(
                "%s [%s] rank %d %s: %s (%s)",
                request.status.value,
                request.receiver,
                line.rank,
                line.severity.value,
                line.title,
                line.alert_id,
            )
        return Taken()


class SilentSender(Unconfirmed):
    """Takes everything and sends nothing: for replays, and for conformance's recording channel."""

    async def send(self, job: Job, web: Web) -> Taken:
        """Take it."""
        return Taken()


class RecordingSender(Unconfirmed):
    """Tells a recorder on this machine: the runner of conformance, which takes it or refuses.

    url: the runner's, from the environment, never from a document.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def send(self, job: Job, web: Web) -> Taken:
        """POST the request, with the channel's name in a header."""
        answer = await web.request(
            "POST",
            self._url,
            policy=Policy(internal=True),
            limit=job.limit,
            headers={
                "Content-Type": "application/json",
                CHANNEL_HEADER: job.channel.name or job.channel.kind,
            },
            content=encode(job.request),
        )
        answer.check(now=job.now)
        return Taken()
