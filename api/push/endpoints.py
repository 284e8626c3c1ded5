"""`/v1/me/push`: on which browsers whoever asks is told."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response

from api.account.identity import PrincipalDep
from api.body import convert, parse, read
from api.context import ApiDep
from api.notify.schemas import NotifyAnswer, NotifyOutcome
from api.openapi import answers, reply, request_body
from api.problems import (
    BodyTooLarge,
    BrokerUnavailable,
    Conflict,
    DatabaseUnavailable,
    Invalid,
    MalformedBody,
    MissingScope,
    NotFound,
    NotReady,
    Overloaded,
    Unauthenticated,
    UnsupportedMediaType,
    UsersOnly,
)
from api.push import examples, service
from api.push.schemas import PushSubscriptionBody, PushSubscriptionView, PushView, view

__all__ = ["router"]

router = APIRouter(prefix="/v1/me/push", tags=["me"])

MAX_BYTES: Final = 8192
OWN: Final = (Unauthenticated, UsersOnly, DatabaseUnavailable)

PushId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", examples=[examples.PUSH_ID])]


@router.get(
    "",
    summary="The own browsers that are told",
    responses=answers(
        PushView,
        "The browsers, the newest first, and the keys that a browser subscribes with",
        example=examples.PUSH,
        problems=(*OWN, NotReady),
    ),
)
async def browsers(api: ApiDep, principal: PrincipalDep) -> Response:
    """Keys of the receivers whose `webpush` channels name whoever asks among their `users`."""
    return reply(await service.browsers(api, principal))


@router.put(
    "/{push_id}",
    summary="Have a browser told",
    openapi_extra=request_body(PushSubscriptionBody, examples=examples.SUBSCRIPTIONS),
    responses=answers(
        PushSubscriptionView,
        "It is told from now on",
        example=examples.SUBSCRIPTION,
        problems=(
            *OWN,
            MissingScope,
            MalformedBody,
            BodyTooLarge,
            UnsupportedMediaType,
            Invalid,
            NotFound,
            Conflict,
            NotReady,
        ),
    ),
)
async def add(request: Request, api: ApiDep, principal: PrincipalDep, push_id: PushId) -> Response:
    """A browser's subscription, under the SHA-256 of its endpoint; again, and it is the same one.

    It is told until it is removed, or its session is ended by somebody: by signing out, by an
    administrator, by another password.
    """
    body = convert(parse(await read(request, limit=MAX_BYTES)), PushSubscriptionBody)
    return reply(view(await service.add(api, principal, push_id, body)))


@router.delete(
    "/{push_id}",
    summary="Have a browser told no more",
    status_code=204,
    response_class=Response,
    responses=answers(None, "It is told nothing more", status=204, problems=(*OWN, NotFound)),
)
async def remove(api: ApiDep, principal: PrincipalDep, push_id: PushId) -> Response:
    """One of the own ones."""
    await service.remove(api, principal, push_id)
    return Response(status_code=204)


@router.post(
    "/{push_id}/test",
    summary="Try a browser",
    responses=answers(
        NotifyAnswer,
        "What came of it: sent or failed",
        example=examples.TRIED,
        more=answers(NotifyAnswer, "It is under way still", example=examples.UNDER_WAY, status=202),
        problems=(*OWN, MissingScope, NotFound, Conflict, NotReady, BrokerUnavailable, Overloaded),
    ),
)
async def try_out(api: ApiDep, principal: PrincipalDep, push_id: PushId) -> Response:
    """One push, by the way that alerts take."""
    answer = await service.try_out(api, principal, push_id)
    return reply(answer, status=202 if answer.result is NotifyOutcome.ACCEPTED else 200)
