"""Whose sites a request is about, and that no query goes beyond them."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from agents.runtime.configuration import Configuration
from api.account.identity import PrincipalDep, Role, Scope
from api.context import ApiDep
from api.database import OutOfScope
from api.problems import DatabaseUnavailable, NotFound, NotReady
from api.site.service import in_scope, visible
from schemas.document import ConfigRecord, Site
from tests.people import ADMIN, Known, person, service

NORTH = person(Role.OPERATOR, "north")
BOTH = person(Role.OPERATOR, "north", "south", "gone")
STRANGER = person(Role.ADMIN, "elsewhere")


@pytest.fixture
def configuration() -> Configuration:
    found = Configuration()
    for site_id in ("north", "south"):
        record = ConfigRecord(
            revision=1, author="t", at=datetime(2026, 3, 2, tzinfo=UTC), site=Site(site_id=site_id)
        )
        found.apply(site_id, record)
    found.loaded.set()
    return found


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (ADMIN, {"north", "south"}),
        (NORTH, {"north"}),
        (BOTH, {"north", "south"}),  # a site that is configured no more is none
        (STRANGER, set()),
        (service(Scope.ALERTS_READ, sites=()), set()),
    ],
)
def test_without_a_site_it_is_about_all_that_one_may_see(
    configuration: Configuration, principal: PrincipalDep, expected: set[str]
) -> None:
    assert in_scope(configuration, principal, None) == expected
    assert set(visible(configuration, principal)) == expected


def test_another_site_is_as_one_that_is_not_there(configuration: Configuration) -> None:
    assert in_scope(configuration, NORTH, "north") == {"north"}
    said = []
    for site_id in ("south", "gone"):
        with pytest.raises(NotFound) as caught:
            in_scope(configuration, NORTH, site_id)
        said.append(caught.value.document.detail.replace(site_id, "SITE"))
    assert said[0] == said[1]


def test_before_the_configuration_is_read_nobody_sees_anything() -> None:
    with pytest.raises(NotReady):
        in_scope(Configuration(), ADMIN, None)


@pytest.mark.parametrize(
    ("token", "sites", "reached"),
    [
        ("north", ("north",), True),
        ("north", (), True),
        ("north", ("north", "south"), False),
        ("north", ("south",), False),
        ("stranger", ("north",), False),
        ("everybody", ("north", "south"), True),
        (None, ("north",), False),
        (None, (), True),
    ],
)
async def test_a_request_s_queries_end_at_its_principal_s_sites(
    app: FastAPI, token: str | None, sites: tuple[str, ...], reached: bool
) -> None:
    """Reached: it would have asked the database, of which there is none here."""
    met: list[type[Exception]] = []

    async def look(api: ApiDep) -> None:
        try:
            async with api.database.sites(sites):
                pass
        except (OutOfScope, DatabaseUnavailable) as error:
            met.append(type(error))

    async def known(api: ApiDep, principal: PrincipalDep) -> None:
        await look(api)

    app.add_api_route("/known", known)
    app.add_api_route("/unknown", look)
    app.state.api.authority = Known({"north": NORTH, "stranger": STRANGER, "everybody": ADMIN})
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        if token is None:
            answer = await client.get("/unknown")
        else:
            answer = await client.get("/known", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert met == [DatabaseUnavailable if reached else OutOfScope]
