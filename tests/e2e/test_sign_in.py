"""Signing in and out, and one's own account, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Page, expect

from api.account.console import Console
from api.account.identity import Role
from api.account.user.schemas import UserBody
from infra.settings import Settings
from tests.e2e.support import PATIENCE_MS, serious, stands_at_200
from tests.integration.api.people import PASSWORD, at_console, fresh_name, person
from tests.integration.api.support import Stack, is_ready, serving, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.timeout(240),
]


@pytest.fixture
def desk(page_settings: Settings) -> Iterator[Stack]:
    with serving(page_settings) as stack:
        wait_until(lambda: is_ready(stack), "the façade is ready", 60)
        yield stack


def sign_in(page: Page, stack: Stack, name: str, password: str) -> None:
    page.goto(stack.url)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def here(page: Page) -> None:
    expect(page.locator("#connection")).to_have_text("Live", timeout=PATIENCE_MS)


def test_in_by_password_and_out_again(page: Page, desk: Stack) -> None:
    name = person(desk, Role.VIEWER)
    sign_in(page, desk, name, "not the password")
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    assert serious(page) == []
    stands_at_200(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    here(page)
    # No script sees what signs requests; and it is there again after a reload.
    assert page.evaluate("document.cookie") == ""
    page.reload()
    here(page)
    expect(page.locator(".who")).to_contain_text(name)
    # A viewer has no users and no tokens to look after.
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    expect(page.get_by_role("heading", name="Users", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_an_access_token_that_ran_out_is_renewed_unseen(page: Page, desk: Stack) -> None:
    sign_in(page, desk, person(desk), PASSWORD)
    here(page)
    page.context.clear_cookies(name="watchfloor_access")
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    expect(page.get_by_text("this one")).to_be_visible()
    names = {cookie["name"] for cookie in page.context.cookies()}
    assert names == {"watchfloor_access", "watchfloor_refresh"}


def test_a_temporary_password_is_changed_first(page: Page, desk: Stack) -> None:
    name = fresh_name()
    body = UserBody(name=name, role=Role.OPERATOR, sites=None)
    first = at_console(lambda: Console(desk.settings).add(body))
    sign_in(page, desk, name, first)
    expect(page.get_by_role("heading")).to_contain_text("temporary")
    assert serious(page) == []
    stands_at_200(page)
    page.get_by_label("Password now").fill(first)
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("heading")).to_contain_text("temporary")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    here(page)


def test_a_second_factor_is_set_up_and_asked_for(page: Page, desk: Stack) -> None:
    name = person(desk)
    sign_in(page, desk, name, PASSWORD)
    here(page)
    page.goto(f"{desk.url}/settings")
    page.get_by_role("button", name="Set up an authenticator").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    secret = page.locator(".settings-form code").inner_text()
    page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Switch it on").click()
    codes = page.locator(".once code").inner_text().split()
    assert len(codes) >= 8
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    sign_in(page, desk, name, PASSWORD)
    expect(page.get_by_label("One-time code")).to_be_focused()
    page.keyboard.type(codes[0])
    page.keyboard.press("Enter")
    here(page)


def test_an_administrator_looks_after_users_and_tokens(page: Page, desk: Stack) -> None:
    sign_in(page, desk, person(desk, Role.ADMIN), PASSWORD)
    here(page)
    page.goto(f"{desk.url}/settings")
    users = page.locator("section.panel", has=page.get_by_role("heading", name="Users"))
    name = fresh_name("lee")
    users.locator("summary").click()
    users.get_by_label("Name").fill(name)
    users.get_by_label("Role").select_option("viewer")
    users.get_by_label("Every site").uncheck()
    users.get_by_label("North yard").check()
    users.get_by_role("button", name="Add a user").click()
    expect(users.locator(".once code")).to_have_text(re.compile(r"\S{8,}"))
    row = users.locator("tr", has_text=name)
    expect(row).to_contain_text("Viewer")
    expect(row).to_contain_text("north")
    row.get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    assert serious(page) == []
    dialog.get_by_role("button", name="Disable").click()
    page.keyboard.press("Escape")
    expect(row).to_contain_text("disabled")

    tokens = page.locator("section.panel", has=page.get_by_role("heading", name="Service tokens"))
    tokens.locator("summary").click()
    tokens.get_by_label("Name").fill("nightly-export")
    tokens.get_by_label("alerts:read").check()
    tokens.get_by_role("button", name="Make a token").click()
    expect(tokens.locator(".once code")).to_have_text(re.compile(r"\S{20,}"))
    row = tokens.locator("tr", has_text="nightly-export")
    expect(row).to_contain_text("alerts:read")
    row.get_by_role("button").click()
    expect(row).to_have_count(0)
