"""The routes and the scope that each takes, for the document and for whoever checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from starlette.routing import Route

from api.account.identity import Needs, principal_of

__all__ = ["Door", "doors_of"]


class Door(NamedTuple):
    """A route. method: `WEBSOCKET` for one. scopes: what it takes. known: whether it takes that
    one says who one is."""

    method: str
    path: str
    scopes: tuple[str, ...] = ()
    known: bool = False


def doors_of(app: FastAPI) -> Iterator[Door]:
    """Every route, each method on its own; what answers to HEAD answers to GET.

    Raises TypeError for an application within this one: nobody would look at its routes.
    """
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIWebSocketRoute):
            yield _door("WEBSOCKET", route.path, route.dependant)
        elif isinstance(route, Route):
            dependant = route.dependant if isinstance(route, APIRoute) else Dependant()
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield _door(method, route.path, dependant)
        else:
            raise TypeError(f"{context.path}: not a route of this application's own")


def _door(method: str, path: str, dependant: Dependant) -> Door:
    calls = list(_calls(dependant))
    scopes = tuple(call.scope.value for call in calls if isinstance(call, Needs))
    return Door(method, path, scopes, principal_of in calls)


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)
