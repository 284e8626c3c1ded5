"""Pushover, with pictures, and receipts for emergencies: https://pushover.net/api."""

from __future__ import annotations

import logging
import re
from typing import Any, Final

from agents.notify.errors import ChannelError
from agents.notify.message import severity_of
from agents.notify.senders.base import Job, Report, Taken
from agents.notify.web import Answer, Web
from schemas.base import Severity
from schemas.notification import NotifyStatus, Outcome

__all__ = ["PushoverSender"]

log = logging.getLogger("watchfloor.notify")

API: Final = "https://api.pushover.net"
EMERGENCY: Final = 2
MOST_MESSAGE: Final = 1024
MOST_TITLE: Final = 250
MOST_URL: Final = 512
MOST_PICTURE: Final = 5 * 1024 * 1024
MOST_ENDED: Final = 10
"""Alerts of one notification whose emergencies are called off; the others end by themselves."""

_PRIORITY: Final = {
    Severity.CRITICAL: EMERGENCY,
    Severity.HIGH: 1,
    Severity.MEDIUM: 0,
    Severity.LOW: -1,
    Severity.INFO: -2,
}


def _emergency(job: Job, severity: Severity) -> bool:
    """Whether an alert alone was told of as an emergency."""
    given = job.options.number("priority", EMERGENCY) if job.options.has("priority") else None
    return (_PRIORITY[severity] if given is None else given) == EMERGENCY


def _tag(name: str) -> str:
    """A notification's or an alert's id as a tag: letters, digits and dashes, whatever it is."""
    return "wf-" + re.sub(r"[^A-Za-z0-9-]", "-", name)[:80]


def _errors(answer: dict[str, Any], *secrets: str) -> str:
    """The vendor's reasons, without what we sent: it quotes tokens now and then."""
    given = answer.get("errors")
    text = "; ".join(str(one) for one in given[:3]) if isinstance(given, list) else ""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text[:200]


class PushoverSender:
    """`credentials`: the application's token; `user`: the user's or group's key.

    priority: by the worst severity (critical: emergency, with a receipt), unless it is given. An
    emergency is repeated by Pushover every `retry` until somebody acknowledges, up to `expire`. Its
    tags name the notification, so that copies of it end with the one that is acknowledged, and its
    alert, where it is about one alone: its resolve ends it (`receipts/cancel_by_tag`).
    """

    async def send(self, job: Job, web: Web) -> Taken:
        """Send it; a yes is `status` 1 in the body, whatever the HTTP status."""
        token, user = job.options.secret("credentials"), job.options.secret("user")
        if job.request.status is NotifyStatus.RESOLVED:
            ended = [one.alert_id for one in job.request.alerts if _emergency(job, one.severity)]
            for name in ended[:MOST_ENDED]:
                await self._call_off(job, web, token, name)
        data = self._fields(job)
        files: dict[str, tuple[str, bytes, str]] = {}
        if job.options.flag("picture", True) and job.request.status is NotifyStatus.FIRING:
            picture = await job.picture()
            if picture is not None and len(picture) <= MOST_PICTURE:
                files["attachment"] = ("snapshot.jpg", picture, "image/jpeg")
        answer = await web.request(
            "POST",
            job.options.text("api", API).rstrip("/") + "/1/messages.json",
            policy=job.policy,
            limit=job.limit,
            data={"token": token, "user": user, **data},
            files=files,
            ca_file=job.ca_file,
        )
        body = _body(answer)
        answer.check(now=job.now, detail=_errors(body, token, user))
        if body.get("status") != 1:
            raise ChannelError(
                f"{answer.target} answered {answer.status} and took nothing: "
                f"{_errors(body, token, user)}"
            )
        receipt = body.get("receipt")
        if isinstance(receipt, str) and receipt.isalnum() and len(receipt) <= 100:
            return Taken(reference=receipt, confirm=True)
        request = body.get("request")
        return Taken(reference=str(request)[:100] if request else None)

    def _fields(self, job: Job) -> dict[str, str]:
        priority = _PRIORITY[severity_of(job.request)]
        if job.request.status is NotifyStatus.RESOLVED:
            priority = min(priority, -1)
        if job.options.has("priority"):
            priority = job.options.number("priority", priority)
        said = job.said
        fields = {
            "title": said.subject[:MOST_TITLE],
            # An empty message is refused.
            "message": (said.text or said.subject)[:MOST_MESSAGE],
            "priority": str(priority),
            "timestamp": str(int(job.request.requested_at.timestamp())),
        }
        if priority == EMERGENCY:
            fields["retry"] = str(int(job.options.seconds("retry", 60)))
            fields["expire"] = str(int(job.options.seconds("expire", 3600)))
            alone = [line.alert_id for line in job.request.alerts if job.request.total == 1]
            fields["tags"] = ",".join(_tag(one) for one in (job.request.notification_id, *alone))
        if said.view.link and len(said.view.link) <= MOST_URL:
            fields |= {"url": said.view.link, "url_title": said.view.words["open"]}
        for name in ("sound", "device"):
            if job.options.has(name):
                fields[name] = job.options.text(name)
        return fields

    async def _call_off(self, job: Job, web: Web, token: str, name: str) -> None:
        """Let emergencies of this tag sound no more. Where that fails, they end by themselves."""
        try:
            answer = await web.request(
                "POST",
                job.options.text("api", API).rstrip("/")
                + f"/1/receipts/cancel_by_tag/{_tag(name)}.json",
                policy=job.policy,
                limit=job.limit,
                data={"token": token},
                ca_file=job.ca_file,
            )
            answer.check(now=job.now, detail="")
        except ChannelError as error:
            log.info("an emergency was not called off: %s", error)

    async def check(self, job: Job, web: Web, reference: str) -> Report | None:
        """Ask for an emergency's receipt."""
        token = job.options.secret("credentials")
        answer = await web.request(
            "GET",
            job.options.text("api", API).rstrip("/")
            + f"/1/receipts/{reference}.json?token={token}",
            policy=job.policy,
            limit=job.limit,
            ca_file=job.ca_file,
        )
        body = _body(answer)
        answer.check(now=job.now, detail=_errors(body, token))
        if body.get("acknowledged") == 1:
            await self._call_off(job, web, token, job.request.notification_id)
            return Report(outcome=Outcome.ACKNOWLEDGED)
        if body.get("expired") == 1:
            return Report(outcome=Outcome.EXPIRED, detail="nobody acknowledged it")
        return None


def _body(answer: Answer) -> dict[str, Any]:
    """The answer's JSON; of one that is no yes anyway, whatever there is."""
    try:
        return answer.json()
    except ChannelError:
        if 200 <= answer.status < 300:
            raise
        return {}
