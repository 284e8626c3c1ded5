"""What an administrator does in the settings, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from infra.settings import Settings
from tests.e2e.support import PATIENCE_MS, enter, serious
from tests.integration.api.support import is_ready, serving, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.timeout(240),
]


def test_a_new_site_is_made_and_its_rules_are_opened(page: Page, page_settings: Settings) -> None:
    with serving(page_settings) as stack:
        wait_until(lambda: is_ready(stack), "the façade is ready", 60)
        enter(page.context, stack)
        page.goto(f"{stack.url}/settings")
        sites = page.locator("section", has=page.get_by_role("heading", name="Sites", exact=True))
        expect(sites.get_by_role("link", name="Harbour")).to_have_count(0)
        sites.get_by_text("Add a site").first.click()
        sites.get_by_label("Name").fill("Harbour")
        sites.get_by_label("Id").fill("north")
        sites.get_by_label("Time zone").fill("Europe/Atlantis")
        sites.get_by_role("button", name="Add a site").click()
        expect(sites.get_by_role("alert")).to_contain_text("already", timeout=PATIENCE_MS)
        # What is wrong is said at its field's name, and nothing that was typed is lost.
        sites.get_by_label("Id").fill("harbour")
        sites.get_by_role("button", name="Add a site").click()
        expect(sites.get_by_role("alert")).to_contain_text("timezone", timeout=PATIENCE_MS)
        expect(sites.get_by_label("Name")).to_have_value("Harbour")
        sites.get_by_label("Time zone").fill("Europe/Lisbon")
        sites.get_by_role("button", name="Add a site").click()
        link = sites.get_by_role("link", name="Harbour")
        expect(link).to_be_visible(timeout=PATIENCE_MS)
        assert serious(page) == []
        link.click()
        expect(page.get_by_role("heading", name="Rules")).to_be_visible()
        page.get_by_role("button", name="Text").click()
        text = page.locator("textarea")
        expect(text).to_have_value(re.compile("site_id: harbour"), timeout=PATIENCE_MS)
