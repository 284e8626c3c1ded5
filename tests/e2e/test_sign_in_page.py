"""Signing in, staying signed in, and being signed out, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.account.identity import ACCESS_COOKIE
from infra.settings import Settings
from tests.integration.api.callers import PASSWORD
from tests.integration.api.support import Stack, is_ready, make_ready, serving, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.kafka, pytest.mark.postgres]

PATIENCE_MS = 30_000
ASKED = re.compile(r"/sign-in\?next=")


@pytest.fixture(scope="module")
def stack(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("sign-in-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="sign-in-test",
    )
    make_ready(settings)
    with serving(settings) as found:
        wait_until(lambda: is_ready(found), "the façade is ready")
        # The first user of all is an administrator.
        found.door()
        yield found


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    found = browser.new_context(viewport={"width": 1280, "height": 860})
    yield found
    found.close()


def fill(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_in_and_out(stack: Stack, context: BrowserContext) -> None:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with stack.client() as admin:
        made = admin.post("/v1/users", json={"name": "kim", "role": "operator", "sites": None})
        first = made.json()["password"]

        # A page asks who one is, and comes back to where one wanted to be.
        page.goto(f"{stack.url}/devices?site=north")
        page.wait_for_url(ASKED, timeout=PATIENCE_MS)
        fill(page, "kim", "not-it-at-all")
        said = page.get_by_role("alert")
        expect(said).to_contain_text("wrong", timeout=PATIENCE_MS)
        # What an administrator has seen is good for one thing: another password.
        fill(page, "kim", first)
        expect(page.get_by_label("New password")).to_be_visible(timeout=PATIENCE_MS)
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile(r"/devices\?site=north$"), timeout=PATIENCE_MS)
        expect(page.locator("#banner")).to_be_hidden(timeout=PATIENCE_MS)
        assert page.evaluate("document.cookie") == ""

        # An access token that is over is renewed, and the page goes on.
        context.clear_cookies(name=ACCESS_COOKIE)
        page.goto(stack.url)
        expect(page.locator("#connection-text")).to_have_text("Live", timeout=PATIENCE_MS)
        assert page.url.rstrip("/") == stack.url
        assert ACCESS_COOKIE in {one["name"] for one in context.cookies(stack.url)}

        # Signed out elsewhere: the stream ends, and the page asks again.
        users = {one["name"]: one["user_id"] for one in admin.get("/v1/users").json()}
        assert admin.delete(f"/v1/users/{users['kim']}/sessions").status_code == 204
        page.wait_for_url(ASKED, timeout=PATIENCE_MS)

        # A link from the console, once; and out by the button.
        door = stack.door()
        page.goto(door)
        expect(page.locator("#connection-text")).to_have_text("Live", timeout=PATIENCE_MS)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{stack.url}/sign-in", timeout=PATIENCE_MS)
        page.goto(door)
        page.wait_for_url(ASKED, timeout=PATIENCE_MS)
        expect(page.get_by_role("alert")).to_contain_text("used already")
    assert errors == []


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/sign-in"]
)
def test_it_leads_nowhere_else(stack: Stack, context: BrowserContext, target: str) -> None:
    page = context.new_page()
    with stack.client() as admin:
        users = {one["name"]: one["user_id"] for one in admin.get("/v1/users").json()}
        if "lee" not in users:
            made = admin.post("/v1/users", json={"name": "lee", "role": "viewer", "sites": []})
            first = made.json()["password"]
        else:
            first = admin.post(f"/v1/users/{users['lee']}/password").json()["password"]
    page.goto(f"{stack.url}/sign-in?next={target}")
    fill(page, "lee", first)
    expect(page.get_by_label("New password")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{stack.url}/", timeout=PATIENCE_MS)
