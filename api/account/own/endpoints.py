"""`/v1/me`: whoever asks."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from api.account import examples
from api.account.identity import Principal, PrincipalDep
from api.account.own.schemas import (
    Code,
    FactorView,
    MeChange,
    MeView,
    PasswordChange,
    RecoveryCodes,
)
from api.account.records import Account
from api.account.signin.endpoints import visitor_of
from api.account.user.schemas import SessionView, session_view
from api.body import convert, parse, read
from api.context import ApiDep
from api.openapi import answers, reply, request_body
from api.problems import (
    BadCredentials,
    BodyTooLarge,
    Conflict,
    DatabaseUnavailable,
    Invalid,
    LockedOut,
    MalformedBody,
    NotFound,
    Overloaded,
    SignInAgain,
    Unauthenticated,
    UnsupportedMediaType,
    UsersOnly,
)
from api.query import AnyId

__all__ = ["router"]

router = APIRouter(prefix="/v1/me", tags=["me"])

MAX_BYTES: Final = 8192
MAX_CHANGE_BYTES: Final = 65_536
READ: Final = (Unauthenticated, UsersOnly, DatabaseUnavailable)
WRITE: Final = (*READ, MalformedBody, BodyTooLarge, UnsupportedMediaType, Invalid)


def _me(principal: Principal, account: Account | None) -> MeView:
    """account: None for a service token, which has no preferences."""
    return MeView(
        user_id=principal.id,
        name=principal.name if account is None else account.name,
        role=principal.role,
        scopes=tuple(sorted(principal.scopes)),
        sites=None if principal.sites is None else tuple(sorted(principal.sites)),
        language="en" if account is None else account.language,
        timezone=None if account is None else account.timezone,
        totp=account is not None and account.totp is not None,
        must_change_password=account is not None and account.must_change and not principal.scopes,
        filters=() if account is None else account.filters,
    )


@router.get(
    "",
    summary="Who asks",
    responses=answers(
        MeView,
        "Whoever the credential is of",
        example=examples.ME,
        problems=(Unauthenticated, DatabaseUnavailable),
    ),
)
async def me(api: ApiDep, principal: PrincipalDep) -> Response:
    """Name, role, scopes and sites, and how one likes to read."""
    account = await api.own.account(principal) if principal.kind == "user" else None
    return reply(_me(principal, account))


@router.patch(
    "",
    summary="Change the own account",
    openapi_extra=request_body(MeChange, examples=examples.ME_CHANGES),
    responses=answers(MeView, "As it is now", example=examples.ME, problems=(*WRITE, Conflict)),
)
async def change(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """Change what is named. The name is what one signs in with, and what acts are written under."""
    body = convert(parse(await read(request, limit=MAX_CHANGE_BYTES)), MeChange)
    return reply(_me(principal, await api.own.change(principal, visitor_of(request), body)))


@router.put(
    "/password",
    summary="Change the own password",
    status_code=204,
    response_class=Response,
    openapi_extra=request_body(PasswordChange, examples=examples.PASSWORD_CHANGES),
    responses=answers(
        None,
        "It is changed, and all other sessions have ended",
        status=204,
        problems=(*WRITE, BadCredentials, Conflict, LockedOut, Overloaded),
    ),
)
async def password(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """12 characters or more, of whatever kind; not the own name, and none that everybody uses."""
    body = convert(parse(await read(request, limit=MAX_BYTES)), PasswordChange)
    await api.own.change_password(principal, visitor_of(request), body.old, body.new)
    return Response(status_code=204)


@router.post(
    "/totp",
    summary="Begin a second factor",
    responses=answers(
        FactorView,
        "What the app is to be shown",
        example=examples.FACTOR,
        problems=(*READ, SignInAgain),
    ),
)
async def begin_factor(api: ApiDep, principal: PrincipalDep) -> Response:
    """A secret for an app that makes codes (RFC 6238). It counts once its code was shown."""
    return reply(await api.own.begin_factor(principal))


@router.put(
    "/totp",
    summary="Confirm a second factor",
    openapi_extra=request_body(Code, examples=examples.CODES),
    responses=answers(
        RecoveryCodes,
        "From now on it is asked for; with these when it is lost",
        example=examples.RECOVERY_CODES,
        problems=(*WRITE, Conflict),
    ),
)
async def confirm_factor(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """Show that the app has the secret."""
    body = convert(parse(await read(request, limit=MAX_BYTES)), Code)
    codes = await api.own.confirm_factor(principal, visitor_of(request), body.code)
    return reply(RecoveryCodes(recovery_codes=codes))


@router.delete(
    "/totp",
    summary="Take the second factor away",
    status_code=204,
    response_class=Response,
    responses=answers(
        None, "It is not asked for any more", status=204, problems=(*READ, SignInAgain)
    ),
)
async def remove_factor(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """Within 15 minutes of a sign-in, and the recovery codes with it."""
    await api.own.remove_factor(principal, visitor_of(request))
    return Response(status_code=204)


@router.get(
    "/sessions",
    summary="The own sessions",
    responses=answers(
        list[SessionView],
        "The sessions, the newest first",
        example=[examples.SESSION],
        problems=READ,
    ),
)
async def sessions(api: ApiDep, principal: PrincipalDep) -> Response:
    """Where one is signed in."""
    found = await api.own.sessions(principal)
    return reply([session_view(session, principal.session_id) for session in found])


@router.delete(
    "/sessions/{session_id}",
    summary="End one of the own sessions",
    status_code=204,
    response_class=Response,
    responses=answers(None, "It has ended", status=204, problems=(*READ, NotFound)),
)
async def end(
    request: Request, api: ApiDep, principal: PrincipalDep, session_id: AnyId
) -> Response:
    """Sign oneself out somewhere."""
    await api.own.end_session(principal, visitor_of(request), session_id)
    return Response(status_code=204)
