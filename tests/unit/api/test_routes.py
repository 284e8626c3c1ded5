"""Every route says which scope it takes, or is among the few that take none."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from api.account.doors import Door, doors_of
from tests.access import OPEN, OWN, THEIRS


def unscoped(app: FastAPI) -> set[str]:
    """The addresses that take no scope."""
    return {door.path for door in doors_of(app) if not door.scopes}


def test_every_route_takes_a_scope_or_is_named(app: FastAPI) -> None:
    assert unscoped(app) == OPEN | OWN | THEIRS
    # What is about oneself takes that one says who one is.
    assert {door.path for door in doors_of(app) if door.known and not door.scopes} == THEIRS


def test_a_scope_is_found_wherever_it_is_declared(app: FastAPI) -> None:
    doors = set(doors_of(app))
    assert {
        Door("GET", "/v1/alerts", ("alerts:read",), True),
        Door("WEBSOCKET", "/v1/stream", ("alerts:read",), True),
        Door("GET", "/metrics", ("metrics:read",), True),
        Door("POST", "/v1/alerts/{alert_id}/commands", ("alerts:act",), True),
    } <= doors


@pytest.mark.parametrize("path", ["/v1/side-door", "/v1/alerts-too"])
def test_a_route_without_one_is_found(app: FastAPI, path: str) -> None:
    app.add_api_route(path, lambda: None)
    assert unscoped(app) - OPEN - OWN - THEIRS == {path}


def test_an_application_within_this_one_is_refused(app: FastAPI) -> None:
    app.mount("/inner", FastAPI())
    with pytest.raises(TypeError, match="/inner"):
        unscoped(app)


async def test_the_document_says_what_each_takes(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    assert paths["/v1/alerts"]["get"]["security"] == [
        {"bearer": ["alerts:read"]},
        {"cookie": ["alerts:read"]},
    ]
    assert {"401", "403"} <= set(paths["/v1/alerts"]["get"]["responses"])
    assert "security" not in paths["/health/live"]["get"]
    assert "401" not in paths["/v1/problems/{code}"]["get"]["responses"]
