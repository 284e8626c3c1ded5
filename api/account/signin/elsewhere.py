"""`/v1/auth/oidc`: a browser leaves for the provider, and comes back."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from api.account.signin import cookies
from api.account.signin.endpoints import visitor_of
from api.account.signin.people import RefusedError
from api.account.signin.sso import FLOW_FOR
from api.context import ApiDep
from api.openapi import with_problems
from api.problems import NotFound

__all__ = ["router"]

router = APIRouter(prefix="/v1/auth/oidc", tags=["sign-in"])

COOKIE: Final = "watchfloor_oidc"
PATH: Final = "/v1/auth/oidc"
REFUSED: Final = "/?sign-in=refused"
"""Where the sign-in page is; it says so. Why, is in the log."""
MAX_VALUE: Final = 2048


def _redirect_uri(request: Request) -> str:
    # The Host header is one that this server answers for; the guard has seen to it.
    return f"{request.url.scheme}://{request.headers['host']}{PATH}/callback"


@router.get(
    "/start",
    summary="Sign in elsewhere",
    status_code=303,
    response_class=Response,
    responses=with_problems(
        {303: {"description": "Go to the provider, or back to the sign-in page"}}, NotFound
    ),
)
async def start(request: Request, api: ApiDep) -> Response:
    """Send the browser to the provider."""
    if not api.sso.there:
        raise NotFound("provider", "oidc")
    try:
        leaving = await api.sso.leave(_redirect_uri(request))
    except RefusedError:
        return RedirectResponse(REFUSED, status_code=303)
    response = RedirectResponse(leaving.url, status_code=303)
    # Lax: the provider's page sends the browser back, and the cookie has to come along.
    response.set_cookie(
        COOKIE,
        leaving.browser,
        max_age=int(FLOW_FOR.total_seconds()),
        path=PATH,
        secure=cookies.secure(request),
        httponly=True,
        samesite="lax",
    )
    return response


@router.get(
    "/callback",
    summary="Come back from elsewhere",
    status_code=303,
    response_class=Response,
    responses=with_problems(
        {303: {"description": "Go to the pages, signed in, or to the sign-in page"}}, NotFound
    ),
)
async def callback(
    request: Request, api: ApiDep, state: str = "", code: str = "", error: str = ""
) -> Response:
    """Where the provider sends the browser to."""
    if not api.sso.there:
        raise NotFound("provider", "oidc")
    browser = request.cookies.get(COOKIE, "")
    given = (state, code, browser)
    response: Response = RedirectResponse(REFUSED, status_code=303)
    if not error and all(0 < len(value) <= MAX_VALUE for value in given):
        try:
            issued = await api.sso.back(
                state, code, browser, _redirect_uri(request), visitor_of(request)
            )
            response = RedirectResponse("/", status_code=303)
            cookies.keep(response, issued, secure=cookies.secure(request))
        except RefusedError:
            pass
    response.delete_cookie(COOKIE, path=PATH)
    return response
