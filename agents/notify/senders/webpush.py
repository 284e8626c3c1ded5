"""Web push (RFC 8030): to the one subscription that a secret holds, or to people's devices."""

from __future__ import annotations

from agents.notify.errors import ChannelError
from agents.notify.push import many
from agents.notify.push.message import MOST_BODY, Payload, push
from agents.notify.push.selection import pushes_to_users
from agents.notify.push.subscription import opened
from agents.notify.senders.base import Job, Taken, Unconfirmed
from agents.notify.web import Web

__all__ = ["WebPushSender"]


class WebPushSender(Unconfirmed):
    """`credentials`: the VAPID private key; `contact`: a mailto: or https: address of whoever
    sends; and either `users`, whose devices are told, or `subscription`: one subscription's JSON,
    a secret as well, because whoever has it may push.

    A copy replaces the first one in the browser's queue: the Topic is the notification's id.
    """

    async def send(self, job: Job, web: Web) -> Taken:
        """Encrypt, sign and push; 404 and 410 say that the subscription is gone."""
        if pushes_to_users(job.channel):
            return await many.tell(job, web)
        try:
            subscription = opened(job.options.secret("subscription"))
        except ValueError:
            raise ChannelError("the secret subscription is no subscription", final=True) from None
        said = job.said
        payload = Payload(
            title=said.subject, body=said.text[:MOST_BODY], url=said.view.link, tag=job.key
        )
        await push(job, web, subscription, payload, limit=job.limit)
        return Taken()
