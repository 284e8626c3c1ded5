"""The cookies of a page that is signed in: no script reads them, no other site sends them."""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from api.account.identity import ACCESS_COOKIE
from api.account.records import ACCESS_FOR, Issued

__all__ = ["REFRESH_COOKIE", "clear", "keep", "secure"]

REFRESH_COOKIE: Final = "watchfloor_refresh"
REFRESH_PATH: Final = "/v1/auth"


def secure(connection: HTTPConnection) -> bool:
    """Whether cookies go over TLS only: they came over it."""
    return connection.url.scheme in ("https", "wss")


def keep(response: Response, issued: Issued, *, secure: bool) -> None:
    """Keep both tokens."""
    for name, value, seconds, path in (
        (ACCESS_COOKIE, issued.access, ACCESS_FOR.total_seconds(), "/"),
        (REFRESH_COOKIE, issued.refresh, issued.refresh_for.total_seconds(), REFRESH_PATH),
    ):
        response.set_cookie(
            name,
            value.reveal(),
            max_age=int(seconds),
            path=path,
            secure=secure,
            httponly=True,
            samesite="strict",
        )


def clear(response: Response, *, secure: bool) -> None:
    """Keep none any more."""
    for name, path in ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH)):
        response.delete_cookie(name, path=path, secure=secure, httponly=True, samesite="strict")
