"""Signing in, staying signed in, and being kept out: over HTTP, with a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from api.account.console import Console
from api.account.identity import ROLE_SCOPES, Role
from api.account.lockout import Failures, Measure, subjects
from api.account.signin import repository as rows
from api.account.user.schemas import UserBody
from schemas.audit import Audit
from tests.integration.api.people import (
    PASSWORD,
    Clock,
    at_console,
    audits,
    bearer,
    form,
    fresh_name,
    knows_accounts,
    me,
    person,
    problem,
    refresh,
    sign_in,
)
from tests.integration.api.support import Stack, serving, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

WRONG = "a sentence that nobody has said"


def test_somebody_signs_in(desk: Stack, client: httpx.Client) -> None:
    name = person(desk, Role.OPERATOR, ("north",))
    given = sign_in(client, name.upper(), PASSWORD)
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 600)
    assert set(given["scope"].split()) == ROLE_SCOPES[Role.OPERATOR]
    found = me(client, given["access_token"]).json()
    assert found["name"] == name
    assert (found["role"], found["sites"], found["totp"]) == ("operator", ["north"], False)
    assert set(found["scopes"]) == ROLE_SCOPES[Role.OPERATOR]
    assert not found["must_change_password"]


def test_a_page_has_cookies_that_no_script_reads(desk: Stack, client: httpx.Client) -> None:
    name = person(desk)
    answer = client.post("/v1/auth/token", data=form(name, PASSWORD, cookies="true"))
    assert answer.json().keys() == {"token_type", "expires_in", "scope"}
    cookies = {c.partition("=")[0]: c for c in answer.headers.get_list("set-cookie")}
    assert cookies.keys() == {"watchfloor_access", "watchfloor_refresh"}
    for cookie in cookies.values():
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie  # it did not come over TLS
    assert "Path=/;" in cookies["watchfloor_access"] + ";"
    assert "Path=/v1/auth;" in cookies["watchfloor_refresh"] + ";"
    assert client.get("/v1/me").json()["name"] == name
    renewed = client.post("/v1/auth/token", data={"grant_type": "refresh_token", "cookies": "true"})
    assert renewed.status_code == 200
    assert client.get("/v1/me").status_code == 200
    assert client.post("/v1/auth/logout").status_code == 204
    assert "watchfloor_access" not in client.cookies
    assert client.get("/v1/me").status_code == 401


def test_the_first_password_is_good_for_changing_it(desk: Stack, client: httpx.Client) -> None:
    name = fresh_name()
    console = Console(desk.settings)
    first = at_console(lambda: console.add(UserBody(name=name, role=Role.ADMIN, sites=None)))
    given = sign_in(client, name, first)
    elsewhere = sign_in(client, name, first)
    assert given["scope"] == ""
    headers = bearer(given["access_token"])
    found = client.get("/v1/me", headers=headers).json()
    assert found["must_change_password"]
    assert found["scopes"] == []
    assert problem(client.get("/v1/users", headers=headers)) == "missing-scope"
    for new, status in ((first, 422), ("short", 422), (f"{name}2026", 422), (PASSWORD, 204)):
        body = {"old": first, "new": new}
        answer = client.put("/v1/me/password", json=body, headers=headers)
        assert answer.status_code == status, answer.text
    # The same token may do more now, and the other session has ended.
    assert client.get("/v1/users", headers=headers).status_code == 200
    assert me(client, elsewhere["access_token"]).status_code == 401
    assert problem(client.post("/v1/auth/token", data=form(name, first))) == "bad-credentials"


def test_who_is_wrong_is_not_told_how(desk: Stack, client: httpx.Client) -> None:
    name = person(desk)
    disabled = person(desk)
    at_console(lambda: Console(desk.settings).disable(disabled))
    told = [
        client.post("/v1/auth/token", data=form(*given))
        for given in (
            (name, WRONG),
            (fresh_name("nobody"), WRONG),
            (disabled, PASSWORD),
            ("no name at all!", WRONG),
        )
    ]
    assert {answer.status_code for answer in told} == {401}
    assert {problem(answer) for answer in told} == {"bad-credentials"}
    assert len({answer.text for answer in told}) == 1


def test_guessing_has_to_wait_longer_and_longer(
    desk: Stack, client: httpx.Client, clock: Clock
) -> None:
    name, other = person(desk), person(desk)
    for _ in range(5):
        assert client.post("/v1/auth/token", data=form(name, WRONG)).status_code == 401
    held = client.post("/v1/auth/token", data=form(name, PASSWORD))
    assert held.status_code == 429
    assert problem(held) == "locked"
    assert held.headers["retry-after"] == "2"
    # Somebody else at the same place may.
    sign_in(client, other, PASSWORD)
    clock.pass_(seconds=3)
    assert client.post("/v1/auth/token", data=form(name, WRONG)).status_code == 401
    held = client.post("/v1/auth/token", data=form(name, WRONG))
    assert held.headers["retry-after"] == "4"
    clock.pass_(seconds=5)
    sign_in(client, name, PASSWORD)
    # It let them in: nothing counts any more.
    for _ in range(5):
        assert client.post("/v1/auth/token", data=form(name, WRONG)).status_code == 401


def test_guesses_that_come_at_once_are_counted_each(desk: Stack, clock: Clock) -> None:
    name = person(desk)

    def guess(_: int) -> int:
        with desk.anonymous() as client:
            return client.post("/v1/auth/token", data=form(name, WRONG)).status_code

    with ThreadPoolExecutor(12) as threads:
        told = sorted(threads.map(guess, range(12)))
    assert told == [401] * 5 + [429] * 7


def test_an_outsider_keeps_nobody_out(desk: Stack, client: httpx.Client, clock: Clock) -> None:
    """A million guesses from everywhere, at somebody who is known here and somebody who is not."""
    known = person(desk)
    stranger = fresh_name("stranger")
    console = Console(desk.settings)
    first = at_console(lambda: console.add(UserBody(name=stranger, role=Role.VIEWER, sites=None)))

    async def attacked() -> None:
        for name in (known, stranger):
            measures = subjects(name, "192.0.2.7")
            async with console.begin() as connection:
                await rows.failures(connection, measures)
                many = Failures(count=10**6, at=clock())
                await rows.set_failures(connection, measures, {Measure.ACCOUNT: many})

    at_console(attacked)
    sign_in(client, known, PASSWORD)
    held = client.post("/v1/auth/token", data=form(stranger, first))
    assert held.status_code == 429
    assert held.headers["retry-after"] == "30"
    clock.pass_(seconds=31)
    sign_in(client, stranger, first)


def test_a_session_is_renewed(desk: Stack, client: httpx.Client, clock: Clock) -> None:
    name = person(desk)
    given = sign_in(client, name, PASSWORD)
    clock.pass_(minutes=11)
    old = me(client, given["access_token"])
    assert problem(old) == "unauthenticated"
    assert old.headers["www-authenticate"] == "Bearer"
    renewed = refresh(client, given["refresh_token"]).json()
    assert renewed["refresh_token"] != given["refresh_token"]
    assert me(client, renewed["access_token"]).json()["name"] == name
    clock.pass_(hours=25)
    assert problem(refresh(client, renewed["refresh_token"])) == "bad-credentials"


def test_a_session_does_not_last_for_ever(desk: Stack, client: httpx.Client, clock: Clock) -> None:
    given = sign_in(client, person(desk), PASSWORD)
    for _ in range(7):
        clock.pass_(hours=23)
        answer = refresh(client, given["refresh_token"])
        assert answer.status_code == 200
        given = answer.json()
    clock.pass_(hours=23)
    assert refresh(client, given["refresh_token"]).status_code == 401


def test_a_stolen_refresh_token_ends_its_session(
    desk: Stack, client: httpx.Client, clock: Clock
) -> None:
    given = sign_in(client, person(desk), PASSWORD)
    renewed = refresh(client, given["refresh_token"]).json()
    clock.pass_(seconds=11)
    assert me(client, renewed["access_token"]).status_code == 200
    assert refresh(client, given["refresh_token"]).status_code == 401
    # At once, and for both.
    assert me(client, renewed["access_token"]).status_code == 401
    assert refresh(client, renewed["refresh_token"]).status_code == 401


def test_an_answer_that_was_lost_is_given_again(
    desk: Stack, client: httpx.Client, clock: Clock
) -> None:
    given = sign_in(client, person(desk), PASSWORD)
    lost = refresh(client, given["refresh_token"]).json()
    clock.pass_(seconds=5)
    again = refresh(client, given["refresh_token"]).json()
    clock.pass_(minutes=5)
    last = refresh(client, again["refresh_token"]).json()
    assert me(client, last["access_token"]).status_code == 200
    # Whoever has the one that was lost comes second.
    clock.pass_(seconds=11)
    assert refresh(client, lost["refresh_token"]).status_code == 401
    assert me(client, last["access_token"]).status_code == 401


def test_within_the_grace_a_thief_who_comes_third_is_noticed(
    desk: Stack, client: httpx.Client
) -> None:
    given = sign_in(client, person(desk), PASSWORD)
    first = refresh(client, given["refresh_token"]).json()
    second = refresh(client, first["refresh_token"]).json()
    assert refresh(client, given["refresh_token"]).status_code == 401
    assert me(client, second["access_token"]).status_code == 401


def test_two_tabs_at_once_both_stay(desk: Stack, clock: Clock) -> None:
    with desk.anonymous() as client:
        given = sign_in(client, person(desk), PASSWORD)

    def renew(_: int) -> tuple[int, int]:
        with desk.anonymous() as client:
            answer = refresh(client, given["refresh_token"])
            if answer.status_code != 200:
                return answer.status_code, 0
            return 200, me(client, answer.json()["access_token"]).status_code

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(renew, range(4))) == [(200, 200)] * 4


def test_who_signs_out_is_out(desk: Stack, client: httpx.Client) -> None:
    name = person(desk)
    given, other = sign_in(client, name, PASSWORD), sign_in(client, name, PASSWORD)
    answer = client.post("/v1/auth/logout", headers=bearer(given["access_token"]))
    assert answer.status_code == 204
    assert me(client, given["access_token"]).status_code == 401
    assert refresh(client, given["refresh_token"]).status_code == 401
    assert me(client, other["access_token"]).status_code == 200


def test_another_facade_hears_of_it(desk: Stack, client: httpx.Client, clock: Clock) -> None:
    name = person(desk)
    given = sign_in(client, name, PASSWORD)
    with serving(desk.settings, now=clock) as second:
        wait_until(lambda: knows_accounts(second), "the accounts are read", 60)
        with second.anonymous() as there:
            assert me(there, given["access_token"]).status_code == 200
            renewed = refresh(there, given["refresh_token"]).json()
            assert me(client, renewed["access_token"]).status_code == 200
            there.post("/v1/auth/logout", headers=bearer(renewed["access_token"]))
            assert me(there, given["access_token"]).status_code == 401
            wait_until(
                lambda: me(client, renewed["access_token"]).status_code == 401, "it is heard of"
            )
            # And of somebody who is new.
            newcomer = person(second)
            token = sign_in(there, newcomer, PASSWORD)["access_token"]
            wait_until(lambda: me(client, token).status_code == 200, "somebody is known")
            assert me(client, token).json()["name"] == newcomer


def test_keys_change_and_old_tokens_last_their_time(
    desk: Stack, client: httpx.Client, clock: Clock
) -> None:
    name = person(desk)
    given = sign_in(client, name, PASSWORD)
    console = Console(desk.settings, clock)
    new = at_console(console.rotate_keys)

    def key_ids() -> list[str]:
        return [key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]]

    wait_until(lambda: new in key_ids(), "the new key is there")
    assert len(key_ids()) >= 2
    assert me(client, given["access_token"]).status_code == 200
    after = sign_in(client, name, PASSWORD)
    at_console(lambda: console.rotate_keys(at_once=True))
    wait_until(lambda: me(client, after["access_token"]).status_code == 401, "it counts no more")
    assert me(client, given["access_token"]).status_code == 401
    # Who is signed in renews a token.
    renewed = refresh(client, after["refresh_token"]).json()
    assert me(client, renewed["access_token"]).status_code == 200
    assert len(key_ids()) == 1
    for key in client.get("/.well-known/jwks.json").json()["keys"]:
        assert key.keys() == {"kid", "kty", "use", "alg", "n", "e"}


def test_a_link_signs_in_once(desk: Stack, client: httpx.Client, clock: Clock) -> None:
    name = person(desk, Role.VIEWER)
    console = Console(desk.settings, clock)
    code = at_console(lambda: console.link(name))
    answer = client.get(f"/sign-in/{code}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert client.get("/v1/me").json()["name"] == name
    client.cookies.clear()
    answer = client.get(f"/sign-in/{code}")
    assert answer.headers["location"] == "/?sign-in=used"
    assert "set-cookie" not in answer.headers
    code = at_console(lambda: console.link(name))
    answer = client.post("/v1/auth/link", json={"code": code})
    assert answer.status_code == 200
    assert "access_token" not in answer.json()
    assert problem(client.post("/v1/auth/link", json={"code": code})) == "bad-credentials"
    code = at_console(lambda: console.link(name))
    clock.ahead += timedelta(minutes=11)
    assert client.post("/v1/auth/link", json={"code": code}).status_code == 401


def test_every_act_is_on_the_audit_topic(desk: Stack, client: httpx.Client, clock: Clock) -> None:
    name = person(desk)
    typed = "hunter2-typed-as-a-name"
    sign_in(client, name, PASSWORD)
    client.post("/v1/auth/token", data=form(name, WRONG))
    client.post("/v1/auth/token", data=form(typed, WRONG))
    at_console(lambda: Console(desk.settings, clock).end_sessions(name))

    def told(found: list[Audit]) -> set[str]:
        return {f"{one.kind.value} {one.actor}" for one in found if name in (one.actor, one.target)}

    expected = {
        "user_created console",
        f"sign_in_granted {name}",
        f"password_changed {name}",
        f"sign_in_refused {name}",
        "session_revoked console",
    }
    seen = audits(desk.settings, lambda found: told(found) >= expected)
    assert told(seen) == expected
    everything = str(seen)
    for secret in (PASSWORD, WRONG, typed):
        assert secret not in everything
    assert len({one.audit_id for one in seen}) == len(seen)


def test_filters_are_kept_with_the_account(desk: Stack, client: httpx.Client) -> None:
    name, other = person(desk, Role.VIEWER), person(desk, Role.VIEWER)
    mine = bearer(sign_in(client, name, PASSWORD)["access_token"])
    theirs = bearer(sign_in(client, other, PASSWORD)["access_token"])
    assert client.get("/v1/me", headers=mine).json()["filters"] == []
    kept = [
        {"name": "Gates", "text": "gate", "severities": ["high"], "states": [], "snoozed": True},
        {"name": "All", "text": "", "severities": [], "states": ["open"], "snoozed": False},
    ]
    bodies = ({"filters": [kept[0], {"name": "All", "states": ["open"]}]}, {"language": "de"})
    for body in bodies:
        # What is not named stays.
        assert client.patch("/v1/me", json=body, headers=mine).json()["filters"] == kept
    again = bearer(sign_in(client, name, PASSWORD)["access_token"])
    assert client.get("/v1/me", headers=again).json()["filters"] == kept
    assert client.get("/v1/me", headers=theirs).json()["filters"] == []
    assert client.patch("/v1/me", json={"filters": []}, headers=again).json()["filters"] == []


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ([{"name": "one"}, {"name": "two"}, {"name": "one"}], "body.filters[2].name"),
        ([{"name": f"{n}"} for n in range(51)], "body.filters"),
        ([{"name": "no\0text"}], "body.filters[0].name"),
        ([{"name": "long", "text": "x" * 201}], "body.filters[0].text"),
        ([{"name": "bad", "severities": ["worst"]}], "body.filters[0].severities[0]"),
        ([{"name": "more", "sites": ["north"]}], "body.filters[0]"),
    ],
)
def test_filters_that_cannot_be_kept_are_refused(
    desk: Stack, client: httpx.Client, filters: list[dict[str, object]], field: str
) -> None:
    token = sign_in(client, person(desk, Role.VIEWER), PASSWORD)["access_token"]
    answer = client.patch("/v1/me", json={"filters": filters}, headers=bearer(token))
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]
