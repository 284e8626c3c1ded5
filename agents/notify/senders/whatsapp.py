"""WhatsApp Cloud API: https://developers.facebook.com/docs/whatsapp/cloud-api/messages."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from msgspec import json

from agents.notify.errors import ChannelError
from agents.notify.senders.base import Job, Taken, Unconfirmed
from agents.notify.web import Answer, Web

__all__ = ["WhatsAppSender"]

API: Final = "https://graph.facebook.com/v22.0"
MOST_TEXT: Final = 4_096
MOST_PARAMETER: Final = 1_000
_LIMITED: Final = frozenset({4, 80007, 130429, 131048, 131056, 133016})
"""Error codes that say: too many now."""


def _error(answer: Answer) -> tuple[int, str]:
    """The code and a word of the error that an answer holds; 0 where there is none.

    The vendor's message is left out: it quotes tokens and numbers.
    """
    try:
        given = answer.json().get("error")
    except ChannelError:
        return 0, ""
    if given is None:
        return 0, ""
    if not isinstance(given, dict):
        return -1, "error"
    code = given.get("code")
    return (code if isinstance(code, int) and code else -1), f"code {code}"[:60]


class WhatsAppSender(Unconfirmed):
    """`credentials`: the access token. Outside of a conversation WhatsApp takes templates only:
    `template` names one whose body has two parameters, the subject and the text.
    """

    async def send(self, job: Job, web: Web) -> Taken:
        """Send it; a yes is a message's id in the answer."""
        number = quote(job.options.text("phone_number_id"), safe="")
        token = job.options.secret("credentials")
        answer = await web.request(
            "POST",
            f"{job.options.text('api', API).rstrip('/')}/{number}/messages",
            policy=job.policy,
            limit=job.limit,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            content=json.encode(self._body(job)),
            ca_file=job.ca_file,
        )
        code, detail = _error(answer)
        if code in _LIMITED:
            raise ChannelError(
                f"{answer.target} answered {answer.status}: {detail}", retry_after=60.0
            )
        answer.check(now=job.now, detail=detail)
        found = answer.json().get("messages")
        if code or not isinstance(found, list) or not found or not isinstance(found[0], dict):
            raise ChannelError(f"{answer.target} answered {answer.status} and took nothing")
        if not isinstance(found[0].get("id"), str):
            raise ChannelError(f"{answer.target} answered {answer.status} and took nothing")
        return Taken(reference=found[0]["id"][:200])

    def _body(self, job: Job) -> dict[str, Any]:
        body: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": job.options.text("to"),
            # Meta hands it back with every status: whoever reads those can tell a copy by it.
            "biz_opaque_callback_data": job.request.notification_id[:512],
        }
        if not job.options.has("template"):
            return body | {
                "type": "text",
                "text": {"preview_url": False, "body": job.said.whole[:MOST_TEXT]},
            }
        # A parameter with a line break or five blanks in a row is refused.
        texts = (" ".join(text.split()) for text in (job.said.subject, job.said.text))
        return body | {
            "type": "template",
            "template": {
                "name": job.options.text("template"),
                "language": {"code": job.options.text("template_language", "en")},
                "components": [
                    {
                        "type": "body",
                        "parameters": [
                            {"type": "text", "text": text[:MOST_PARAMETER] or "–"} for text in texts
                        ],
                    }
                ],
            },
        }
