"""Every route, asked by everybody: 401, 403, 404, or what it is for.

Callers are real: users who signed in, service tokens, and credentials that are none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.account import access
from api.account.doors import doors_of
from api.account.identity import ROLE_SCOPES, Role, Scope
from api.account.records import Method
from infra.local_token import bearer
from tests.access import OPEN, OWN, THEIRS
from tests.integration.api.access_table import (
    ALERT,
    EVENT,
    LINES,
    MARK,
    NEEDED,
    NOBODY,
    SITE,
    Line,
    knock,
    line,
)
from tests.integration.api.callers import signed, signed_in, user
from tests.integration.api.support import Stack, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


@pytest.fixture(scope="module")
def strangers(floor: Stack, roles: dict[Role, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Credentials that are none, or no more, by what is wrong with them."""
    good = roles[Role.ADMIN]["Authorization"].removeprefix("Bearer ")
    head, body, signature = good.split(".")
    accounts = floor.app.state.api.accounts
    old = access.mint(
        accounts._signing,
        issuer=accounts.issuer,
        account_id="a",
        session_id="s",
        method=Method.PASSWORD,
        now=datetime.now(UTC) - timedelta(days=1),
    )
    swapped = ("B" if signature[0] == "A" else "A") + signature[1:]
    with floor.client() as client:
        name = f"{MARK}-gone"
        gone = user(floor.settings, floor.url, name, Role.ADMIN)
        assert client.post("/v1/auth/logout", headers=gone).status_code == 204
        token = signed(floor.settings, floor.url, f"{MARK}-revoked")
        listed = {one["name"]: one["token_id"] for one in client.get("/v1/tokens").json()}
        assert client.delete(f"/v1/tokens/{listed[f'{MARK}-revoked']}").status_code == 204
    texts = {
        "expired": old.reveal(),
        "tampered": f"{head}.{body}.{swapped}",
        "unsigned": f"eyJhbGciOiJub25lIn0.{body}.x",
        "of another kind": "wft_" + "x" * 43,
        "not this machine's": "wflocal_" + "x" * 43,
        "nonsense": "x",
    }
    found = {name: {"Authorization": f"Bearer {text}"} for name, text in texts.items()}
    basic = {"Authorization": "Basic YTpi"}
    return {
        "nobody": {},
        "signed out": gone,
        "revoked": token,
        "basic": basic,
        **found,
    }


@pytest.fixture(scope="module")
def doors(floor: Stack) -> dict[tuple[str, str], Scope]:
    """Every route that takes a scope, and which."""
    found = {
        (door.method, door.path): Scope(door.scopes[0])
        for door in doors_of(floor.app)
        if door.scopes
    }
    return {**found, **NEEDED}


def test_every_route_says_here_what_it_is_for_whom(doors: dict[tuple[str, str], Scope]) -> None:
    assert set(LINES) == set(doors)


@pytest.mark.parametrize("door", LINES, ids=" ".join)
async def test_who_is_not_known_is_told_so_and_no_more(
    floor: Stack, strangers: dict[str, dict[str, str]], door: tuple[str, str]
) -> None:
    for name, headers in strangers.items():
        answer = await knock(floor, door, LINES[door], headers)
        assert answer.status_code == 401, name
        assert answer.headers["www-authenticate"] == "Bearer", name
        assert SITE not in answer.text, name
        assert MARK not in answer.text, name


@pytest.mark.parametrize("door", LINES, ids=" ".join)
async def test_each_role_may_what_its_scopes_say(
    floor: Stack,
    doors: dict[tuple[str, str], Scope],
    roles: dict[Role, dict[str, str]],
    door: tuple[str, str],
) -> None:
    for role, headers in roles.items():
        answer = await knock(floor, door, LINES[door], headers)
        if doors[door] in ROLE_SCOPES[role]:
            assert answer.status_code in LINES[door].well, (role, answer.text)
        else:
            assert answer.status_code == 403, role
            assert answer.json()["type"] == "/v1/problems/missing-scope", role


@pytest.mark.parametrize("door", LINES, ids=" ".join)
async def test_a_service_token_may_what_it_was_made_for(
    floor: Stack, doors: dict[tuple[str, str], Scope], door: tuple[str, str]
) -> None:
    scope = doors[door]
    others = set(Scope) - {scope}
    place = (floor.settings, floor.url)
    only = signed(*place, f"{MARK}-only-{scope.name}", {scope}, {SITE, "south"})
    without = signed(*place, f"{MARK}-without-{scope.name}", others)
    refused = await knock(floor, door, LINES[door], without)
    assert refused.status_code == 403
    assert refused.json()["detail"] == f"That needs the scope {scope}."
    answer = await knock(floor, door, LINES[door], only)
    if LINES[door].foreign == 403:
        # What is about every site is not for one that is bound to some, even to all there are.
        assert answer.json()["type"] == "/v1/problems/site-bound"
        only = signed(*place, f"{MARK}-all-{scope.name}", {scope})
        answer = await knock(floor, door, LINES[door], only)
    assert answer.status_code in LINES[door].well, answer.text


@pytest.mark.parametrize("door", LINES, ids=" ".join)
async def test_another_site_s_things_are_as_those_that_are_not_there(
    floor: Stack, stranger: dict[str, str], door: tuple[str, str]
) -> None:
    asked = LINES[door]
    answer = await knock(floor, door, asked, stranger)
    assert answer.status_code == asked.foreign, answer.text
    if answer.status_code == 200:
        assert SITE not in answer.text
        assert MARK not in answer.text.replace(f"{MARK}-stranger", "")
    elif answer.status_code != 403:
        nothing = await knock(floor, door, asked.absent(), stranger)
        assert nothing.status_code == answer.status_code
        shown = answer.text
        for name in (SITE, ALERT, EVENT):
            shown = shown.replace(name, "absent")
        assert shown == nothing.text


@pytest.mark.parametrize(
    ("path", "items"),
    [
        ("/v1/sites", None),
        ("/v1/zones", None),
        ("/v1/cameras", None),
        ("/v1/devices", "items"),
        ("/v1/events", "items"),
        ("/v1/alerts", "items"),
        ("/v1/handovers", "items"),
        ("/v1/backtests", None),
        ("/v1/pipeline", "cameras_without_frames"),
    ],
)
async def test_lists_without_a_site_have_nothing_of_another(
    floor: Stack, stranger: dict[str, str], path: str, items: str | None
) -> None:
    answer = await knock(floor, ("GET", path), Line(), stranger)
    found = answer.json() if items is None else answer.json()[items]
    assert found == []
    assert SITE not in answer.text


async def test_a_member_of_one_site_sees_that_one(floor: Stack) -> None:
    headers = signed(floor.settings, floor.url, f"{MARK}-south", sites={"south"})
    sites = await knock(floor, ("GET", "/v1/sites"), Line(), headers)
    assert [one["site_id"] for one in sites.json()] == ["south"]
    cameras = await knock(floor, ("GET", "/v1/cameras"), Line(), headers)
    assert {one["site_id"] for one in cameras.json()} == {"south"}
    # Its zone is at both sites: for whom sees one of them there is no doubt.
    body = {"event_type": "intrusion", "camera_id": "gate", "zone_id": "yard", "vendor": "sent"}
    posted = await knock(floor, ("POST", "/v1/events/cv"), line(body=body), headers)
    assert (posted.status_code, posted.json()["site_id"]) == (200, "south")
    other = line(body={**body, "zone_id": "dock"})
    refused = await knock(floor, ("POST", "/v1/events/cv"), other, headers)
    assert refused.status_code == 409
    assert refused.json()["sites"] == ["south"]


async def test_a_device_s_own_message_finds_no_camera_of_another_site(
    floor: Stack, stranger: dict[str, str]
) -> None:
    message = (
        "<EventNotificationAlert><eventType>linedetection</eventType>"
        "<eventState>active</eventState><channelName>Main gate</channelName>"
        "</EventNotificationAlert>"
    )
    async with httpx.AsyncClient(base_url=floor.url, trust_env=False, timeout=30) as client:
        answer = await client.post(
            "/v1/events/cv",
            content=message,
            headers={**stranger, "Content-Type": "application/xml"},
        )
        named = await client.post(
            "/v1/events/cv?site_id=north",
            content=message,
            headers={**stranger, "Content-Type": "application/xml"},
        )
    assert (answer.status_code, named.status_code) == (422, 404)
    assert SITE not in answer.text
    assert "gate" not in answer.text.replace("Main gate", "")


async def test_a_backtest_is_for_who_sees_all_of_its_sites(
    floor: Stack, stranger: dict[str, str]
) -> None:
    """Its result adds up what all of them had."""
    now = datetime.now(UTC)
    body = {
        "site_document": {"sites": [{"site_id": SITE}, {"site_id": "south"}]},
        "from": (now - timedelta(minutes=1)).isoformat(),
        "to": now.isoformat(),
    }
    south = signed(floor.settings, floor.url, f"{MARK}-tries-south", sites={"south"})
    both = signed(floor.settings, floor.url, f"{MARK}-tries-both", sites={SITE, "south"})
    start, look = ("POST", "/v1/backtests"), ("GET", "/v1/backtests/{backtest_id}")
    for headers, named in ((stranger, f"{SITE}, south"), (south, SITE)):
        refused = await knock(floor, start, line(body=body), headers)
        (error,) = refused.json()["errors"]
        assert (refused.status_code, error["detail"]) == (422, f"there is no site {named}")
    taken = await knock(floor, start, line(body=body), both)
    assert (taken.status_code, taken.json()["asked_by"]) == (202, f"token/{MARK}-tries-both")
    found = line(backtest_id=taken.json()["backtest_id"])
    with floor.client() as client:
        wait_until(lambda: client.get(taken.json()["location"]).json()["result"], "it is done", 120)
    for headers, expected in ((both, 200), (south, 404), (stranger, 404)):
        assert (await knock(floor, look, found, headers)).status_code == expected
        listed = await knock(floor, ("GET", "/v1/backtests"), Line(), headers)
        names = {one["backtest_id"] for one in listed.json()}
        assert (taken.json()["backtest_id"] in names) is (expected == 200)


async def test_who_acts_is_who_asks(floor: Stack, roles: dict[Role, dict[str, str]]) -> None:
    """And a key is its owner's: another's command under the same key is another command."""
    path = ("POST", "/v1/alerts/{alert_id}/commands")
    body = {"kind": "comment", "text": "x", "actor": "somebody else"}
    found = [
        await knock(
            floor,
            path,
            line(body=body, alert_id=ALERT),
            {**roles[role], "Idempotency-Key": "one"},
        )
        for role in (Role.OPERATOR, Role.OPERATOR, Role.ADMIN)
    ]
    first, again, other = (one.json()["command_id"] for one in found)
    assert first == again != other


@pytest.mark.parametrize("path", sorted(THEIRS))
async def test_one_s_own_account_takes_that_one_is_known(
    floor: Stack, strangers: dict[str, dict[str, str]], path: str
) -> None:
    methods = [door.method for door in doors_of(floor.app) if door.path == path]
    for method in methods:
        for name, headers in strangers.items():
            what = line(session_id=NOBODY, push_id="0" * 64)
            answer = await knock(floor, (method, path), what, headers)
            assert answer.status_code == 401, (method, name)


async def test_what_is_open_needs_nobody(floor: Stack) -> None:
    for path in sorted(OPEN):
        if "{" in path or path.startswith("/v1/auth/"):
            continue
        answer = await knock(floor, ("GET", path), Line(), {})
        assert answer.status_code in (200, 503), path
        assert SITE not in answer.text or path == "/openapi.json", path
    assert {path for _, path in NEEDED} >= OWN


def test_cookies_let_in_as_headers_do(floor: Stack, roles: dict[Role, dict[str, str]]) -> None:
    """And a page of another origin may not use them for anything that changes something."""
    token = roles[Role.OPERATOR]["Authorization"].removeprefix("Bearer ")
    with httpx.Client(
        base_url=floor.url, trust_env=False, cookies={"watchfloor_access": token}
    ) as client:
        assert client.get(f"/v1/alerts/{ALERT}").status_code == 200
        path = f"/v1/alerts/{ALERT}/commands"
        body = {"kind": "comment", "text": "x"}
        assert client.post(path, json=body).status_code == 202
        for origin in ("https://evil.example", "null"):
            refused = client.post(path, json=body, headers={"Origin": origin})
            assert refused.json()["type"] == "/v1/problems/cross-origin"


def test_this_machine_s_token_may_everything(floor: Stack) -> None:
    with httpx.Client(base_url=floor.url, trust_env=False) as client:
        headers = bearer(floor.settings)
        assert client.get("/v1/users", headers=headers).status_code == 200
        assert client.get("/metrics", headers=headers).status_code == 200


async def test_a_new_membership_holds_at_once(floor: Stack) -> None:
    name = f"{MARK}-moves"
    headers = user(floor.settings, floor.url, name, Role.VIEWER, {SITE})
    with floor.client() as client:
        kept = {one["name"]: one["user_id"] for one in client.get("/v1/users").json()}
        asked = ("GET", "/v1/alerts/{alert_id}")
        assert (await knock(floor, asked, LINES[asked], headers)).status_code == 200
        client.patch(f"/v1/users/{kept[name]}", json={"sites": ["south"]})
        assert (await knock(floor, asked, LINES[asked], headers)).status_code == 404
        fresh = signed_in(client, name)
        assert (await knock(floor, asked, LINES[asked], fresh)).status_code == 404
