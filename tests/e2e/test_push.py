"""This device is told: asked for in a real browser, pushed by act, shown by the service worker.

The browser reaches no push service of the world, so its page is given a subscription of the test's
own; what is pushed there is opened, and handed to the real service worker by DevTools.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pytest
from playwright.sync_api import CDPSession, Page, expect

from agents.notify.push.subscription import id_of
from api.account.identity import Role
from infra.db.documents import publish
from infra.db.outbox import drain_outbox
from infra.settings import Settings
from infra.vapid import fresh_key, public_part
from infra.vault import Vault
from infra.vault_keys import source_of
from schemas.document import Channel, Document, Receiver, Route, Routing, SiteNotifications
from tests.e2e.support import PATIENCE_MS, serious
from tests.integration.api.act import Act
from tests.integration.api.people import PASSWORD, person
from tests.integration.api.support import (
    Stack,
    document,
    is_ready,
    run_in_thread,
    serving,
    wait_until,
)
from tests.integration.notify.browser import Browser
from tests.integration.notify.servers import Authority, authority
from tests.unit.agents.notify.parts import asked_for, request

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.timeout(240),
]

KEY: Final = fresh_key()

SUBSCRIBES: Final = """
(given) => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0))
      .buffer;
  const kept = "test.push";
  const made = () => ({
    endpoint: given.endpoint,
    expirationTime: null,
    options: { userVisibleOnly: true, applicationServerKey: bytes(localStorage.getItem(kept)) },
    getKey: (name) => bytes(given.keys[name]),
    unsubscribe: async () => {
      localStorage.removeItem(kept);
      return true;
    },
  });
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    const text = String.fromCharCode(...new Uint8Array(applicationServerKey));
    localStorage.setItem(kept, btoa(text));
    return made();
  };
  PushManager.prototype.getSubscription = async () =>
    localStorage.getItem(kept) === null ? null : made();
}
"""
"""A browser's push manager, as far as the page uses it."""

SHOWN: Final = """
async () => {
  const registration = await navigator.serviceWorker.getRegistration();
  const shown = await registration.getNotifications();
  return shown.map(({ title, body, tag, data }) => ({ title, body, tag, path: data.path }));
}
"""

CLICKED: Final = """
async (tag) => {
  const [shown] = await self.registration.getNotifications({ tag });
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification: shown }));
}
"""


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("push-ca"))


@pytest.fixture
def told(page_settings: Settings, trusted: Authority) -> Document:
    """A receiver that tells everyone's devices, and its key."""
    Vault(page_settings.state_dir, lambda: source_of(page_settings)).set("phones", KEY)
    options = {"credentials": "phones", "users": "everyone", "contact": "mailto:a@b.org"}
    phones = Channel(kind="webpush", options={**options, "ca_file": str(trusted.ca)})
    receiver = Receiver(name="soc", channels=(phones,))
    sites = tuple(
        msgspec.structs.replace(site, notifications=SiteNotifications(allow_internal_targets=True))
        for site in document().sites
    )
    made = Document(
        sites=sites, routing=Routing(route=Route(receiver="soc"), receivers=(receiver,))
    )
    publish(page_settings, made, "test")
    run_in_thread(lambda: drain_outbox(page_settings))
    return made


@pytest.fixture
def stack(page_settings: Settings, told: Document) -> Iterator[Stack]:
    with serving(page_settings) as found:
        wait_until(lambda: is_ready(found), "the façade is ready", 60)
        configuration = found.app.state.api.configuration
        wait_until(lambda: configuration.routing.receivers, "the routing is known", 60)
        yield found


@pytest.fixture
def act(stack: Stack, told: Document, trusted: Authority) -> Iterator[Act]:
    with Act(stack.settings, told, trusted) as found:
        yield found


class Worker:
    """The page's service worker, by DevTools."""

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        self._origin = url
        self._ids: list[str] = []
        self._cdp: CDPSession = page.context.new_cdp_session(page)
        self._cdp.on("ServiceWorker.workerRegistrationUpdated", self._registered)
        self._cdp.send("ServiceWorker.enable")

    def _registered(self, event: Any) -> None:
        self._ids += [
            one["registrationId"] for one in event["registrations"] if not one["isDeleted"]
        ]

    def push(self, text: str) -> None:
        """Hand it a push, as the browser does after it has opened it."""
        self._until(lambda: bool(self._ids), "the worker is registered")
        self._cdp.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": self._origin, "registrationId": self._ids[-1], "data": text},
        )

    def shows(self, tag: str) -> dict[str, Any]:
        """The notification of that tag, once it is shown."""
        self._until(lambda: tag in self._shown(), f"{tag} is shown")
        return self._shown()[tag]

    def click(self, tag: str) -> None:
        """As somebody who clicks on it."""
        self._page.context.service_workers[0].evaluate(CLICKED, tag)

    def _shown(self) -> dict[str, dict[str, Any]]:
        return {one["tag"]: one for one in self._page.evaluate(SHOWN)}

    def _until(self, condition: Any, what: str) -> None:
        deadline = datetime.now(UTC) + timedelta(milliseconds=PATIENCE_MS)
        while not condition():
            assert datetime.now(UTC) < deadline, what
            # Playwright hears events only while it waits itself.
            self._page.wait_for_timeout(50)


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#connection")).to_have_text("Live", timeout=PATIENCE_MS)


def test_this_device_is_told(page: Page, stack: Stack, act: Act) -> None:
    phone = Browser(f"{act.server.base}/{uuid.uuid4().hex}")
    act.server.answers(201)
    page.context.grant_permissions(["notifications"], origin=stack.url)
    page.add_init_script(f"({SUBSCRIBES})({msgspec.json.encode(phone.subscription).decode()})")
    name = person(stack, Role.VIEWER)
    page.goto(f"{stack.url}/settings")
    sign_in(page, name)
    worker = Worker(page, stack.url)
    panel = page.locator("section.panel", has=page.get_by_role("heading", name="Told on your"))
    expect(panel.locator("[data-push=off]")).to_be_visible(timeout=PATIENCE_MS)
    panel.get_by_label("From this severity on").select_option("medium")
    panel.get_by_role("button", name="Tell this device").click()
    expect(panel.locator("[data-push=on]")).to_be_visible(timeout=PATIENCE_MS)
    row = panel.get_by_role("listitem")
    expect(row).to_contain_text("this one")
    assert serious(page) == []

    # The server has what the browser gave, and says nothing of where that is.
    answer = page.context.request.get(f"{stack.url}/v1/me/push")
    (device,) = answer.json()["subscriptions"]
    assert (device["push_id"], device["least"]) == (id_of(phone.endpoint), "medium")
    assert device["key"] == public_part(KEY)
    assert phone.endpoint not in answer.text()

    # Tried, by the way that alerts take.
    panel.get_by_role("button", name=f"Try {device['label']}").click()
    expect(page.get_by_text(f"{device['label']} was told.")).to_be_visible(timeout=PATIENCE_MS)
    (seen,) = act.server.seen
    told = phone.open(seen.body)
    worker.push(msgspec.json.encode(told).decode())
    shown = worker.shows(told["tag"])
    assert (shown["title"], shown["path"]) == ("This works", "/")

    # An alert's notification, and the way to the alert.
    now = datetime.now(UTC)
    asked = request(
        f"n-{uuid.uuid4().hex}",
        requested_at=now,
        deadline=now + timedelta(minutes=5),
    )
    stack.produce(asked_for(asked))
    wait_until(lambda: len(act.server.seen) == 2, "it is pushed")
    told = phone.open(act.server.seen[1].body)
    worker.push(msgspec.json.encode(told).decode())
    shown = worker.shows(asked.notification_id)
    assert shown["title"] == "High: person at Gate (yard), North depot"
    worker.click(asked.notification_id)
    expect(page).to_have_url(f"{stack.url}/alerts/a-1", timeout=PATIENCE_MS)

    # Whatever is pushed, something is shown, and nothing leads elsewhere.
    for text in ("", "no json", '{"title": "x", "tag": "evil", "url": "https://evil.example/"}'):
        worker.push(text)
    assert worker.shows("watchfloor")["title"] == "Watchfloor"
    assert worker.shows("evil")["path"] == "/"

    # Who signs out is told nothing more here.
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=PATIENCE_MS)
    assert page.evaluate("localStorage.getItem('test.push')") is None
    sign_in(page, name)
    assert page.context.request.get(f"{stack.url}/v1/me/push").json()["subscriptions"] == []
