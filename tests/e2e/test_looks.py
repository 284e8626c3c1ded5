"""How pages look: light and dark, at 200 %, and to a screen reader.

With WATCHFLOOR_PICTURES set to a folder, the pictures of the documentation are written there.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from agents.capture.simulator import SimulatedSite
from infra.settings import Settings
from tests.e2e.scene import Night, document_of, probes_of
from tests.e2e.support import PATIENCE_MS, TWICE, Workers, enter, fits, serious, stands_at_200
from tests.integration.api.support import is_ready, serving, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
]

PLACE = os.environ.get("WATCHFLOOR_PICTURES")
WIDE = {"width": 1280, "height": 800}


def keep(page: Page, name: str) -> None:
    if PLACE:
        page.screenshot(path=str(Path(PLACE) / f"{name}.png"))


def test_each_page_in_light_and_dark_and_large(
    browser: Browser, dashboard: None, page_settings: Settings
) -> None:
    site = SimulatedSite("night", 3)
    document_of(page_settings, site)
    with serving(page_settings) as stack, Workers(stack, lambda now: probes_of(site, now)):
        wait_until(lambda: is_ready(stack), "the façade is ready", 60)
        alerts = Night(stack, site).tell()
        door = browser.new_context()
        enter(door, stack)
        cookies = door.cookies()
        paths = {
            "queue": "/",
            "alert": f"/alerts/{max(alerts, key=lambda one: one.rank).alert_id}",
            "settings": "/settings",
        }
        for scheme in ("dark", "light"):
            for name, path in paths.items():
                context = browser.new_context(
                    viewport=WIDE,  # type: ignore[arg-type]
                    color_scheme=scheme,
                    locale="en-GB",
                )
                context.add_cookies(cookies)  # type: ignore[arg-type]
                page = context.new_page()
                page.goto(stack.url + path)
                expect(page.locator("#connection")).to_have_text("Live", timeout=PATIENCE_MS)
                expect(page.locator("#banner")).to_be_empty(timeout=PATIENCE_MS)
                if name == "queue":
                    expect(page.locator("[data-alert]").first).to_be_visible(timeout=PATIENCE_MS)
                    page.keyboard.press("j")
                if name != "settings":
                    expect(page.locator("img").last).to_be_visible(timeout=PATIENCE_MS)
                    large = page.locator(".picture svg .zone").first
                    expect(large).to_be_attached(timeout=PATIENCE_MS)
                assert page.evaluate("document.documentElement.dataset.theme") == scheme
                assert serious(page) == []
                assert fits(page), name
                keep(page, f"{name}-{scheme}")
                page.set_viewport_size(TWICE)  # type: ignore[arg-type]
                stands_at_200(page)
                keep(page, f"{name}-{scheme}-200")
                context.close()
