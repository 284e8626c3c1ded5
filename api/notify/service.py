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
from api.account.identity import Principal, Scope, principal_of
from api.correlation import carried
from api.notify.schemas import NotifyAnswer, NotifyBody, NotifyOutcome, PreviewBody, PreviewView
from api.problems import (
    BrokerUnavailable,
    FieldError,
    Forbidden,
    Invalid,
    MissingScope,
    NotFound,
    NotReady,
)
from api.site.service import in_scope
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

__all__ = ["TOKEN_SECRET", "admit", "ask", "show", "submit"]

TOKEN_SECRET: Final = "internal-notify"  # noqa: S105 - a secret's name
LEAST_TOKEN: Final = 16
FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


async def admit(api: Api, request: Request) -> Principal | None:
    """Who asks; None for a service on this machine that knows the secret.

    Raises Forbidden for the secret from elsewhere, Unauthenticated, and MissingScope.
    """
    if _knows_secret(api, request.headers.get("authorization", "")):
        if not _near(request):
            raise Forbidden(f"The secret {TOKEN_SECRET!r} is for services on this machine.")
        return None
    principal = await principal_of(request)
    if not principal.may(Scope.NOTIFY_WRITE):
        raise MissingScope(Scope.NOTIFY_WRITE)
    return principal


def _knows_secret(api: Api, given: str) -> bool:
    try:
        token = lookup(TOKEN_SECRET, state_dir=api.settings.state_dir).reveal()
    except WatchfloorError:
        return False
    if len(token) < LEAST_TOKEN:
        return False
    # As digests, so that neither the length nor the first difference shows in the time it takes.
    wanted = hashlib.sha256(f"Bearer {token}".encode()).digest()
    return hmac.compare_digest(hashlib.sha256(given.encode()).digest(), wanted)


def _near(request: Request) -> bool:
    """Whether it comes from this machine, and not through a proxy on it."""
    if any(name in request.headers for name in FORWARDED):
        return False
    host = request.client.host if request.client is not None else ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _receiver(api: Api, name: str | None) -> Receiver:
    routing = api.configuration.routing
    wanted = name or (routing.route.receiver if routing.route is not None else None)
    for receiver in routing.receivers:
        if receiver.name == wanted:
            return receiver
    known = ", ".join(receiver.name for receiver in routing.receivers[:12]) or "none"
    detail = f"has to be a receiver that exists: {known}"
    raise Invalid([FieldError(field="body.receiver", detail=detail)])


async def submit(
    api: Api, principal: Principal | None, body: NotifyBody, key: str | None
) -> NotifyAnswer:
    """Put it on the way and wait for its first pass.

    The same key for the same site and receiver is the same notification, and has the same answer.
    Raises NotFound for a site that does not exist, Invalid for such a receiver.
    """
    if principal is not None:
        in_scope(api.configuration, principal, body.site_id)
    elif not api.configuration.loaded.is_set():
        raise NotReady("The sites' configuration is still being read.")
    elif api.configuration.site(body.site_id) is None:
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
    return await ask(api, request)


async def ask(api: Api, request: NotifyRequest) -> NotifyAnswer:
    """Put a request on the way and wait for its first pass.

    Raises BrokerUnavailable, and Overloaded where too many wait.
    """
    record = make(
        NOTIFY_REQUESTS,
        request,
        id=request.notification_id,
        time=request.requested_at,
        source="watchfloor/api",
        key=request.site_id,
        subject=request.receiver,
    )
    with api.outcomes.wait(request.notification_id) as first:
        if not first.done():
            try:
                await api.emitter.emit([carried(record)])
            except EmitError as error:
                raise BrokerUnavailable from error
            await asyncio.wait({first}, timeout=api.decision_wait_s)
        if first.done():
            return _answer(first.result())
    return NotifyAnswer(
        notification_id=request.notification_id,
        site_id=request.site_id,
        receiver=request.receiver,
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


def show(api: Api, principal: Principal, body: PreviewBody) -> list[PreviewView]:
    """What the receiver's channels would be told.

    Raises NotFound for a site, and Invalid for a template that fails.
    """
    in_scope(api.configuration, principal, body.site_id)
    site = None if body.site_id is None else api.configuration.sites[body.site_id].site
    errors = []
    for name in ("subject", "text", "html"):
        source = getattr(body, name)
        wrong = None if source is None else problem_of(source, html=name == "html")
        if wrong is not None:
            errors.append(FieldError(field=f"body.{name}", detail=f"does not render: {wrong}"))
    if errors:
        raise Invalid(errors)
    receiver = _receiver(api, body.receiver)
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
            link_base=api.settings.link_base,
            channel=body.channel,
            language=body.language,
        )
    ]
