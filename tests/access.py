"""Every route of the application, and those that take no scope; another one is a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from starlette.routing import Route

from api.account.identity import Needs

__all__ = ["OPEN", "OWN", "Door", "doors_of"]

OPEN: Final = frozenset(
    {
        "/",
        "/.well-known/jwks.json",
        "/devices",
        "/favicon.ico",
        "/health/live",
        "/health/ready",
        "/live/app.js",
        "/live/devices.js",
        "/live/dom.js",
        "/live/session.js",
        "/live/sign-in.js",
        "/live/style.css",
        "/live/uptime.js",
        "/live/view.js",
        "/openapi.json",
        "/sign-in",
        "/sign-in/{code}",
        "/v1/auth/link",
        "/v1/auth/logout",
        "/v1/auth/methods",
        "/v1/auth/token",
        "/v1/problems/{code}",
    }
)
"""For everybody: the pages' files, how this server is, what problems mean, and how to sign in."""

OWN: Final = frozenset({"/internal/notify"})
"""Looks at credentials itself: it takes a secret beside a service token."""


class Door(NamedTuple):
    """A route. method: `WEBSOCKET` for one. scopes: what it takes."""

    method: str
    path: str
    scopes: tuple[str, ...]


def doors_of(app: FastAPI) -> Iterator[Door]:
    """Every route, each method on its own; what answers to HEAD answers to GET."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        # Another application's routes would be some that nobody looks at.
        assert isinstance(route, Route | APIRoute | APIWebSocketRoute), context.path
        if isinstance(route, APIWebSocketRoute):
            yield Door("WEBSOCKET", route.path, tuple(_scopes(route.dependant)))
            continue
        scopes = tuple(_scopes(route.dependant)) if isinstance(route, APIRoute) else ()
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield Door(method, route.path, scopes)


def _scopes(dependant: Dependant) -> Iterator[str]:
    if isinstance(dependant.call, Needs):
        yield dependant.call.scope.value
    for inner in dependant.dependencies:
        yield from _scopes(inner)
