"""Google Chat by an incoming webhook: text, or cards that slice themselves."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from msgspec import json

from agents.notify.cards import BUTTONS, MODES, cards, messages
from agents.notify.errors import ChannelError
from agents.notify.senders.base import Job, Taken, Unconfirmed
from agents.notify.web import Web

__all__ = ["GoogleChatSender"]

MOST_TEXT: Final = 4_000
DEFAULT_CARDS: Final = "summary"


class GoogleChatSender(Unconfirmed):
    """`credentials`: the webhook's URL, whose key and token make it a secret as a whole.

    mode: `text`, `summary`, `top20` or `links`; else the site's mode says text or cards. Several
    messages go out one after the other; each has a `requestId`, so that one that was created
    already is not created again.
    """

    async def send(self, job: Job, web: Web) -> Taken:
        """Send every message; a yes is a message's name in the answer."""
        url = job.options.url()
        names = []
        for number, message in enumerate(self.messages(job)):
            query = urlencode({"requestId": f"{job.key}-{number}"})
            answer = await web.request(
                "POST",
                f"{url}{'&' if '?' in url else '?'}{query}",
                policy=job.policy,
                limit=job.limit,
                headers={"Content-Type": "application/json; charset=UTF-8"},
                content=json.encode(message),
                ca_file=job.ca_file,
            )
            answer.check(now=job.now)
            body = answer.json()
            if not isinstance(body.get("name"), str):
                raise ChannelError(f"{answer.target} answered {answer.status} and took nothing")
            names.append(str(body["name"]))
        return Taken(reference=names[0][:200] if names else None)

    def messages(self, job: Job) -> list[dict[str, Any]]:
        """What is posted, one after the other."""
        default = DEFAULT_CARDS if job.cards else "text"
        mode = job.options.text("mode", default)
        if mode not in MODES:
            raise ChannelError(f"mode is none of {', '.join(MODES)}", final=True)
        if mode == "text":
            return [{"text": job.said.whole[:MOST_TEXT]}]
        buttons = job.options.number("buttons_per_card", BUTTONS)
        return messages(cards(job.request, job.said, mode, buttons), job.said)
