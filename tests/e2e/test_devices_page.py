"""The page of devices in a real browser: what is down comes first, and old words are called old."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from infra.db.documents import publish
from infra.db.migrate import prepare
from infra.db.outbox import drain_outbox
from infra.settings import Settings
from schemas.device import Breaker, DeviceHealth, DeviceSeverity, Probe, ProbeKind
from schemas.document import Camera, Device, Document, Site
from tests.integration.api.support import (
    Stack,
    is_ready,
    run_in_thread,
    serving,
    wait_until,
)
from topics.admin import ensure

pytestmark = [pytest.mark.browser, pytest.mark.kafka, pytest.mark.postgres]

PATIENCE_MS = 30_000
NORMAL, SUSPECT, CRITICAL = DeviceSeverity
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

DOCUMENT = Document(
    sites=(
        Site(
            site_id="north",
            timezone="Europe/Berlin",
            devices=(
                Device(device_id="door", kind="service", driver="healthz", address="10.0.0.9"),
                Device(device_id="nvr-1", kind="nvr", name="<b>Recorder</b>", driver="isapi"),
                Device(device_id="nvr-2", kind="nvr", driver="isapi"),
            ),
            cameras=(Camera(camera_id="gate", name="Main gate", nvr_id="nvr-1"),),
        ),
        Site(site_id="south", devices=(Device(device_id="nvr-1", kind="nvr", driver="onvif"),)),
    )
)


def health(
    device: str, severity: DeviceSeverity, since: datetime, at: datetime, **fields: Any
) -> DeviceHealth:
    down = severity is CRITICAL
    return DeviceHealth(
        **{
            "site_id": "north",
            "device_id": device,
            "severity": severity,
            "breaker": Breaker.OPEN if down else Breaker.CLOSED,
            "consecutive_failures": 7 if down else 0,
            "load_shed": down,
            "at": at,
            "since": since,
            "next_poll_at": at + 4 * MINUTE,
            **fields,
        }
    )


def told(now: datetime) -> list[DeviceHealth]:
    """A recorder that is down since half an hour and was once before, and others."""
    past = [
        ("nvr-1", NORMAL, 20 * DAY, None),
        ("nvr-1", SUSPECT, 3 * DAY + 4 * MINUTE, "timeout"),
        ("nvr-1", CRITICAL, 3 * DAY, "timeout"),
        ("nvr-1", SUSPECT, 3 * DAY - 2 * HOUR, None),
        ("nvr-1", NORMAL, 3 * DAY - 2 * HOUR - MINUTE, None),
        ("nvr-1", SUSPECT, 34 * MINUTE, "refused"),
        ("nvr-1", CRITICAL, 30 * MINUTE, "refused: nobody listens there"),
        ("door", NORMAL, 12 * DAY, None),
        ("nvr-2", SUSPECT, 2 * MINUTE, "timeout: no answer within 10 s"),
    ]
    return [
        health(device, severity, now - ago, now - ago, error=error)
        for device, severity, ago, error in past
    ] + [
        health("nvr-1", CRITICAL, now - 30 * MINUTE, now, error="refused: nobody listens there"),
        health("door", NORMAL, now - 12 * DAY, now),
        health("nvr-1", NORMAL, now - 12 * DAY, now, site_id="south"),
    ]


def probe(now: datetime) -> Probe:
    """What the recorder's newest poll said."""
    return Probe(
        site_id="north",
        device_id="nvr-1",
        kind=ProbeKind.ISAPI,
        at=now,
        ok=False,
        error="refused",
        facts={"model": "DS-7616"},
    )


@pytest.fixture
def devices_settings(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("devices-page-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace=f"devices-{uuid.uuid4().hex[:8]}",
    )
    ensure(settings)
    prepare(settings)
    publish(settings, DOCUMENT, "test")
    run_in_thread(lambda: drain_outbox(settings))
    return settings


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    found = context.new_page()
    yield found
    context.close()


def archive(stack: Stack, *rows: DeviceHealth) -> None:
    stack.archive("device_health", rows)


def tells_of_its_outages(more: Locator) -> None:
    """What is told of the recorder when it is opened."""
    expect(more.locator(".days li")).to_have_count(30, timeout=PATIENCE_MS)
    expect(more).to_contain_text("mean time to detect4 min")
    expect(more).to_contain_text("mean time to repair2 h 1 min")
    expect(more).to_contain_text("2, 1 ended")
    expect(more.locator(".changes li").first).to_contain_text("critical, since")
    expect(more).to_contain_text("DS-7616")
    expect(more).to_contain_text("behind it1 device")


def test_what_is_down_comes_first_and_what_is_old_is_called_old(
    page: Page, devices_settings: Settings
) -> None:
    errors: list[str] = []
    asked: set[str] = set()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.add(request.url.split("/")[2]))
    banner = page.locator("#banner")
    north = page.get_by_role("region", name="north")
    names = north.locator(".name")
    with serving(devices_settings) as stack:
        wait_until(lambda: is_ready(stack), "the façade is ready")
        now = datetime.now(UTC)
        archive(stack, *told(now))
        stack.archive("device_states", [probe(now)])

        # From the page of alerts, by its link.
        page.goto(stack.door())
        page.get_by_role("link", name="Devices").click()
        expect(banner).to_be_hidden(timeout=PATIENCE_MS)
        expect(page.locator("#summary")).to_have_text("1 critical, 1 suspect, 1 unknown, 2 normal")
        # The worst first; and what comes from outside is text, whatever it looks like.
        expect(names).to_have_text(["<b>Recorder</b>", "nvr-2", "Main gate", "door"])
        first = north.locator(".device").nth(0)
        expect(first.locator(".health")).to_have_text("critical · breaker open")
        expect(first.locator(".error")).to_have_text("refused: nobody listens there")
        expect(first.locator("td").nth(1)).to_contain_text(re.compile(r"3\d min ago"))
        door = north.locator(".device").nth(3)
        expect(door.locator(".figure")).to_have_text("100 %")
        expect(north.locator(".device").nth(2).locator("td").nth(3)).to_have_text("not polled")

        # By keyboard: its days, how fast it was found, and what it said of itself.
        first.get_by_role("button").focus()
        page.keyboard.press("Enter")
        expect(first.get_by_role("button")).to_have_attribute("aria-expanded", "true")
        tells_of_its_outages(first.locator(".more"))

        # One that becomes well moves, and the focus stays where it was.
        archive(stack, health("nvr-1", SUSPECT, now + MINUTE, now + MINUTE))
        archive(stack, health("nvr-2", CRITICAL, now + MINUTE, now + MINUTE))
        expect(names).to_have_text(
            ["nvr-2", "<b>Recorder</b>", "Main gate", "door"], timeout=PATIENCE_MS
        )
        expect(north.locator(".device").nth(1).get_by_role("button")).to_be_focused()

        # Only what needs somebody; then one site's.
        page.get_by_label("Only what is not normal").check()
        expect(page.locator(".device")).to_have_count(3)
        page.get_by_label("Site").select_option("south")
        expect(page.locator("#empty")).to_have_text("Every device is normal.", timeout=PATIENCE_MS)
        assert page.url.endswith("/devices?site=south")
        page.get_by_label("Only what is not normal").uncheck()
        expect(page.locator(".device")).to_have_count(1)
        expect(banner).to_be_hidden()
        assert errors == []

    # The server is gone: what is shown is old, and the page says so.
    expect(banner).to_contain_text("No answer from the server", timeout=PATIENCE_MS)
    expect(page.locator("#connection-text")).to_have_text("Disconnected")
    expect(page.locator(".device")).to_have_count(1)
    assert asked == {stack.url.removeprefix("http://")}
    assert errors == []


def test_a_device_that_nobody_polls_is_not_shown_as_well(
    page: Page, devices_settings: Settings
) -> None:
    with serving(devices_settings) as stack:
        wait_until(lambda: is_ready(stack), "the façade is ready")
        now = datetime.now(UTC)
        archive(stack, health("door", NORMAL, now - DAY, now - 2 * HOUR))
        page.goto(stack.door())
        page.goto(f"{stack.url}/devices?site=north")
        banner = page.locator("#banner")
        expect(banner).to_contain_text("1 device was not polled when due", timeout=PATIENCE_MS)
        page.get_by_label("Only what is not normal").check()
        door = page.locator(".device").filter(has_text="door")
        expect(door).to_contain_text("this is old")
