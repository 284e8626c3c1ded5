"""`POST /internal/notify` for other services, and `POST /v1/notifications/preview`."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Header, Request, Response

from api.account.identity import PrincipalDep, Scope, needs
from api.body import convert, parse, read
from api.context import ApiDep
from api.idempotency.service import fingerprint, name_of
from api.notify import examples, service
from api.notify.schemas import NotifyAnswer, NotifyBody, NotifyOutcome, PreviewBody, PreviewView
from api.openapi import answers, reply, request_body
from api.problems import (
    BodyTooLarge,
    BrokerUnavailable,
    Forbidden,
    Invalid,
    MalformedBody,
    MissingScope,
    NotFound,
    NotReady,
    Overloaded,
    Unauthenticated,
    UnsupportedMediaType,
)
from api.query import PRINTABLE

__all__ = ["router"]

router = APIRouter(tags=["notifications"])

MOST_BYTES: Final = 65_536


@router.post(
    "/internal/notify",
    summary="Have a notification sent for another service",
    openapi_extra=request_body(NotifyBody, examples=examples.BODY),
    responses=answers(
        NotifyAnswer,
        "What came of the first pass: sent or failed",
        example=examples.ANSWER,
        more=answers(
            NotifyAnswer,
            "It is safe; its first pass is not over yet",
            example=examples.ACCEPTED,
            status=202,
        ),
        problems=(
            MalformedBody,
            Unauthenticated,
            MissingScope,
            Forbidden,
            NotFound,
            BodyTooLarge,
            UnsupportedMediaType,
            Invalid,
            BrokerUnavailable,
            Overloaded,
        ),
    ),
)
async def notify(
    request: Request,
    api: ApiDep,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=200, pattern=PRINTABLE)
    ] = None,
) -> Response:
    """With the scope notify:write; or, from this machine, with the secret `internal-notify`.

    It takes the same way as every notification: limits, retries, log. The same `Idempotency-Key`
    for the same site, receiver and source is sent once.
    """
    principal = await service.admit(api, request)
    raw = await read(request, limit=MOST_BYTES)
    name = asked = ""
    if idempotency_key is not None:
        # Its id follows from the key, so that it needs no memory to be the same notification.
        asker = "this machine" if principal is None else f"{principal.kind}/{principal.id}"
        name = name_of(asker, request.method, request.url.path, idempotency_key)
        asked = fingerprint(raw)
        api.keys.check(name, asked)
    body = convert(parse(raw), NotifyBody)
    answer = await service.submit(api, principal, body, idempotency_key)
    if idempotency_key is not None:
        api.keys.remember(name, asked)
    return reply(answer, status=202 if answer.result is NotifyOutcome.ACCEPTED else 200)


@router.post(
    "/v1/notifications/preview",
    dependencies=[needs(Scope.NOTIFY_WRITE)],
    summary="What a receiver's channels would be told",
    openapi_extra=request_body(PreviewBody, examples=examples.PREVIEW),
    responses=answers(
        list[PreviewView],
        "One entry a channel; nothing is sent",
        example=examples.PREVIEWED,
        problems=(MalformedBody, NotFound, BodyTooLarge, UnsupportedMediaType, Invalid, NotReady),
    ),
)
async def preview(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """By the document's templates, or by one that is to be tried."""
    body = convert(parse(await read(request, limit=MOST_BYTES)), PreviewBody)
    return reply(service.show(api, principal, body))
