"""Notifications that other services ask for, and what notifications would look like."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from agents.notify.preview import preview, sample
from agents.runtime.emitter import EmitError
from api.correlation import carried
from api.notify.schemas import NotifyAnswer, NotifyBody, NotifyOutcome, PreviewBody, PreviewView
from api.problems import BrokerUnavailable, FieldError, Forbidden, Invalid, NotFound, NotReady
from infra.errors import WatchfloorError
from infra.secrets import lookup
from schemas.document import Receiver, Template
from schemas.ids import notification_id
from schemas.notification import Note, NotifyRequest, NotifyResult, NotifyStatus, Outcome
from schemas.reading.templates import problem_of
from topics.catalogue import NOTIFY_REQUESTS
from topics.record import make

if TYPE_CHECKING:
    from starlette.requests import Request

    from api.context import Api

__all__ = ["TOKEN_SECRET", "admit", "show", "submit"]

TOKEN_SECRET: Final = "internal-notify"  # noqa: S105 - a secret's name
LEAST_TOKEN: Final = 16


def admit(api: Api, request: Request) -> None:
    """Let in who is on this machine and knows the token. Raises Forbidden."""
    host = request.client.host if request.client is not None else ""
    try:
        near = ipaddress.ip_address(host).is_loopback
    except ValueError:
        near = False
    if not near:
        raise Forbidden("Only services on this machine may ask for notifications.")
    try:
        token = lookup(TOKEN_SECRET, state_dir=api.settings.state_dir).reveal()
    except WatchfloorError:
        token = ""
    if len(token) < LEAST_TOKEN:
        raise Forbidden(
            f"The secret {TOKEN_SECRET!r} is not set here, or is shorter than {LEAST_TOKEN} "
            "characters: write one, and send it as Authorization: Bearer TOKEN."
        )
    given = request.headers.get("authorization", "")
    # As digests, so that neither the length nor the first difference shows in the time it takes.
    wanted = hashlib.sha256(f"Bearer {token}".encode()).digest()
    if not hmac.compare_digest(hashlib.sha256(given.encode()).digest(), wanted):
        raise Forbidden("The token is missing or wrong.")


def _receiver(api: Api, name: str | None) -> Receiver:
    routing = api.configuration.routing
    wanted = name or (routing.route.receiver if routing.route is not None else None)
    for receiver in routing.receivers:
        if receiver.name == wanted:
            return receiver
    known = ", ".join(receiver.name for receiver in routing.receivers[:12]) or "none"
    detail = f"has to be a receiver that exists: {known}"
    raise Invalid([FieldError(field="body.receiver", detail=detail)])


async def submit(api: Api, body: NotifyBody, key: str | None) -> NotifyAnswer:
    """Put it on the way and wait for its first pass.

    The same key for the same site and receiver is the same notification, and has the same answer.
    Raises NotFound for a site that does not exist, Invalid for such a receiver.
    """
    if not api.configuration.loaded.is_set():
        raise NotReady("The sites' configuration is still being read.")
    if api.configuration.site(body.site_id) is None:
        raise NotFound("site", body.site_id)
    receiver = _receiver(api, body.receiver)
    now = api.now()
    source = body.source or "internal"
    name = notification_id(
        body.site_id, receiver.name, f"internal/{source}/{key or uuid.uuid4()}", 0
    )
    request = NotifyRequest(
        notification_id=name,
        site_id=body.site_id,
        receiver=receiver.name,
        status=NotifyStatus.FIRING,
        kind="internal",
        group=f"internal/{source}",
        flush=0,
        requested_at=now,
        deadline=now + max(receiver.retry_for, timedelta(0)),
        alerts=(),
        total=0,
        note=Note(
            title=body.title,
            text=body.text,
            severity=body.severity,
            link=body.link,
            source=source,
        ),
    )
    record = make(
        NOTIFY_REQUESTS,
        request,
        id=name,
        time=now,
        source="watchfloor/api",
        key=body.site_id,
        subject=receiver.name,
    )
    with api.outcomes.wait(name) as first:
        if not first.done():
            try:
                await api.emitter.emit([carried(record)])
            except EmitError as error:
                raise BrokerUnavailable from error
            await asyncio.wait({first}, timeout=api.decision_wait_s)
        if first.done():
            return _answer(first.result())
    return NotifyAnswer(
        notification_id=name,
        site_id=body.site_id,
        receiver=receiver.name,
        result=NotifyOutcome.ACCEPTED,
        retrying=True,
    )


def _answer(result: NotifyResult) -> NotifyAnswer:
    sent = result.outcome is Outcome.DELIVERED
    word = "timeout" if result.outcome is Outcome.TIMED_OUT else "send_failed"
    reason = f"{result.channel_kind}_{word}" if result.channel_kind else "not_sent"
    return NotifyAnswer(
        notification_id=result.notification_id,
        site_id=result.site_id,
        receiver=result.receiver,
        result=NotifyOutcome.SENT if sent else NotifyOutcome.FAILED,
        channel=result.channel,
        reason=None if sent else reason,
        error=None if sent else result.error,
        retrying=bool(result.owed),
    )


def show(api: Api, body: PreviewBody) -> list[PreviewView]:
    """What the receiver's channels would be told. Raises Invalid for a template that fails."""
    if not api.configuration.loaded.is_set():
        raise NotReady("The sites' configuration is still being read.")
    errors = []
    for name in ("subject", "text", "html"):
        source = getattr(body, name)
        wrong = None if source is None else problem_of(source, html=name == "html")
        if wrong is not None:
            errors.append(FieldError(field=f"body.{name}", detail=f"does not render: {wrong}"))
    if errors:
        raise Invalid(errors)
    receiver = _receiver(api, body.receiver)
    site = None
    if body.site_id is not None:
        found = api.configuration.site(body.site_id)
        if found is None:
            raise NotFound("site", body.site_id)
        site = found.site
    tried = Template(subject=body.subject, text=body.text, html=body.html)
    alone = (tried,) if (body.subject or body.text or body.html) else ()
    request = sample(
        body.site_id or "site",
        receiver.name,
        api.now(),
        severity=body.severity,
        status=body.status,
        kind=body.kind,
        alerts=body.alerts,
    )
    return [
        PreviewView(**{name: getattr(one, name) for name in one.__struct_fields__})
        for one in preview(
            request,
            receiver,
            site=site,
            templates=alone or api.configuration.routing.templates,
            link_base=api.settings.api_url,
            channel=body.channel,
            language=body.language,
        )
    ]
