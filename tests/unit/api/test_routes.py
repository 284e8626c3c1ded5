"""Every route says which scope it takes, or is among the few that take none."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from tests.access import OPEN, OWN, Door, doors_of


def unscoped(app: FastAPI) -> set[str]:
    """The addresses that take no scope."""
    return {door.path for door in doors_of(app) if not door.scopes}


def test_every_route_takes_a_scope_or_is_named(app: FastAPI) -> None:
    assert unscoped(app) == OPEN | OWN


def test_a_scope_is_found_wherever_it_is_declared(app: FastAPI) -> None:
    doors = set(doors_of(app))
    assert {
        Door("GET", "/v1/alerts", ("alerts:read",)),
        Door("WEBSOCKET", "/v1/stream", ("alerts:read",)),
        Door("GET", "/metrics", ("metrics:read",)),
        Door("POST", "/v1/alerts/{alert_id}/commands", ("alerts:act",)),
    } <= doors


@pytest.mark.parametrize("path", ["/v1/side-door", "/v1/alerts-too"])
def test_a_route_without_one_is_found(app: FastAPI, path: str) -> None:
    app.add_api_route(path, lambda: None)
    assert unscoped(app) - OPEN - OWN == {path}


def test_an_application_within_this_one_is_refused(app: FastAPI) -> None:
    app.mount("/inner", FastAPI())
    with pytest.raises(AssertionError, match="/inner"):
        unscoped(app)
