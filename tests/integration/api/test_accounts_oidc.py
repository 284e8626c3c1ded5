"""Signing in elsewhere: with a real provider on loopback, well-behaved and hostile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import KeySet

from api.account.console import Console
from api.account.identity import Role
from infra.secrets import Secret
from infra.settings import Settings
from tests.integration.api.people import (
    Clock,
    at_console,
    cheap_passwords,
    fresh_name,
    knows_accounts,
    person,
)
from tests.integration.api.provider import CLIENT, SECRET, Provider, new_key, providing
from tests.integration.api.support import Stack, make_ready, serving, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


@pytest.fixture(scope="module")
def provider(sso_clock: Clock) -> Iterator[Provider]:
    with providing(sso_clock) as found:
        yield found


@pytest.fixture(scope="module")
def sso_clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def sso(api_settings: Settings, provider: Provider, sso_clock: Clock) -> Iterator[Stack]:
    """A façade that knows the provider.

    In a namespace of its own: another one's clock is days ahead, and takes away what has ended.
    """
    place = api_settings.in_namespace("api-sso")
    make_ready(place)
    settings = replace(
        place,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=Secret(SECRET),
        oidc_name="Example Login",
        oidc_roles=("soc=operator", "lead=admin"),
        oidc_sites_claim="sites",
    )
    with contextlib.ExitStack() as open_:
        with cheap_passwords():
            found = open_.enter_context(serving(settings, now=sso_clock))
        wait_until(lambda: knows_accounts(found), "the accounts are read", 60)
        yield found


@pytest.fixture
def browser(sso: Stack, provider: Provider) -> Iterator[httpx.Client]:
    """Follows redirects when it is told to, and keeps cookies."""
    provider.well(preferred_username=fresh_name("sso"), sites=["north"])
    with sso.anonymous() as found:
        yield found


def go(browser: httpx.Client) -> httpx.Response:
    """To the provider and back; the answer of our callback."""
    leaving = browser.get("/v1/auth/oidc/start")
    assert leaving.status_code == 303
    with httpx.Client(trust_env=False) as outside:
        there = outside.get(leaving.headers["location"])
    assert there.status_code == 302, there.text
    return browser.get(there.headers["location"])


def refused(answer: httpx.Response) -> bool:
    assert answer.status_code == 303
    set_cookies = str(answer.headers.get_list("set-cookie"))
    return (
        answer.headers["location"] == "/?sign-in=refused" and "watchfloor_access" not in set_cookies
    )


def test_somebody_comes_from_elsewhere(browser: httpx.Client, provider: Provider) -> None:
    assert browser.get("/v1/auth/methods").json() == {"password": True, "oidc": "Example Login"}
    back = go(browser)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    asked = provider.asked[-1]
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"].split()[0] == "openid"
    assert len(asked["state"]) >= 32
    assert len(asked["nonce"]) >= 32
    found = browser.get("/v1/me").json()
    assert found["name"] == provider.who["preferred_username"]
    assert (found["role"], found["sites"]) == ("operator", ["north"])
    # Again: the same account, with what the provider says of it now.
    provider.who |= {"groups": ["soc", "lead"], "sites": ["*"]}
    assert go(browser).headers["location"] == "/"
    again = browser.get("/v1/me").json()
    assert (again["user_id"], again["role"], again["sites"]) == (found["user_id"], "admin", None)
    # There is no password to change, or to guess.
    body = {"old": "x", "new": "a sentence of the night shift"}
    assert browser.put("/v1/me/password", json=body).status_code == 409


def test_a_name_that_is_taken_stays_its_owners(
    browser: httpx.Client, provider: Provider, sso: Stack
) -> None:
    name = person(sso, Role.ADMIN)
    provider.who["preferred_username"] = name
    assert go(browser).headers["location"] == "/"
    found = browser.get("/v1/me").json()
    assert found["name"].startswith(f"{name}-")
    assert found["role"] == "operator"


def test_who_has_no_role_is_not_let_in(browser: httpx.Client, provider: Provider) -> None:
    provider.who["groups"] = ["kitchen"]
    assert refused(go(browser))


def test_who_is_disabled_is_not_let_in(
    browser: httpx.Client, provider: Provider, sso: Stack
) -> None:
    assert go(browser).headers["location"] == "/"
    name = browser.get("/v1/me").json()["name"]
    at_console(lambda: Console(sso.settings).disable(name))
    assert refused(go(browser))
    wait_until(lambda: browser.get("/v1/me").status_code == 401, "it is heard of")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": ["another-client", CLIENT]},  # without azp nobody knows for whom
        {"aud": None},
        {"iss": "https://id.example.org"},
        {"iss": None},
        {"exp": -600},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"azp": "another-client"},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)
def test_claims_that_are_not_believed(
    browser: httpx.Client, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert refused(go(browser))
    assert browser.get("/v1/me").status_code == 401


@pytest.mark.parametrize("sign", ["none", "HS256"])
def test_signatures_that_are_none(browser: httpx.Client, provider: Provider, sign: str) -> None:
    provider.sign = sign
    assert refused(go(browser))


def test_another_key_under_the_same_name(
    browser: httpx.Client, provider: Provider, sso_clock: Clock
) -> None:
    # The façade is to have this key, and not one that it read before.
    sso_clock.pass_(hours=2)
    forged = new_key()
    public = forged.as_dict(private=False) | {"kid": provider.key.kid}
    provider.public = KeySet.import_key_set({"keys": [public]})  # type: ignore[list-item]
    assert refused(go(browser))
    provider.public = None
    sso_clock.pass_(seconds=11)
    assert go(browser).headers["location"] == "/"


def test_a_provider_that_changed_its_key(
    browser: httpx.Client, provider: Provider, sso_clock: Clock
) -> None:
    assert go(browser).headers["location"] == "/"
    provider.key = new_key()
    sso_clock.pass_(seconds=11)
    assert go(browser).headers["location"] == "/"


def test_a_return_is_taken_once_and_from_its_own_browser(
    browser: httpx.Client, provider: Provider, sso: Stack, sso_clock: Clock
) -> None:
    leaving = browser.get("/v1/auth/oidc/start")
    cookie = leaving.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    query = parse_qs(urlsplit(leaving.headers["location"]).query)
    with httpx.Client(trust_env=False) as outside:
        back = outside.get(leaving.headers["location"]).headers["location"]
    with sso.anonymous() as another:
        # A sign-in that somebody else began: it would make them somebody they are not.
        assert refused(another.get(back))
        another.get("/v1/auth/oidc/start")
        assert refused(another.get(back))
    jar = dict(browser.cookies)
    assert browser.get(back).headers["location"] == "/"
    browser.cookies.clear()
    browser.cookies.update(jar)
    assert refused(browser.get(back))
    for params in (
        {},
        {"code": "x"},
        {"state": query["state"][0]},
        {"code": "x", "state": "y"},
        {"code": "x" * 5000, "state": "y"},
        {"error": "access_denied", "state": query["state"][0]},
    ):
        assert refused(browser.get("/v1/auth/oidc/callback", params=params))
    leaving = browser.get("/v1/auth/oidc/start")
    with httpx.Client(trust_env=False) as outside:
        back = outside.get(leaving.headers["location"]).headers["location"]
    sso_clock.ahead += timedelta(minutes=11)
    assert refused(browser.get(back))


@pytest.mark.parametrize("fault", ["down", "huge", "foreign"])
def test_a_provider_that_does_not_answer_as_it_should(
    browser: httpx.Client, provider: Provider, sso_clock: Clock, fault: str
) -> None:
    sso_clock.pass_(hours=2)  # what was discovered is to be asked for again
    if fault == "foreign":
        provider.said_issuer = "https://id.example.org"
    else:
        setattr(provider, fault, True)
    assert refused(browser.get("/v1/auth/oidc/start"))
    provider.well(sites=["north"], preferred_username=fresh_name("sso"))
    assert go(browser).headers["location"] == "/"
