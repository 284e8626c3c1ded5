"""SMS by Twilio's API, or one that is shaped like it, with delivery reports by asking.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import base64
from typing import Any, Final
from urllib.parse import quote

from agents.notify.errors import ChannelError
from agents.notify.senders.base import Job, Report, Taken
from agents.notify.web import Answer, Web
from schemas.notification import Outcome

__all__ = ["SmsSender"]

API: Final = "https://api.twilio.com"
MOST_TEXT: Final = 480
"""Characters: three to seven segments by the alphabet, each of which costs."""

_LOST: Final = frozenset({"failed", "undelivered", "canceled"})
_THERE: Final = frozenset({"delivered", "read"})


class SmsSender:
    """`credentials`: `ACCOUNT_SID:AUTH_TOKEN`. `from` or `messaging_service`, and `to`."""

    def _url(self, job: Job, sid: str) -> tuple[str, dict[str, str]]:
        account, token = job.options.pair("credentials")
        basic = base64.b64encode(f"{account}:{token}".encode()).decode()
        base = job.options.text("api", API).rstrip("/")
        tail = f"Messages/{sid}.json" if sid else "Messages.json"
        url = f"{base}/2010-04-01/Accounts/{quote(account, safe='')}/{tail}"
        return url, {"Authorization": f"Basic {basic}"}

    async def send(self, job: Job, web: Web) -> Taken:
        """Send it; a yes is a SID in the answer and no status that says it failed already."""
        url, headers = self._url(job, "")
        data = {"To": job.options.text("to"), "Body": job.said.whole[:MOST_TEXT]}
        if job.options.has("messaging_service"):
            data["MessagingServiceSid"] = job.options.text("messaging_service")
        else:
            data["From"] = job.options.text("from")
        answer = await web.request(
            "POST",
            url,
            policy=job.policy,
            limit=job.limit,
            headers={**headers, "I-Twilio-Idempotency-Token": job.key},
            data=data,
            ca_file=job.ca_file,
        )
        body, detail = _read(answer)
        answer.check(now=job.now, detail=detail)
        sid, status = body.get("sid"), body.get("status")
        if not isinstance(sid, str) or not sid.isalnum() or len(sid) > 64 or status in _LOST:
            raise ChannelError(
                f"{answer.target} answered {answer.status} and took nothing: {detail}"
            )
        return Taken(reference=sid, confirm=job.options.flag("confirm", True))

    async def check(self, job: Job, web: Web, reference: str) -> Report | None:
        """Ask for the message's status."""
        url, headers = self._url(job, reference)
        answer = await web.request(
            "GET", url, policy=job.policy, limit=job.limit, headers=headers, ca_file=job.ca_file
        )
        body, detail = _read(answer)
        answer.check(now=job.now, detail=detail)
        status = body.get("status")
        if status in _THERE:
            return Report(outcome=Outcome.CONFIRMED)
        if status in _LOST:
            return Report(outcome=Outcome.UNDELIVERED, detail=f"{status} {detail}".strip())
        return None


def _read(answer: Answer) -> tuple[dict[str, Any], str]:
    """The body, and the vendor's error code: its message may quote the number."""
    try:
        body = answer.json()
    except ChannelError:
        if 200 <= answer.status < 300:
            raise
        return {}, ""
    code = body.get("error_code") or (body.get("code") if answer.status >= 400 else None)
    return body, f"code {code}"[:40] if code is not None else ""
