"""A real browser; it is not installed here, only found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from api.dashboard.serve import DIST
from infra.bench.page import chromium
from infra.dashboard import build
from infra.settings import Settings, load
from tests.integration.api.support import make_ready

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Chromium from the PATH; without one the test is skipped.

    Playwright holds a loop in this thread while it runs, so it ends with its test: tests that
    bring loops of their own come after it.
    """
    found = chromium()
    if found is None:
        pytest.skip("no Chromium on the PATH (Debian: apt-get install chromium)")
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def dashboard() -> None:
    """The dashboard as its sources are; without Node and registries the test is skipped."""
    unbuilt = build(load().cache_dir, lambda _: None)
    if unbuilt is not None:
        pytest.skip(unbuilt)
    assert (DIST / "index.html").exists()


@pytest.fixture
def page(browser: Browser, dashboard: None) -> Iterator[Page]:
    """A page of an analyst's window."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, locale="en-GB")
    found = context.new_page()
    yield found
    context.close()


@pytest.fixture
def page_settings(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A namespace of its own, made ready."""
    folder = tmp_path_factory.mktemp("page-state")
    settings = Settings(
        state_dir=folder,
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace=folder.name,
    )
    make_ready(settings)
    return settings
