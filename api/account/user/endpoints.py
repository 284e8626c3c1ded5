"""`/v1/users`."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from msgspec import structs

from api.account import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.account.signin.endpoints import visitor_of
from api.account.user.schemas import (
    Password,
    SessionView,
    UserBody,
    UserChange,
    UserMade,
    UserView,
    session_view,
    user_view,
)
from api.body import convert, parse, read
from api.context import ApiDep
from api.openapi import answers, reply, request_body
from api.problems import (
    BeyondOwn,
    BodyTooLarge,
    Conflict,
    DatabaseUnavailable,
    Invalid,
    MalformedBody,
    MissingScope,
    NotFound,
    Overloaded,
    Unauthenticated,
    UnsupportedMediaType,
)
from api.query import AnyId, Filters

__all__ = ["router"]

router = APIRouter(prefix="/v1/users", tags=["users"], dependencies=[needs(Scope.USERS_ADMIN)])

MAX_BYTES: Final = 131_072
"""A thousand sites fit."""
READ: Final = (Unauthenticated, MissingScope, DatabaseUnavailable)
WRITE: Final = (*READ, MalformedBody, BeyondOwn, BodyTooLarge, UnsupportedMediaType, Invalid)


@router.get(
    "",
    summary="All users",
    responses=answers(list[UserView], "The users", example=[examples.USER], problems=READ),
)
async def every(api: ApiDep, principal: PrincipalDep, _: Annotated[Filters, Query()]) -> Response:
    """Users of sites that one administers oneself, by name."""
    return reply([user_view(account) for account in await api.users.every(principal)])


@router.post(
    "",
    summary="Make a user",
    status_code=201,
    openapi_extra=request_body(UserBody, examples=examples.USERS),
    responses=answers(
        UserMade,
        "The user, with the password for the first sign-in",
        example=examples.USER_MADE,
        status=201,
        problems=(*WRITE, Conflict, Overloaded),
    ),
)
async def add(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """Make a user. The password is told here and nowhere else, and is to be changed at once."""
    body = convert(parse(await read(request, limit=MAX_BYTES)), UserBody)
    account, password = await api.users.add(principal, visitor_of(request), body)
    view = user_view(account)
    made = UserMade(**structs.asdict(view), password=password)
    return reply(made, status=201, headers={"Location": f"/v1/users/{account.account_id}"})


@router.get(
    "/{user_id}",
    summary="One user",
    responses=answers(UserView, "The user", example=examples.USER, problems=(*READ, NotFound)),
)
async def by_id(api: ApiDep, principal: PrincipalDep, user_id: AnyId) -> Response:
    """One user."""
    return reply(user_view(await api.users.by_id(principal, user_id)))


@router.patch(
    "/{user_id}",
    summary="Change a user",
    openapi_extra=request_body(UserChange, examples=examples.USER_CHANGES),
    responses=answers(
        UserView,
        "The user as it is now",
        example=examples.USER,
        problems=(*WRITE, NotFound, Conflict),
    ),
)
async def change(
    request: Request, api: ApiDep, principal: PrincipalDep, user_id: AnyId
) -> Response:
    """Change what is named; a disabled user's sessions end at once."""
    body = convert(parse(await read(request, limit=MAX_BYTES)), UserChange)
    return reply(user_view(await api.users.change(principal, visitor_of(request), user_id, body)))


@router.delete(
    "/{user_id}",
    summary="Remove a user",
    status_code=204,
    response_class=Response,
    responses=answers(
        None, "It is done", status=204, problems=(*READ, NotFound, BeyondOwn, Conflict)
    ),
)
async def remove(
    request: Request, api: ApiDep, principal: PrincipalDep, user_id: AnyId
) -> Response:
    """Remove a user, and end the user's sessions. What was done stays under the name."""
    await api.users.remove(principal, visitor_of(request), user_id)
    return Response(status_code=204)


@router.post(
    "/{user_id}/password",
    summary="Give a user a temporary password",
    responses=answers(
        Password,
        "The password",
        example=examples.PASSWORD,
        problems=(*READ, NotFound, BeyondOwn, Conflict, Overloaded),
    ),
)
async def password(
    request: Request, api: ApiDep, principal: PrincipalDep, user_id: AnyId
) -> Response:
    """For whoever has lost theirs. All sessions end; the second factor stays."""
    made = await api.users.reset_password(principal, visitor_of(request), user_id)
    return reply(Password(password=made))


@router.get(
    "/{user_id}/sessions",
    summary="A user's sessions",
    responses=answers(
        list[SessionView],
        "The sessions, the newest first",
        example=[examples.SESSION],
        problems=(*READ, NotFound),
    ),
)
async def sessions(api: ApiDep, principal: PrincipalDep, user_id: AnyId) -> Response:
    """Sign-ins that last."""
    found = await api.users.sessions(principal, user_id)
    return reply([session_view(session, principal.session_id) for session in found])


@router.delete(
    "/{user_id}/sessions",
    summary="End all of a user's sessions",
    status_code=204,
    response_class=Response,
    responses=answers(None, "It is done", status=204, problems=(*READ, NotFound, BeyondOwn)),
)
async def end_all(
    request: Request, api: ApiDep, principal: PrincipalDep, user_id: AnyId
) -> Response:
    """Sign a user out everywhere."""
    await api.users.end_sessions(principal, visitor_of(request), user_id, None)
    return Response(status_code=204)


@router.delete(
    "/{user_id}/sessions/{session_id}",
    summary="End one of a user's sessions",
    status_code=204,
    response_class=Response,
    responses=answers(None, "It is done", status=204, problems=(*READ, NotFound, BeyondOwn)),
)
async def end(
    request: Request, api: ApiDep, principal: PrincipalDep, user_id: AnyId, session_id: AnyId
) -> Response:
    """Sign a user out in one place."""
    await api.users.end_sessions(principal, visitor_of(request), user_id, session_id)
    return Response(status_code=204)
