"""Users, service tokens, and one's own account: over HTTP, with a real database."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pyotp
import pytest

from api.account import repository as rows
from api.account.authority import Accounts
from api.account.console import Console
from api.account.identity import Principal, Role, Scope
from api.account.key import service as keys
from api.account.passwords import Passwords
from api.account.records import Visitor
from api.account.signin.service import SignIn, totp_purpose
from api.account.token.schemas import TokenBody
from api.account.token.service import Tokens
from api.account.user.schemas import UserBody
from api.problems import DatabaseUnavailable, Unauthenticated
from infra.cli.main import main
from infra.db.migrate import drop, prepare
from infra.db.pool import AsyncConnection
from infra.errors import WatchfloorError
from infra.settings import Settings
from infra.vault import Vault
from infra.vault_keys import source_of
from tests.integration.api.people import (
    PASSWORD,
    Clock,
    at_console,
    bearer,
    form,
    fresh_name,
    me,
    person,
    problem,
    refresh,
    sign_in,
)
from tests.integration.api.support import Stack

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def signed_in(client: httpx.Client, name: str, **more: str) -> dict[str, str]:
    """The header of somebody who has signed in."""
    return bearer(sign_in(client, name, PASSWORD, **more)["access_token"])


@pytest.fixture
def admin(desk: Stack, client: httpx.Client) -> dict[str, str]:
    """The header of an administrator of every site."""
    return signed_in(client, person(desk, Role.ADMIN, name=fresh_name("admin")))


def added(client: httpx.Client, headers: dict[str, str], **more: Any) -> dict[str, Any]:
    body = {"name": fresh_name(), "role": "operator", "sites": ["north"]} | more
    answer = client.post("/v1/users", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/users/{found['user_id']}"
    return found


def test_a_user_is_made_changed_and_removed(client: httpx.Client, admin: dict[str, str]) -> None:
    made = added(client, admin, language="de", timezone="Europe/Berlin")
    name, password = made["name"], made.pop("password")
    place = f"/v1/users/{made['user_id']}"
    assert client.get(place, headers=admin).json() == made
    assert made in client.get("/v1/users", headers=admin).json()
    token = sign_in(client, name, password)["access_token"]
    assert me(client, token).json()["language"] == "de"

    changed = client.patch(
        place, json={"role": "viewer", "sites": ["south"], "name": f"{name}.b"}, headers=admin
    )
    assert changed.status_code == 200
    # For the token that is out already.
    found = me(client, token).json()
    assert (found["name"], found["role"], found["sites"]) == (f"{name}.b", "viewer", ["south"])

    assert client.patch(place, json={"disabled": True}, headers=admin).status_code == 200
    assert me(client, token).status_code == 401
    assert client.patch(place, json={"disabled": False}, headers=admin).status_code == 200
    assert me(client, token).status_code == 401  # its session has ended
    token = sign_in(client, f"{name}.b", password)["access_token"]

    assert client.delete(place, headers=admin).status_code == 204
    assert me(client, token).status_code == 401
    assert problem(client.get(place, headers=admin)) == "not-found"
    assert client.post("/v1/auth/token", data=form(f"{name}.b", password)).status_code == 401


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"name": "a b"}, 422),
        ({"name": "x" * 64}, 422),
        ({"name": "watchfloor"}, 422),
        ({"name": "Console"}, 422),
        ({"name": "token/kim"}, 422),
        ({"name": "kim\n"}, 422),
        ({"role": "root"}, 422),
        ({"sites": ["../x"]}, 422),
        ({"sites": "north"}, 422),
        ({"timezone": "Mars/Olympus"}, 422),
        ({"language": "english please"}, 422),
        ({"disabled": True}, 422),  # no field of a new one
    ],
)
def test_users_that_are_not_made(
    client: httpx.Client, admin: dict[str, str], more: dict[str, Any], status: int
) -> None:
    body = {"name": fresh_name(), "role": "viewer", "sites": None} | more
    assert client.post("/v1/users", json=body, headers=admin).status_code == status


def test_a_name_is_one_persons(client: httpx.Client, admin: dict[str, str]) -> None:
    one, two = added(client, admin), added(client, admin)
    body = {"name": one["name"].upper(), "role": "viewer", "sites": None}
    assert problem(client.post("/v1/users", json=body, headers=admin)) == "conflict"
    answer = client.patch(f"/v1/users/{two['user_id']}", json={"name": one["name"]}, headers=admin)
    assert problem(answer) == "conflict"


def test_only_administrators_see_users(desk: Stack, client: httpx.Client) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        headers = signed_in(client, person(desk, role))
        for method, path in (
            ("GET", "/v1/users"),
            ("POST", "/v1/users"),
            ("GET", "/v1/users/x"),
            ("PATCH", "/v1/users/x"),
            ("DELETE", "/v1/users/x"),
            ("POST", "/v1/users/x/password"),
            ("GET", "/v1/users/x/sessions"),
            ("DELETE", "/v1/users/x/sessions"),
            ("DELETE", "/v1/users/x/sessions/y"),
            ("GET", "/v1/tokens"),
            ("POST", "/v1/tokens"),
            ("DELETE", "/v1/tokens/x"),
        ):
            answer = client.request(method, path, headers=headers)
            assert problem(answer) == "missing-scope", path
            assert problem(client.request(method, path)) == "unauthenticated", path


def test_nobody_gives_more_than_they_have(
    desk: Stack, client: httpx.Client, admin: dict[str, str]
) -> None:
    local = person(desk, Role.ADMIN, ("north",), fresh_name("local"))
    headers = signed_in(client, local)
    body = {"name": fresh_name(), "role": "viewer"}
    for sites, expected in ((None, 403), (["south"], 403), (["north", "south"], 403)):
        answer = client.post("/v1/users", json=body | {"sites": sites}, headers=headers)
        assert answer.status_code == expected
        assert problem(answer) == "beyond-own-rights"
    mine = added(client, headers, role="admin")
    place = f"/v1/users/{mine['user_id']}"
    for change in ({"sites": None}, {"sites": ["south"]}):
        answer = client.patch(place, json=change, headers=headers)
        assert problem(answer) == "beyond-own-rights"
    # Users of other sites are not there.
    foreign = added(client, admin, sites=["south"])
    everywhere = added(client, admin, sites=None)
    for user in (foreign, everywhere):
        place = f"/v1/users/{user['user_id']}"
        assert problem(client.get(place, headers=headers)) == "not-found"
        assert client.patch(place, json={"role": "viewer"}, headers=headers).status_code == 404
        assert client.post(f"{place}/password", headers=headers).status_code == 404
        assert client.get(f"{place}/sessions", headers=headers).status_code == 404
        assert client.delete(f"{place}/sessions", headers=headers).status_code == 404
        assert client.delete(place, headers=headers).status_code == 404
    seen = {user["name"] for user in client.get("/v1/users", headers=headers).json()}
    assert {local, mine["name"]} <= seen
    assert not seen & {foreign["name"], everywhere["name"]}


def test_a_temporary_password(client: httpx.Client, admin: dict[str, str], desk: Stack) -> None:
    name = person(desk)
    given = sign_in(client, name, PASSWORD)
    user_id = me(client, given["access_token"]).json()["user_id"]
    temporary = client.post(f"/v1/users/{user_id}/password", headers=admin).json()["password"]
    assert me(client, given["access_token"]).status_code == 401
    assert client.post("/v1/auth/token", data=form(name, PASSWORD)).status_code == 401
    assert sign_in(client, name, temporary)["scope"] == ""


def test_sessions_are_seen_and_ended(
    desk: Stack, client: httpx.Client, admin: dict[str, str], clock: Clock
) -> None:
    name = person(desk)
    client.headers["user-agent"] = "Browser/1 (" + "x" * 300
    clock.pass_(seconds=1)
    first = sign_in(client, name, PASSWORD)
    clock.pass_(seconds=1)
    second = sign_in(client, name, PASSWORD)
    headers = bearer(first["access_token"])
    own = client.get("/v1/me/sessions", headers=headers).json()
    assert [session["current"] for session in own[:2]] == [False, True]
    assert own[0]["agent"].startswith("Browser/1 (x")
    assert len(own[0]["agent"]) <= 200
    assert own[0]["address"] == "127.0.0.1"
    assert (
        client.delete(f"/v1/me/sessions/{own[0]['session_id']}", headers=headers).status_code == 204
    )
    assert me(client, second["access_token"]).status_code == 401
    assert (
        client.delete(f"/v1/me/sessions/{own[0]['session_id']}", headers=headers).status_code == 404
    )
    user_id = me(client, first["access_token"]).json()["user_id"]
    # Nobody ends another's.
    other = signed_in(client, person(desk))
    mine = own[1]["session_id"]
    assert client.delete(f"/v1/me/sessions/{mine}", headers=other).status_code == 404
    sessions = client.get(f"/v1/users/{user_id}/sessions", headers=admin).json()
    assert mine in {session["session_id"] for session in sessions}
    place = f"/v1/users/{user_id}/sessions"
    assert client.delete(f"{place}/{mine}", headers=admin).status_code == 204
    assert me(client, first["access_token"]).status_code == 401
    third = sign_in(client, name, PASSWORD)
    assert client.delete(place, headers=admin).status_code == 204
    assert refresh(client, third["refresh_token"]).status_code == 401


def test_a_second_factor(desk: Stack, client: httpx.Client, clock: Clock) -> None:
    name = person(desk)
    headers = signed_in(client, name)
    answer = client.put("/v1/me/totp", json={"code": "123456"}, headers=headers)
    assert problem(answer) == "conflict"
    begun = client.post("/v1/me/totp", headers=headers).json()
    assert begun["qr_svg"].startswith("<svg")
    totp = pyotp.TOTP(begun["secret"])
    assert totp.provisioning_uri(name=name, issuer_name="Watchfloor") == begun["uri"]
    # It is not asked for before its code was shown.
    sign_in(client, name, PASSWORD)
    wrong = totp.at(clock() + timedelta(hours=1))
    assert client.put("/v1/me/totp", json={"code": wrong}, headers=headers).status_code == 422
    shown = totp.at(clock())
    answer = client.put("/v1/me/totp", json={"code": shown}, headers=headers)
    codes = answer.json()["recovery_codes"]
    assert len(codes) == 10
    assert client.get("/v1/me", headers=headers).json()["totp"]

    wanted = client.post("/v1/auth/token", data=form(name, PASSWORD))
    assert problem(wanted) == "otp-required"
    assert problem(client.post("/v1/auth/token", data=form(name, PASSWORD, otp=shown))) == (
        "bad-credentials"
    )  # it was shown already
    clock.pass_(seconds=31)
    code = totp.at(clock())
    sign_in(client, name, PASSWORD, otp=code)
    assert client.post("/v1/auth/token", data=form(name, PASSWORD, otp=code)).status_code == 401
    sign_in(client, name, PASSWORD, otp=codes[3].upper())
    used = client.post("/v1/auth/token", data=form(name, PASSWORD, otp=codes[3]))
    assert used.status_code == 401
    assert (
        client.post("/v1/auth/token", data=form(name, "wrong sentence", otp=codes[4])).status_code
        == 401
    )
    given = sign_in(client, name, PASSWORD, otp=codes[4])

    clock.pass_(minutes=16)
    headers = bearer(refresh(client, given["refresh_token"]).json()["access_token"])
    assert problem(client.delete("/v1/me/totp", headers=headers)) == "sign-in-again"
    assert problem(client.post("/v1/me/totp", headers=headers)) == "sign-in-again"
    headers = signed_in(client, name, otp=codes[5])
    assert client.delete("/v1/me/totp", headers=headers).status_code == 204
    sign_in(client, name, PASSWORD)
    assert client.post("/v1/auth/token", data=form(name, PASSWORD)).json()["scope"]


def test_guessing_a_code_has_to_wait_too(desk: Stack, client: httpx.Client, clock: Clock) -> None:
    name = person(desk)
    headers = signed_in(client, name)
    secret = client.post("/v1/me/totp", headers=headers).json()["secret"]
    code = pyotp.TOTP(secret).at(clock())
    assert client.put("/v1/me/totp", json={"code": code}, headers=headers).status_code == 200
    guesses = [
        client.post("/v1/auth/token", data=form(name, PASSWORD, otp=f"{guess:06}"))
        for guess in range(6)
    ]
    assert [answer.status_code for answer in guesses] == [401] * 5 + [429]


def test_ones_own_account(desk: Stack, client: httpx.Client, clock: Clock) -> None:
    name = person(desk)
    headers = signed_in(client, name)
    other = sign_in(client, name, PASSWORD)
    answer = client.patch(
        "/v1/me",
        json={"language": "de", "timezone": "Europe/Berlin", "name": f"{name}.x"},
        headers=headers,
    )
    assert answer.status_code == 200
    found = client.get("/v1/me", headers=headers).json()
    assert (found["language"], found["timezone"]) == ("de", "Europe/Berlin")
    assert found["name"] == f"{name}.x"
    for body in ({"role": "admin"}, {"sites": None}, {"language": "?"}, {"name": "system"}):
        assert client.patch("/v1/me", json=body, headers=headers).status_code == 422
    new = "another sentence of the night"
    answer = client.put(
        "/v1/me/password", json={"old": "not this one", "new": new}, headers=headers
    )
    assert problem(answer) == "bad-credentials"
    answer = client.put("/v1/me/password", json={"old": PASSWORD, "new": new}, headers=headers)
    assert answer.status_code == 204
    assert client.get("/v1/me", headers=headers).status_code == 200
    assert me(client, other["access_token"]).status_code == 401
    sign_in(client, f"{name}.x", new)
    # A stolen session does not guess the password: it waits as a sign-in does.
    for _ in range(5):
        client.put("/v1/me/password", json={"old": "a", "new": new}, headers=headers)
    answer = client.put("/v1/me/password", json={"old": new, "new": PASSWORD}, headers=headers)
    assert problem(answer) == "locked"


def new_token(client: httpx.Client, headers: dict[str, str], clock: Clock, **more: Any) -> Any:
    body = {
        "name": fresh_name("door"),
        "scopes": ["events:write", "events:read"],
        "sites": ["north"],
        "expires_at": (clock() + timedelta(days=30)).isoformat(),
    } | more
    return client.post("/v1/tokens", json=body, headers=headers)


def test_a_service_token(client: httpx.Client, admin: dict[str, str], clock: Clock) -> None:
    answer = new_token(client, admin, clock)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    text = made.pop("token")
    assert text.startswith("wft_")
    assert made in client.get("/v1/tokens", headers=admin).json()
    found = client.get("/v1/me", headers=bearer(text)).json()
    assert found["name"] == f"token/{made['name']}"
    assert found["scopes"] == ["events:read", "events:write"]
    assert found["sites"] == ["north"]
    for method, path in (
        ("PATCH", "/v1/me"),
        ("POST", "/v1/me/totp"),
        ("DELETE", "/v1/me/totp"),
        ("GET", "/v1/me/sessions"),
    ):
        body = {"language": "de"} if method == "PATCH" else None
        answer = client.request(method, path, json=body, headers=bearer(text))
        assert problem(answer) == "users-only", path
    assert problem(new_token(client, admin, clock, name=made["name"])) == "conflict"
    assert client.delete(f"/v1/tokens/{made['token_id']}", headers=admin).status_code == 204
    assert client.get("/v1/me", headers=bearer(text)).status_code == 401
    assert client.delete(f"/v1/tokens/{made['token_id']}", headers=admin).status_code == 404


def test_a_service_token_expires(client: httpx.Client, admin: dict[str, str], clock: Clock) -> None:
    soon = (clock() + timedelta(minutes=5)).isoformat()
    text = new_token(client, admin, clock, expires_at=soon).json()["token"]
    assert client.get("/v1/me", headers=bearer(text)).status_code == 200
    clock.pass_(minutes=5)
    assert client.get("/v1/me", headers=bearer(text)).status_code == 401


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"scopes": []}, 422),
        ({"scopes": ["everything"]}, 422),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422),
        ({"expires_at": "2099-01-01T00:00:00Z"}, 422),
        ({"expires_at": "2027-01-01T00:00:00"}, 422),
        ({"expires_at": None}, 422),
        ({"sites": [""]}, 422),
    ],
)
def test_tokens_that_are_not_made(
    client: httpx.Client, admin: dict[str, str], clock: Clock, more: dict[str, Any], status: int
) -> None:
    assert new_token(client, admin, clock, **more).status_code == status


def test_a_token_gives_no_more_than_it_has(
    client: httpx.Client, admin: dict[str, str], clock: Clock
) -> None:
    answer = new_token(client, admin, clock, scopes=["tokens:admin", "users:admin"])
    headers = bearer(answer.json()["token"])
    assert problem(new_token(client, headers, clock)) == "beyond-own-rights"
    assert new_token(client, headers, clock, scopes=["users:admin"]).status_code == 201
    assert (
        problem(new_token(client, headers, clock, scopes=["users:admin"], sites=None))
        == "beyond-own-rights"
    )
    body = {"name": fresh_name(), "role": "viewer", "sites": ["north"]}
    assert problem(client.post("/v1/users", json=body, headers=headers)) == "beyond-own-rights"


def test_the_console_lets_somebody_in_again(
    desk: Stack, client: httpx.Client, clock: Clock
) -> None:
    """Who has lost the password and the phone, and has tried too often."""
    name = person(desk)
    headers = signed_in(client, name)
    secret = client.post("/v1/me/totp", headers=headers).json()["secret"]
    code = pyotp.TOTP(secret).at(clock())
    client.put("/v1/me/totp", json={"code": code}, headers=headers)
    for _ in range(6):
        answer = client.post("/v1/auth/token", data=form(name, "no longer known"))
    assert answer.status_code == 429
    console = Console(desk.settings, clock)
    at_console(lambda: console.disable(name))
    temporary = at_console(lambda: console.reset(name))
    assert sign_in(client, name, temporary)["scope"] == ""
    with pytest.raises(WatchfloorError, match="no user"):
        at_console(lambda: console.reset("nobody"))
    with pytest.raises(WatchfloorError, match="already"):
        at_console(lambda: console.add(UserBody(name=name, role=Role.VIEWER, sites=None)))
    assert name in {account.name for account in at_console(console.every)}
    assert len(at_console(lambda: console.sessions(name))) == 1


@pytest.fixture
def empty(api_settings: Settings) -> Any:
    """A namespace in which nobody is."""
    place = api_settings.in_namespace("api-nobody")
    prepare(place)
    yield place
    drop(place)


def test_the_first_start_makes_one_administrator(empty: Settings) -> None:
    console = Console(empty)

    async def both() -> list[str | None]:
        return list(await asyncio.gather(console.first(), console.first()))

    made = at_console(both)
    assert len([password for password in made if password]) == 1
    assert at_console(console.first) is None
    (account,) = at_console(console.every)
    assert (account.name, account.role, account.sites) == ("admin", Role.ADMIN, None)
    assert account.must_change
    # It is the last one of its kind.
    for work in (lambda: console.disable("admin"), lambda: console.disable("ADMIN")):
        with pytest.raises(WatchfloorError, match="last administrator"):
            at_console(work)
    code = at_console(console.door)
    assert code


async def test_credentials_count_while_the_database_is_away(empty: Settings, clock: Clock) -> None:
    """Read once; then nothing answers any more."""
    console = Console(empty, clock)
    away = False

    @contextlib.asynccontextmanager
    async def begin() -> AsyncIterator[AsyncConnection]:
        if away:
            raise DatabaseUnavailable
        async with console.begin() as connection:
            yield connection

    authority = Accounts(empty, begin, clock)
    with pytest.raises(Exception, match="still being read"):
        await authority.principal("a.b.c")
    await authority.load()
    await authority._tend()
    assert authority.ready
    password = await console.first()
    assert password is not None
    passwords = Passwords()
    here = Visitor(address="127.0.0.1", agent="")
    signin = SignIn(begin, authority, passwords, clock)
    issued = await signin.by_password("admin", password, None, here)
    passwords.close()
    admin = Principal(
        id="x",
        name="x",
        kind="token",
        role=Role.ADMIN,
        scopes=frozenset(Scope),
        sites=None,
        session_id=None,
    )
    body = TokenBody(
        name="door",
        scopes=(Scope.EVENTS_WRITE,),
        sites=None,
        expires_at=clock() + timedelta(days=1),
    )
    _, text = await Tokens(begin, authority.load, clock).add(admin, here, body)
    away = True
    person = await authority.principal(issued.access.reveal())
    program = await authority.principal(text)
    assert (person.name, program.name) == ("admin", "token/door")
    assert authority.stands(person)
    assert authority.stands(program)
    # What nobody knows may be new: it is not said that it is nothing.
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            await authority.principal("wft_unknown")
    clock.pass_(minutes=59)
    assert (await authority.principal(text)).name == "token/door"
    with pytest.raises(Unauthenticated):
        await authority.principal(issued.access.reveal())
    clock.pass_(minutes=2)
    with pytest.raises(DatabaseUnavailable):
        await authority.principal(text)
    away = False
    await authority.load()
    assert (await authority.principal(text)).name == "token/door"


def test_keys_of_the_vault_are_changed_and_forgotten(empty: Settings, tmp_path: Path) -> None:
    """Signing keys and second factors are in the database, under the vault's keys."""
    place = replace(empty, state_dir=tmp_path)
    console = Console(place)
    vault = Vault(tmp_path, lambda: source_of(place))
    at_console(console.first)

    async def sealed() -> tuple[str, str]:
        key = await keys.ensure(console.begin, vault, datetime.now(UTC))
        (admin,) = await console.every()
        purpose = totp_purpose(admin.account_id)
        async with console.begin() as connection:
            await rows.change_seals(
                connection, admin.account_id, vault.seal(purpose, b"secret"), None
            )
        return str(key.kid), purpose

    key_id, purpose = at_console(sealed)
    before = (tmp_path / "vault.key").read_text()
    done = vault.rotate(forget=True, also=lambda: int(at_console(lambda: console.reseal(vault))))
    assert done.rotated == 2
    assert (tmp_path / "vault.key").read_text() != before

    async def opened() -> tuple[str, bytes]:
        fresh = Vault(tmp_path, lambda: source_of(place))
        key = await keys.ensure(console.begin, fresh, datetime.now(UTC))
        (admin,) = await console.every()
        assert admin.totp is not None
        return str(key.kid), fresh.unseal(purpose, admin.totp)

    assert at_console(opened) == (key_id, b"secret")


def test_the_command_line(
    empty: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_STATE", str(empty.state_dir))
    monkeypatch.setenv("WATCHFLOOR_NAMESPACE", empty.namespace)
    monkeypatch.setenv("WATCHFLOOR_POSTGRES_URL", str(empty.postgres_url))

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["user", *arguments])
        told = capsys.readouterr()
        return status, told.out, told.err

    status, password, said = run("add", "kim", "--role", "admin")
    assert status == 0
    assert len(password.strip()) == 20
    assert password.strip() not in said
    status, out, _ = run("add", "lee", "--role", "viewer", "--site", "north", "--json")
    assert json.loads(out)["name"] == "lee"
    status, out, _ = run("list", "--json")
    listed = {user["name"]: user for user in json.loads(out)}
    assert listed.keys() == {"kim", "lee"}
    assert listed["lee"]["sites"] == ["north"]
    assert "password" not in listed["lee"]
    status, out, said = run("add", "KIM")
    assert status == 1
    assert "already" in said
    assert run("disable", "lee")[0] == 0
    assert "disabled" in run("list")[1]
    assert run("disable", "lee", "--undo")[0] == 0
    assert "/sign-in/" in run("link", "lee")[1]
    assert json.loads(run("sessions", "lee", "--json")[1]) == []
    assert json.loads(run("reset", "lee", "--json")[1])["password"]
    first, second = (json.loads(run("rotate-keys", "--json")[1])["key_id"] for _ in range(2))
    assert first != second
    assert "no user" in run("reset", "nobody")[2]


def test_what_was_done_is_written_down_for_who_may_read_it(
    desk: Stack, client: httpx.Client, admin: dict[str, str], clock: Clock
) -> None:
    made = added(client, admin)
    place = f"/v1/users/{made['user_id']}"
    clock.pass_(seconds=1)
    assert client.delete(place, headers=admin).status_code == 204

    def acts(**query: Any) -> list[dict[str, Any]]:
        answer = client.get("/v1/audit", params={"target": made["name"], **query}, headers=admin)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    removed, created = acts()
    assert [removed["kind"], created["kind"]] == ["user_removed", "user_created"]
    assert created["actor"].startswith("admin-")
    assert created["address"] == "127.0.0.1"
    assert made["password"] not in str([removed, created])
    assert acts(kind="user_created") == [created]
    assert acts(since=removed["at"]) == [removed]
    assert acts(until=removed["at"]) == [created]
    assert acts(actor="nobody") == []
    # A page goes on where the one before ended.
    first = client.get(
        "/v1/audit", params={"target": made["name"], "limit": 1}, headers=admin
    ).json()
    assert first["items"] == [removed]
    assert acts(limit=1, cursor=first["next"]) == [created]

    # Neither an operator nor an administrator of some sites reads about everybody.
    operator = signed_in(client, person(desk, Role.OPERATOR))
    assert problem(client.get("/v1/audit", headers=operator)) == "missing-scope"
    bound = signed_in(client, person(desk, Role.ADMIN, sites=("north",)))
    assert problem(client.get("/v1/audit", headers=bound)) == "site-bound"


async def test_nobody_takes_back_what_was_done(desk: Stack) -> None:
    async with Console(desk.settings).begin() as connection:
        for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                async with connection.transaction():
                    await connection.execute(statement.encode())
