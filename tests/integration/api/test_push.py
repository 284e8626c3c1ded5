"""Devices that are told: from the subscription that a browser brings to the push that it opens."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import msgspec
import psycopg
import pytest
from aiohttp import web as http

from agents.notify.errors import ChannelError
from agents.notify.push.selection import Wanted
from agents.notify.push.subscribers import BELIEVED_FOR, KeptSubscribers
from agents.notify.push.subscription import id_of
from api.account.console import Console
from api.account.identity import Role, Scope
from api.push.service import MOST_BROWSERS
from infra.db.documents import publish
from infra.db.outbox import drain_outbox
from infra.db.pool import connect
from infra.db.target import Role as DatabaseRole
from infra.settings import Settings
from infra.vapid import fresh_key, public_part
from infra.vault import Vault
from infra.vault_keys import source_of
from schemas.base import Severity
from schemas.document import (
    Channel,
    Document,
    Receiver,
    Route,
    Routing,
    SiteNotifications,
)
from schemas.notification import NotifyResult, Outcome
from tests.integration.api.act import Act
from tests.integration.api.callers import signed
from tests.integration.api.people import (
    PASSWORD,
    at_console,
    bearer,
    cheap_passwords,
    fresh_name,
    person,
    problem,
    sign_in,
)
from tests.integration.api.support import (
    Stack,
    document,
    is_ready,
    make_ready,
    run_in_thread,
    serving,
    wait_until,
)
from tests.integration.notify.browser import Browser
from tests.integration.notify.servers import Authority, Seen, authority
from tests.unit.agents.notify.parts import asked_for, line, request

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

KEY: Final = fresh_key()
PUBLIC: Final = public_part(KEY)
LEE: Final = "push-lee"
"""The one user whom the receiver `named` tells."""


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("push-ca"))


def everything(trusted: Authority) -> Document:
    """Two sites, of which one lets its notifications go to this machine; three receivers."""

    def phones(users: Any, key: str = "phones") -> Channel:
        options = {"credentials": key, "users": users, "contact": "mailto:a@b.org"}
        return Channel(kind="webpush", options={**options, "ca_file": str(trusted.ca)})

    north, south = document().sites
    open_ = msgspec.structs.replace(
        north, notifications=SiteNotifications(allow_internal_targets=True)
    )
    receivers = (
        Receiver(name="all", channels=(phones("everyone"),)),
        Receiver(name="named", channels=(phones([LEE.upper()]),)),
        Receiver(name="lost", channels=(phones("everyone", "no-such-secret"),)),
    )
    routing = Routing(route=Route(receiver="all"), receivers=receivers)
    return Document(sites=(open_, south), routing=routing)


@pytest.fixture(scope="module")
def settings(
    kafka_bootstrap: str,
    postgres_url: str,
    trusted: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    found = Settings(
        state_dir=tmp_path_factory.mktemp("push-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="push-tests",
        # All of them come from one address.
        rate_limits=("sign-in=0",),
    )
    vault_of(found).set("phones", KEY)
    make_ready(found)
    publish(found, everything(trusted), "test")
    run_in_thread(lambda: drain_outbox(found))
    return found


def vault_of(settings: Settings) -> Vault:
    return Vault(settings.state_dir, lambda: source_of(settings))


@pytest.fixture(scope="module")
def stack(settings: Settings) -> Iterator[Stack]:
    with cheap_passwords(), serving(settings, decision_wait_s=20.0) as found:
        wait_until(lambda: is_ready(found), "the façade is ready", 60)
        routing = found.app.state.api.configuration
        wait_until(lambda: routing.routing.receivers, "the routing is known", 60)
        yield found


@pytest.fixture(scope="module")
def acting(stack: Stack, trusted: Authority) -> Iterator[Act]:
    with Act(stack.settings, everything(trusted), trusted) as found:
        yield found


@pytest.fixture
def act(acting: Act) -> Act:
    """With a push service that takes everything."""
    acting.server.seen.clear()
    acting.server.answers(201)
    return acting


class Member:
    """Somebody who is signed in, and may have a device."""

    def __init__(
        self,
        stack: Stack,
        sites: tuple[str, ...] | None = None,
        role: Role = Role.VIEWER,
        name: str | None = None,
    ) -> None:
        self.stack = stack
        self.name = person(stack, role, sites, name)
        self.sign_in()

    def sign_in(self) -> None:
        with self.stack.anonymous() as client:
            given = sign_in(client, self.name, PASSWORD)
        self.headers = bearer(given["access_token"])

    def ask(self, method: str, path: str = "", body: Any = None) -> httpx.Response:
        with self.stack.anonymous(timeout=60) as client:
            return client.request(method, f"/v1/me/push{path}", json=body, headers=self.headers)

    def add(self, act: Act, **more: Any) -> Browser:
        """A device of a fresh browser."""
        browser = Browser(f"{act.server.base}/{uuid.uuid4().hex}")
        answer = self.put(browser, **more)
        assert answer.status_code == 200, answer.text
        return browser

    def put(self, browser: Browser, **more: Any) -> httpx.Response:
        return self.ask("PUT", f"/{id_of(browser.endpoint)}", wanted(browser, **more))

    def devices(self) -> dict[str, Any]:
        """Those that the server has, by id."""
        return {one["push_id"]: one for one in self.ask("GET").json()["subscriptions"]}


def wanted(browser: Browser, **more: Any) -> dict[str, Any]:
    fields = {
        "endpoint": browser.endpoint,
        "keys": browser.subscription["keys"],
        "key": PUBLIC,
        "least": "medium",
        "label": "Chrome, Android",
        "language": "en",
    }
    return {**fields, **more}


def tell(stack: Stack, act: Act, receiver: str = "all", **more: Any) -> NotifyResult:
    """What came of an alert's notification."""
    name = f"n-{uuid.uuid4().hex}"
    now = datetime.now(UTC)
    asked = request(name, receiver, requested_at=now, deadline=now + timedelta(minutes=5), **more)
    stack.produce(asked_for(asked))
    found: NotifyResult = wait_until(lambda: act.of(name), "the first pass is over")
    return found


def pushed(act: Act, browser: Browser) -> list[Any]:
    """What was pushed to a browser, opened."""
    path = browser.endpoint.removeprefix(act.server.base)
    return [browser.open(seen.body) for seen in act.server.seen if seen.path == path]


def test_an_alert_reaches_the_devices_of_who_may_see_it(stack: Stack, act: Act) -> None:
    kim, max_, sam = Member(stack, ("north",)), Member(stack), Member(stack, ("south",))
    phone, tablet = kim.add(act), kim.add(act, language="de", label="Tablet")
    calm = max_.add(act, least="critical")
    # South's rules let nothing go to this machine: it got its device while it could see north.
    foreign = moved(stack, act)
    assert sam.devices() == {}
    result = tell(stack, act)
    assert result.outcome is Outcome.DELIVERED
    (told,) = pushed(act, phone)
    assert told["title"] == "High: person at Gate (yard), North depot"
    assert told["url"] == "/alerts/a-1"
    assert [one["title"][:4] for one in pushed(act, tablet)] == ["Hoch"]
    assert pushed(act, calm) == []
    assert pushed(act, foreign) == []
    taken = {one["label"]: one["taken_at"] for one in kim.devices().values()}
    assert all(taken.values())
    assert taken.keys() == {"Chrome, Android", "Tablet"}
    worse = tell(stack, act, alerts=(line(severity=Severity.CRITICAL),))
    assert worse.outcome is Outcome.DELIVERED
    assert len(pushed(act, calm)) == 1
    # What goes onto the topic names no endpoint.
    for browser in (phone, tablet, calm):
        assert browser.endpoint not in repr(act.results)


def moved(stack: Stack, act: Act) -> Browser:
    """The device of somebody who sees another site now."""
    found = Member(stack, ("north",))
    browser = found.add(act)
    with stack.client() as client:
        listed = {one["name"]: one["user_id"] for one in client.get("/v1/users").json()}
        answer = client.patch(f"/v1/users/{listed[found.name]}", json={"sites": ["south"]})
        assert answer.status_code == 200, answer.text
    return browser


def test_a_channel_that_names_users_tells_nobody_else(stack: Stack, act: Act) -> None:
    lee, other = Member(stack, name=LEE), Member(stack)
    told, left = lee.add(act), other.add(act)
    offered = {one["key"]: one["receivers"] for one in lee.ask("GET").json()["keys"]}
    assert offered == {PUBLIC: ["all", "named"]}
    assert other.ask("GET").json()["keys"] == [{"key": PUBLIC, "receivers": ["all"]}]
    assert tell(stack, act, "named").outcome is Outcome.DELIVERED
    assert (len(pushed(act, told)), pushed(act, left)) == (1, [])
    lee.ask("DELETE", f"/{id_of(told.endpoint)}")
    result = tell(stack, act, "named")
    assert (result.outcome, result.owed) == (Outcome.FAILED, ())
    assert result.channels[0].final
    assert "has a device told" in (result.error or "")


def test_what_is_gone_is_marked_and_comes_again(stack: Stack, act: Act) -> None:
    kim = Member(stack)
    gone, there = kim.add(act), kim.add(act)

    async def handle(seen: Seen, asked: http.Request) -> http.StreamResponse:
        return http.Response(status=410 if gone.endpoint.endswith(seen.path) else 201)

    act.server.handler = handle
    assert tell(stack, act).outcome is Outcome.DELIVERED
    marks = {push_id: one["gone_at"] for push_id, one in kim.devices().items()}
    assert marks[id_of(gone.endpoint)] is not None
    assert marks[id_of(there.endpoint)] is None
    act.server.seen.clear()
    assert tell(stack, act).outcome is Outcome.DELIVERED
    assert pushed(act, gone) == []
    # Its browser says that it is there again.
    assert kim.put(gone).json()["gone_at"] is None
    act.server.answers(201)
    tell(stack, act)
    assert len(pushed(act, gone)) == 1


def test_the_same_device_again_is_the_same_one(stack: Stack, act: Act) -> None:
    kim = Member(stack)
    browser = kim.add(act)
    first = kim.devices()
    again = kim.put(browser, least="low", label="Phone", language="de")
    assert again.status_code == 200
    (device,) = kim.devices().values()
    assert (device["least"], device["label"], device["language"]) == ("low", "Phone", "de")
    assert device["made_at"] == next(iter(first.values()))["made_at"]
    assert browser.endpoint not in again.text


def test_a_device_is_tried_by_the_way_that_alerts_take(stack: Stack, act: Act) -> None:
    kim = Member(stack, ("north",))
    # Whatever it wants to be told of, it is told that this works.
    mine, other = kim.add(act, least="critical", language="de"), kim.add(act)
    answer = kim.ask("POST", f"/{id_of(mine.endpoint)}/test")
    assert (answer.status_code, answer.json()["result"]) == (200, "sent"), answer.text
    (told,) = pushed(act, mine)
    assert (told["title"], told["url"]) == ("Das geht", "/")
    assert pushed(act, other) == []
    act.server.answers(410)
    failed = kim.ask("POST", f"/{id_of(mine.endpoint)}/test").json()
    assert (failed["result"], failed["retrying"]) == ("failed", False)
    assert "gone" in failed["error"]


def test_somebody_else_s_device_is_not_there(stack: Stack, act: Act) -> None:
    kim, max_ = Member(stack), Member(stack)
    browser = kim.add(act)
    place = f"/{id_of(browser.endpoint)}"
    for answer in (
        max_.put(browser),
        max_.ask("DELETE", place),
        max_.ask("POST", f"{place}/test"),
        max_.ask("DELETE", f"/{'0' * 64}"),
    ):
        assert (answer.status_code, problem(answer)) == (404, "not-found")
    assert max_.devices() == {}
    assert kim.devices().keys() == {id_of(browser.endpoint)}
    assert act.server.seen == []


def test_what_is_no_device_is_refused_and_not_quoted(stack: Stack, act: Act) -> None:
    kim, sam = Member(stack), Member(stack, ("south",))
    browser = Browser(f"{act.server.base}/{uuid.uuid4().hex}")
    place = f"/{id_of(browser.endpoint)}"
    keys = browser.subscription["keys"]
    assert isinstance(keys, dict)
    plain = browser.endpoint.replace("https", "http")
    for more, field in (
        ({"endpoint": plain}, "body.endpoint"),
        ({"endpoint": "https://" + "x" * 2000}, "body.endpoint"),
        ({"endpoint": f"{browser.endpoint}x"}, "body.endpoint"),
        ({"keys": {**keys, "p256dh": "AAAA"}}, "body.keys.p256dh"),
        ({"keys": {**keys, "auth": "AAAA"}}, "body.keys.auth"),
        ({"keys": {**keys, "more": "AAAA"}}, "body.keys"),
        ({"key": public_part(fresh_key())}, "body.key"),
        ({"key": "hunter2"}, "body.key"),
        ({"least": "worst"}, "body.least"),
        ({"label": ""}, "body.label"),
        ({"label": "a\nb"}, "body.label"),
        ({"language": "../en"}, "body.language"),
    ):
        answer = kim.ask("PUT", place, wanted(browser, **more))
        assert answer.status_code == 422, (more, answer.text)
        assert [one["field"] for one in answer.json()["errors"]] == [field], more
        assert browser.endpoint not in answer.text
    # Nothing on the inside, unless a site that one sees allows it.
    refused = sam.put(browser)
    assert refused.status_code == 422
    assert "allow_internal_targets" in refused.json()["errors"][0]["detail"]
    assert kim.devices() == sam.devices() == {}
    short = kim.ask("PUT", "/abc", wanted(browser))
    assert short.status_code == 422


def test_a_program_has_no_devices(stack: Stack, act: Act) -> None:
    headers = signed(stack.settings, stack.url, "push-program", {Scope.ALERTS_READ})
    with stack.anonymous() as client:
        answer = client.get("/v1/me/push", headers=headers)
    assert (answer.status_code, problem(answer)) == (403, "users-only")


def test_there_are_so_many_and_no_more(stack: Stack, act: Act) -> None:
    kim = Member(stack)
    found = [kim.add(act) for _ in range(MOST_BROWSERS)]
    more = Browser(f"{act.server.base}/{uuid.uuid4().hex}")
    refused = kim.put(more)
    assert (refused.status_code, problem(refused)) == (409, "conflict")
    # One that there is may say what it wants all the same.
    assert kim.put(found[0], least="low").status_code == 200
    with connect(stack.settings, DatabaseRole.ARCHIVE) as archive:
        archive.execute("SELECT push_told('{}', %s, now())", ([id_of(found[1].endpoint)],))
    assert kim.put(more).status_code == 200
    assert id_of(found[1].endpoint) not in kim.devices()


def user_id(stack: Stack, name: str) -> str:
    with stack.client() as client:
        users = client.get("/v1/users").json()
    return str(next(one["user_id"] for one in users if one["name"] == name))


def by_admin(stack: Stack, method: str, path: str, body: Any = None) -> None:
    with stack.client() as client:
        answer = client.request(method, path, json=body)
        assert answer.is_success, answer.text


def signed_out(stack: Stack, kim: Member) -> None:
    with stack.anonymous() as client:
        assert client.post("/v1/auth/logout", headers=kim.headers).status_code == 204


def another_password(stack: Stack, kim: Member) -> None:
    """In another browser: the one with the device is signed out."""
    with stack.anonymous() as client:
        given = bearer(sign_in(client, kim.name, PASSWORD)["access_token"])
        body = {"old": PASSWORD, "new": f"{PASSWORD}, again"}
        assert client.put("/v1/me/password", json=body, headers=given).status_code == 204


ENDS: Final[dict[str, Callable[[Stack, Member], None]]] = {
    "signed out": signed_out,
    "another password": another_password,
    "disabled": lambda stack, kim: by_admin(
        stack, "PATCH", f"/v1/users/{user_id(stack, kim.name)}", {"disabled": True}
    ),
    "removed": lambda stack, kim: by_admin(
        stack, "DELETE", f"/v1/users/{user_id(stack, kim.name)}"
    ),
    "password reset": lambda stack, kim: by_admin(
        stack, "POST", f"/v1/users/{user_id(stack, kim.name)}/password", {}
    ),
    "sessions ended": lambda stack, kim: by_admin(
        stack, "DELETE", f"/v1/users/{user_id(stack, kim.name)}/sessions"
    ),
    "reset at the console": lambda stack, kim: at_console(
        lambda: Console(stack.settings).reset(kim.name)
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_who_was_shut_out_is_told_nothing_more(stack: Stack, act: Act, end: str) -> None:
    kim, other = Member(stack), Member(stack)
    browser, stays = kim.add(act), other.add(act)
    ENDS[end](stack, kim)
    assert tell(stack, act).outcome is Outcome.DELIVERED
    assert (pushed(act, browser), len(pushed(act, stays))) == ([], 1)
    found = kept(stack.settings)
    assert id_of(browser.endpoint) not in found
    assert id_of(stays.endpoint) in found


def test_a_session_that_expires_leaves_its_device(stack: Stack, act: Act) -> None:
    """A phone in a pocket renews nothing; and a new session takes its device over."""
    kim = Member(stack)
    browser = kim.add(act)
    with connect(stack.settings, DatabaseRole.API) as api, api.transaction():
        api.execute("SELECT set_config('watchfloor.purpose', 'accounts', true)")
        api.execute(
            "UPDATE account_session SET expires_at = now() WHERE account_id = %s",
            (user_id(stack, kim.name),),
        )
    tell(stack, act)
    assert len(pushed(act, browser)) == 1
    kim.sign_in()
    assert kim.put(browser).status_code == 200
    signed_out(stack, kim)
    assert id_of(browser.endpoint) not in kept(stack.settings)


def kept(settings: Settings) -> dict[str, bytes]:
    """Every device's seal, by id."""
    with connect(settings, DatabaseRole.API) as api, api.transaction():
        api.execute("SELECT set_config('watchfloor.purpose', 'accounts', true)")
        rows = api.execute("SELECT subscription_id, sealed FROM push_subscription")
        return {str(id_): bytes(sealed) for id_, sealed in rows}


def found_by(settings: Settings) -> dict[str, Any]:
    """What act finds at north, with keys that it has just read."""
    asked = Wanted(site="north", users=None, key=PUBLIC)
    found: list[Any] = []

    async def read() -> None:
        subscribers = KeptSubscribers(settings)
        found.extend(await subscribers.of(asked, datetime.now(UTC)))
        await subscribers.close()

    run_in_thread(read)
    return {one.id: one for one in found}


def test_a_seal_under_another_account_does_not_open(stack: Stack, act: Act) -> None:
    kim, max_ = Member(stack), Member(stack)
    browser = kim.add(act)
    id_ = id_of(browser.endpoint)
    with connect(stack.settings, DatabaseRole.API) as api, api.transaction():
        api.execute("SELECT set_config('watchfloor.purpose', 'accounts', true)")
        api.execute(
            "UPDATE push_subscription SET account_id = %s WHERE subscription_id = %s",
            (user_id(stack, max_.name), id_),
        )
    assert id_ not in found_by(stack.settings)


def test_with_postgresql_away_the_last_list_is_believed_for_a_while(stack: Stack, act: Act) -> None:
    browser = Member(stack).add(act)
    asked = Wanted(site="north", users=None, key=PUBLIC)
    other = Wanted(site="south", users=None, key=PUBLIC)
    now = datetime.now(UTC)

    async def read() -> None:
        subscribers = KeptSubscribers(stack.settings)
        before = await subscribers.of(asked, now)
        assert id_of(browser.endpoint) in {one.id for one in before}
        await subscribers.close()
        subscribers._settings = replace(
            stack.settings, postgres_url="postgresql://u:hunter2@127.0.0.1:1/x"
        )
        assert await subscribers.of(asked, now + BELIEVED_FOR) == before
        await subscribers.told({"x"}, set(), now)
        for wanted_, at in ((other, now), (asked, now + BELIEVED_FOR + timedelta(seconds=1))):
            with pytest.raises(ChannelError, match="PostgreSQL does not answer") as caught:
                await subscribers.of(wanted_, at)
            assert not caught.value.final
            assert "hunter2" not in str(caught.value)

    run_in_thread(read)


@pytest.mark.parametrize("role", [DatabaseRole.API, DatabaseRole.OWNER])
@pytest.mark.parametrize(
    "call",
    ["SELECT * FROM push_targets('north', NULL, 'k')", "SELECT push_told('{}', '{}', now())"],
)
def test_nobody_but_act_reads_who_is_told(
    settings: Settings, role: DatabaseRole, call: str
) -> None:
    with (
        connect(settings, role) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(call.encode())


def test_act_reads_no_account(settings: Settings) -> None:
    with connect(settings, DatabaseRole.ARCHIVE) as archive:
        for statement in (
            "SELECT password FROM account",
            "SELECT folded FROM account",
            "SELECT sealed FROM push_subscription",
            "UPDATE push_subscription SET gone_at = now()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                archive.execute(statement.encode())


def test_who_has_no_receiver_is_told_what_is_missing(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """And what would make it work."""
    place = Settings(
        state_dir=tmp_path_factory.mktemp("push-bare"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="push-bare",
    )
    make_ready(place)
    with cheap_passwords(), serving(place) as stack:
        wait_until(lambda: is_ready(stack), "the façade is ready", 60)
        kim = Member(stack, name=fresh_name("push"))
        assert kim.ask("GET").json() == {"state": "no-receiver", "keys": [], "subscriptions": []}
        phones = {"credentials": "phones", "users": [kim.name], "contact": "mailto:a@b.org"}
        told = Receiver(name="soc", channels=(Channel(kind="webpush", options=phones),))
        routing = Routing(route=Route(receiver="soc"), receivers=(told,))
        publish(place, Document(sites=document().sites, routing=routing), "test")
        run_in_thread(lambda: drain_outbox(place))
        wait_until(lambda: kim.ask("GET").json()["state"] == "no-key", "the routing is known")
        vault_of(place).set("phones", KEY)
        wait_until(lambda: kim.ask("GET").json()["state"] == "ready", "the key is there")
        assert kim.ask("GET").json()["keys"] == [{"key": PUBLIC, "receivers": ["soc"]}]


def test_a_new_vault_key_seals_devices_anew(stack: Stack, act: Act) -> None:
    """The last one here: the façade looks for a new key half a minute later at the soonest."""
    kim = Member(stack)
    browser = kim.add(act)
    id_ = id_of(browser.endpoint)
    settings = stack.settings
    before = kept(settings)
    assert browser.endpoint.encode() not in before[id_]
    vault = vault_of(settings)
    vault.rotate(also=lambda: at_console(lambda: Console(settings).reseal(vault)))
    after = kept(settings)
    (entry,) = vault.entries()
    assert before.keys() == after.keys()
    assert msgspec.json.decode(after[id_])["key"] == entry.key
    assert msgspec.json.decode(before[id_])["key"] != entry.key
    found = found_by(settings)
    assert found[id_].subscription.endpoint == browser.endpoint
