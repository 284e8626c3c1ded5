"""The live page in a real browser, from a quiet start to a server that is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from agents.runtime.follower import Follower
from infra.blob.open import open_store
from infra.settings import Settings
from schemas.alert import AlertState, RankPart
from schemas.base import Severity
from schemas.device import CameraState
from schemas.ids import snapshot_id
from tests.integration.api.support import (
    Stack,
    alert_record,
    is_ready,
    make_ready,
    probe_record,
    run_in_thread,
    serving,
    tick_records,
    wait_until,
)
from topics.catalogue import (
    ACTIVITY,
    ASSIGNMENTS,
    EVENTS,
    FRAMES,
    NOTIFY_REQUESTS,
)

pytestmark = [pytest.mark.browser, pytest.mark.kafka, pytest.mark.postgres]

PATIENCE_MS = 30_000

GROUPS = {
    "watchfloor-capture": ASSIGNMENTS,
    "watchfloor-detect": FRAMES,
    "watchfloor-decide": EVENTS,
    "watchfloor-act": NOTIFY_REQUESTS,
    "watchfloor-archive": ACTIVITY,
}


@pytest.fixture
def page_settings(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("page-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="page-test",
    )
    make_ready(settings)
    return settings


class Workers:
    """Members of every role's group, decide's ticks and capture's words, until stopped."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: run_in_thread(self._run), daemon=True)

    def __enter__(self) -> Workers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """They leave, as workers that end do."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        followers = [
            Follower(self._stack.settings, [topic], group=group) for group, topic in GROUPS.items()
        ]
        for follower in followers:
            await follower.__aenter__()
        try:
            while not self._stop.is_set():
                for follower in followers:
                    async for _ in follower.chunks(timeout=0.1):
                        break
                now = datetime.now(UTC)
                self._stack.produce(*tick_records(now), probe_record(CameraState.CONNECTED, now))
        finally:
            for follower in followers:
                await follower.__aexit__(None, None, None)


def picture(stack: Stack, event_id: str) -> None:
    """A small picture of that event, in the store and in the database."""
    image = np.full((90, 160, 3), 80, np.uint8)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    open_store(stack.settings).put(f"snapshots/{event_id}.jpg", jpeg)
    stack.archive(
        "snapshots",
        [
            {
                "event_id": event_id,
                "site_id": "north",
                "position": 0,
                "snapshot_id": snapshot_id("north", event_id, 0),
                "camera_id": "gate",
                "captured_at": datetime.now(UTC).isoformat(),
                "width": 160,
                "height": 90,
                "content_type": "image/jpeg",
                "bytes": len(jpeg),
                "blob_key": f"snapshots/{event_id}.jpg",
            }
        ],
    )


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that has to load without a single error."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    found = context.new_page()
    yield found
    context.close()


def test_from_a_quiet_night_to_a_server_that_is_gone(page: Page, page_settings: Settings) -> None:
    errors: list[str] = []
    asked: set[str] = set()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.add(request.url.split("/")[2]))
    banner = page.locator("#banner")
    rows = page.locator(".alert")
    with serving(page_settings) as stack:
        wait_until(lambda: is_ready(stack), "the façade is ready")

        # Nobody works yet: an empty list says why it is no quiet night.
        page.goto(stack.door())
        expect(banner).to_contain_text("No worker of decide is running", timeout=PATIENCE_MS)
        expect(page.locator("#empty")).to_contain_text("does not see everything")

        with Workers(stack) as workers:
            expect(banner).to_be_hidden(timeout=PATIENCE_MS)
            expect(page.locator("#empty")).to_contain_text("No open alerts")
            expect(page.locator("#cameras")).to_contain_text("connected")

            # Alerts come in any order and are shown by rank.
            picture(stack, "shot")
            stack.produce(
                alert_record("low", rank=12, severity=Severity.LOW, snapshot=None),
                alert_record(
                    "high",
                    rank=72,
                    snapshot="shot",
                    event_ids=("shot",),
                    camera_name="<b>gate</b>",
                    reasons=(
                        RankPart(name="severity", points=60, reason="the zone is high"),
                        RankPart(name="repeats", points=12, reason="it came back"),
                    ),
                ),
            )
            expect(rows).to_have_count(2, timeout=PATIENCE_MS)
            expect(rows.nth(0).locator(".rank b")).to_have_text("72")
            expect(rows.nth(0).locator(".severity")).to_have_text("high")
            # What comes from outside is text, whatever it looks like.
            expect(rows.nth(0).locator(".place")).to_contain_text("<b>gate</b>")
            expect(rows.nth(0).locator("img").first).to_be_visible(timeout=PATIENCE_MS)
            expect(rows.nth(0).locator("rect").first).to_have_attribute("x", "0.41")

            # By keyboard: the reasons add up to the rank.
            rows.nth(0).locator("button").focus()
            page.keyboard.press("Enter")
            parts = rows.nth(0).locator(".reasons tbody td:first-child").all_inner_texts()
            assert sum(map(int, parts)) == 72
            expect(rows.nth(0).locator("button")).to_have_attribute("aria-expanded", "true")

            # A change moves a row and keeps the focus where it was.
            stack.produce(alert_record("low", rank=99, severity=Severity.CRITICAL, revision=9))
            expect(rows.nth(0).locator(".rank b")).to_have_text("99", timeout=PATIENCE_MS)
            assert page.evaluate("document.activeElement.className") == "row"
            expect(rows.nth(1).locator("button")).to_be_focused()
            stack.produce(alert_record("low", state=AlertState.RESOLVED, revision=10))
            expect(rows).to_have_count(1, timeout=PATIENCE_MS)

            workers.stop()
        expect(banner).to_contain_text("No worker of detect is running", timeout=PATIENCE_MS)
        assert errors == []

    # The server is gone: what is shown is old, and the page says so.
    expect(banner).to_contain_text("Not connected to the server", timeout=PATIENCE_MS)
    expect(page.locator("#connection-text")).to_have_text("Disconnected")
    expect(rows).to_have_count(1)
    assert asked == {stack.url.removeprefix("http://")}
    assert errors == []
