"""`/v1/auth`: signing in and out; and the keys that verify what that gives."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Path, Request, Response
from starlette.responses import RedirectResponse

from api.account import examples
from api.account.identity import credential_of
from api.account.records import ACCESS_FOR, Issued, Visitor
from api.account.signin import cookies
from api.account.signin.schemas import (
    JsonWebKey,
    JsonWebKeySet,
    LinkBody,
    Methods,
    TokenAnswer,
    TokenForm,
)
from api.body import convert, parse, read
from api.context import ApiDep
from api.openapi import answers, form_body, reply, request_body
from api.problems import (
    BadCredentials,
    BodyTooLarge,
    DatabaseUnavailable,
    FieldError,
    Invalid,
    LockedOut,
    MalformedBody,
    NotReady,
    OtpRequired,
    Overloaded,
    Unauthenticated,
    UnsupportedMediaType,
)

__all__ = ["keys", "link", "router", "visitor_of"]

router = APIRouter(prefix="/v1/auth", tags=["sign-in"])
keys = APIRouter(tags=["sign-in"])
link = APIRouter()

MAX_FORM_BYTES: Final = 8192
FORM: Final = "application/x-www-form-urlencoded"
MAX_AGENT: Final = 200


def visitor_of(request: Request) -> Visitor:
    """Where the request comes from. Behind no proxy: what a header says of it is not believed."""
    agent = request.headers.get("user-agent", "")[:MAX_AGENT]
    return Visitor(
        address=request.client.host if request.client else "unknown",
        agent="".join(c for c in agent if c.isprintable()),
    )


def _require_form(content_type: str | None) -> None:
    if (content_type or "").split(";", 1)[0].strip().lower() != FORM:
        raise UnsupportedMediaType(f"Send the body with Content-Type: {FORM}.")


async def _form(request: Request) -> TokenForm:
    body = await read(request, limit=MAX_FORM_BYTES, require=_require_form)
    try:
        # A field without a value is as if it were not there (RFC 6749, 3.2).
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=20, errors="strict")
    except ValueError as error:
        raise MalformedBody("The body is no form in UTF-8.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        # RFC 6749, 3.2: a parameter is sent once. Two would let two readers see two requests.
        raise MalformedBody("A field is there twice.")
    return convert(fields, TokenForm)


def _answer(request: Request, issued: Issued, *, in_cookies: bool) -> Response:
    answer = TokenAnswer(
        access_token=None if in_cookies else issued.access.reveal(),
        token_type="Bearer",  # noqa: S106 - the kind of token
        expires_in=int(ACCESS_FOR.total_seconds()),
        refresh_token=None if in_cookies else issued.refresh.reveal(),
        scope=" ".join(sorted(issued.scopes)),
    )
    response = reply(answer)
    if in_cookies:
        cookies.keep(response, issued, secure=cookies.secure(request))
    return response


@router.post(
    "/token",
    summary="Sign in, or stay signed in",
    openapi_extra=form_body(TokenForm, examples=examples.TOKEN_FORMS),
    responses=answers(
        TokenAnswer,
        "The tokens, or with `cookies=true` the cookies that hold them",
        example=examples.TOKENS,
        problems=(
            MalformedBody,
            BadCredentials,
            OtpRequired,
            BodyTooLarge,
            UnsupportedMediaType,
            Invalid,
            LockedOut,
            NotReady,
            Overloaded,
            DatabaseUnavailable,
        ),
    ),
)
async def token(request: Request, api: ApiDep) -> Response:
    """OAuth2's password and refresh grants.

    A refresh token is good once; with `cookies=true` it may be the cookie's. Sign-ins that fail
    make the next one wait.
    """
    form = await _form(request)
    visitor = visitor_of(request)
    in_cookies = form.cookies == "true"
    if form.grant_type == "password":
        missing = [name for name in ("username", "password") if getattr(form, name) is None]
        if form.username is None or form.password is None:
            raise Invalid([FieldError(field=f"body.{m}", detail="is required") for m in missing])
        issued = await api.signin.by_password(form.username, form.password, form.otp, visitor)
        return _answer(request, issued, in_cookies=in_cookies)
    given = form.refresh_token
    if given is None and in_cookies:
        given = request.cookies.get(cookies.REFRESH_COOKIE)
    if not given:
        raise Invalid([FieldError(field="body.refresh_token", detail="is required")])
    return _answer(request, await api.signin.by_refresh(given, visitor), in_cookies=in_cookies)


@router.post(
    "/logout",
    summary="Sign out",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "The session has ended, and its cookies are gone"}},
)
async def logout(request: Request, api: ApiDep) -> Response:
    """End the session that the request is of, by its access token or the cookie that renews it."""
    session_id = None
    try:
        credential = credential_of(request)
        if credential is not None:
            session_id = (await api.authority.principal(credential)).session_id
    except Unauthenticated:
        # It has expired, and is thrown away now: the cookie may still name the session.
        pass
    refresh = request.cookies.get(cookies.REFRESH_COOKIE)
    if session_id is not None or refresh:
        await api.signin.sign_out(session_id, refresh, visitor_of(request))
    response = Response(status_code=204)
    cookies.clear(response, secure=cookies.secure(request))
    return response


@router.get(
    "/methods",
    summary="Ways to sign in",
    responses=answers(Methods, "The ways", example=examples.METHODS),
)
async def methods(api: ApiDep) -> Response:
    """What a sign-in page has to offer."""
    return reply(Methods(password=True, oidc=api.settings.oidc_label))


@router.post(
    "/link",
    summary="Sign in with a code from the console",
    openapi_extra=request_body(LinkBody, examples=examples.LINKS),
    responses=answers(
        TokenAnswer,
        "The cookies that hold the tokens",
        example=examples.COOKIES_SET,
        problems=(
            MalformedBody,
            BadCredentials,
            BodyTooLarge,
            UnsupportedMediaType,
            Invalid,
            NotReady,
            DatabaseUnavailable,
        ),
    ),
)
async def by_link(request: Request, api: ApiDep) -> Response:
    """Exchange a code that `watchfloor user link NAME` made, once, for cookies."""
    body = convert(parse(await read(request, limit=MAX_FORM_BYTES)), LinkBody)
    issued = await api.signin.by_link(body.code, visitor_of(request))
    return _answer(request, issued, in_cookies=True)


@link.get("/sign-in/{code}", include_in_schema=False)
async def follow(
    request: Request, api: ApiDep, code: Annotated[str, Path(max_length=200)]
) -> Response:
    """The same for a browser that was given an address to open."""
    try:
        issued = await api.signin.by_link(code, visitor_of(request))
    except BadCredentials:
        return RedirectResponse("/?sign-in=used", status_code=303)
    response = RedirectResponse("/", status_code=303)
    cookies.keep(response, issued, secure=cookies.secure(request))
    return response


@keys.get(
    "/.well-known/jwks.json",
    summary="The keys that verify access tokens",
    responses=answers(JsonWebKeySet, "The keys", example=examples.KEYS, problems=(NotReady,)),
)
async def key_set(api: ApiDep) -> Response:
    """Public keys (RFC 7517), those of tokens that have not expired yet included."""
    found = [key.as_dict(private=False) for key in api.authority.public_keys()]
    return reply(
        JsonWebKeySet(
            keys=tuple(
                JsonWebKey(
                    kid=str(key["kid"]),
                    kty="RSA",
                    use="sig",
                    alg="RS256",
                    n=str(key["n"]),
                    e=str(key["e"]),
                )
                for key in found
            )
        ),
        headers={"Cache-Control": "public, max-age=300"},
    )
