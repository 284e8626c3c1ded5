"""Webhooks: the request as JSON, signed; and Alertmanager's own shape of it."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

from msgspec import json

from agents.notify.senders.base import Job, Taken, Unconfirmed
from agents.notify.signing import sign
from agents.notify.web import Web
from schemas.base import encode
from schemas.notification import NotifyStatus

__all__ = ["AlertmanagerSender", "WebhookSender"]


def _authorization(job: Job) -> dict[str, str]:
    """`user:password` as Basic, anything else as a Bearer token."""
    if not job.options.has("credentials"):
        return {}
    secret = job.options.secret("credentials")
    if ":" in secret:
        return {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}
    return {"Authorization": f"Bearer {secret}"}


class WebhookSender(Unconfirmed):
    """POSTs the request as JSON; any 2xx is a yes, whatever the body says.

    With `secret: NAME` it is signed, see `agents.notify.signing`. `Idempotency-Key` is the
    notification's id: a copy of it carries the same one.
    """

    async def send(self, job: Job, web: Web) -> Taken:
        """POST it."""
        body = encode(job.request)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": job.key,
            **_authorization(job),
        }
        if job.options.has("secret"):
            headers |= sign(job.options.secret("secret").encode(), body, job.now)
        answer = await web.request(
            "POST",
            job.options.text("url"),
            policy=job.policy,
            limit=job.limit,
            headers=headers,
            content=body,
            ca_file=job.ca_file,
        )
        answer.check(now=job.now)
        return Taken()


class AlertmanagerSender(Unconfirmed):
    """POSTs alerts to `<url>/api/v2/alerts` (Alertmanager's API v2), which folds copies itself."""

    async def send(self, job: Job, web: Web) -> Taken:
        """POST them."""
        request = job.request
        over = request.status is NotifyStatus.RESOLVED
        common = {"site": request.site_id, "receiver": request.receiver, "job": "watchfloor"}
        made: list[dict[str, Any]] = [
            {
                "labels": {
                    "alertname": line.title[:200],
                    "alert_id": line.alert_id,
                    "severity": line.severity.value,
                    **common,
                },
                "annotations": {"summary": line.title, "rank": str(line.rank)},
                "startsAt": line.last_event.isoformat(),
                "endsAt": (job.now if over else job.now + timedelta(hours=4)).isoformat(),
            }
            for line in request.alerts
        ]
        if request.note is not None:
            made.append(
                {
                    "labels": {
                        "alertname": request.note.title,
                        "severity": request.note.severity.value,
                        **common,
                    },
                    "annotations": {"summary": request.note.text},
                    "startsAt": request.requested_at.isoformat(),
                }
            )
        answer = await web.request(
            "POST",
            job.options.text("url").rstrip("/") + "/api/v2/alerts",
            policy=job.policy,
            limit=job.limit,
            headers={"Content-Type": "application/json", **_authorization(job)},
            content=json.encode(made),
            ca_file=job.ca_file,
        )
        answer.check(now=job.now)
        return Taken()
