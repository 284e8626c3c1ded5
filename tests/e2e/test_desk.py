"""Two analysts at their desks, with the real decide role behind them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from infra.local_token import bearer
from infra.sandbox import Sandbox, publish, sandbox
from infra.settings import Settings
from schemas.document import Channel, Receiver, Route, Routing
from tests.e2e.support import PATIENCE_MS, enter, serious
from tests.integration.api.support import PROCEDURE, Stack, document, wait_until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.timeout(420),
]


@pytest.fixture(scope="module")
def box(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    """A namespace with a decide role and a façade."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
    )
    routing = Routing(
        route=Route(receiver="desk", group_wait=timedelta(minutes=5)),
        receivers=(Receiver(name="desk", channels=(Channel(kind="log"),)),),
    )
    with sandbox(settings, "desk", roles=("decide",), api=True, ready_s=240) as found:
        publish(found.settings, replace(document(), routing=routing))
        yield found


@pytest.fixture
def desks(browser: Browser, dashboard: None, box: Sandbox) -> Iterator[tuple[Page, Page]]:
    """Two windows that share nothing."""
    contexts = [
        browser.new_context(viewport={"width": 1280, "height": 860}, locale="en-GB")
        for _ in range(2)
    ]
    for context in contexts:
        enter(context, Stack(box.settings, box.url))
    pages = [context.new_page() for context in contexts]
    for page in pages:
        page.goto(box.url)
        expect(page.locator("#connection")).to_have_text("Live", timeout=PATIENCE_MS)
    yield pages[0], pages[1]
    for context in contexts:
        context.close()


def opened(box: Sandbox, word: str) -> str:
    """An alert about an event of that type; asked again while the configuration is on its way."""
    body: dict[str, Any] = {
        "event_type": word,
        "camera_id": "gate",
        "zone_id": "dock",
        "label": "person",
        "timestamp_utc": datetime.now(UTC).isoformat(),
    }

    def answer() -> str | None:
        with httpx.Client(
            base_url=box.url, timeout=40, trust_env=False, headers=bearer(box.settings)
        ) as client:
            found = client.post("/v1/events/cv", json=body)
        alert = found.json().get("alert_id") if found.status_code == 200 else None
        return str(alert) if alert else None

    found: str = wait_until(answer, "the event is decided", 120)
    return found


def row(page: Page, alert: str) -> Any:
    return page.locator(f'[data-alert="{alert}"]')


def find(page: Page, alert: str, word: str) -> None:
    """Search for it, and pick it, by keyboard."""
    page.keyboard.press("/")
    page.keyboard.type(word)
    expect(page.locator("[data-alert]")).to_have_count(1, timeout=PATIENCE_MS)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(row(page, alert)).to_have_attribute("aria-selected", "true")


def test_an_alert_is_worked_by_keyboard_and_the_other_desk_sees_it(
    desks: tuple[Page, Page], box: Sandbox
) -> None:
    one, other = desks
    word = uuid.uuid4().hex[:12]
    alert = opened(box, word)
    for page in desks:
        find(page, alert, word)

    # What is undone in time was never sent.
    one.keyboard.press("a")
    expect(one.locator(".toast")).to_contain_text("Acknowledging")
    one.keyboard.press("u")
    expect(one.locator(".toasts")).to_contain_text("Taken back")
    expect(row(one, alert)).to_have_attribute("data-state", "open")

    one.keyboard.press("a")
    for page in desks:
        expect(row(page, alert)).to_have_attribute(
            "data-state", "acknowledged", timeout=PATIENCE_MS
        )
    expect(row(other, alert)).to_contain_text("ack by")

    # Too late: the other one is told who was first.
    other.keyboard.press("a")
    expect(other.locator(".toasts")).to_contain_text("already acknowledged by", timeout=PATIENCE_MS)

    one.keyboard.press("s")
    expect(one.get_by_role("dialog")).to_contain_text("Snooze this alert")
    assert serious(one) == []
    one.keyboard.press("1")
    # It is out of sight until its time is over, at both desks.
    for page in desks:
        expect(row(page, alert)).to_have_count(0, timeout=PATIENCE_MS)
        page.get_by_role("button", name="with snoozed").click()
        expect(row(page, alert)).to_contain_text("snoozed")

    # Resolving asks for a reason.
    other.keyboard.press("j")
    other.keyboard.press("r")
    expect(other.get_by_role("dialog")).to_contain_text("Resolve this alert")
    other.keyboard.press("2")
    for page in desks:
        expect(row(page, alert)).to_have_count(0, timeout=PATIENCE_MS)


def test_two_who_acknowledge_at_once_are_told_who_was_first(
    desks: tuple[Page, Page], box: Sandbox
) -> None:
    word = uuid.uuid4().hex[:12]
    alert = opened(box, word)
    for page in desks:
        find(page, alert, word)
    for page in desks:
        page.keyboard.press("a")
    for page in desks:
        expect(row(page, alert)).to_have_attribute(
            "data-state", "acknowledged", timeout=PATIENCE_MS
        )
    # One of them, and only one, is told that it was too late.
    refused = desks[0].locator(".toast", has_text="already acknowledged")
    other = desks[1].locator(".toast", has_text="already acknowledged")
    wait_until(lambda: refused.count() + other.count() == 1, "one is refused")


def test_alerts_are_merged_under_one_that_leads(desks: tuple[Page, Page], box: Sandbox) -> None:
    page, other = desks
    common = uuid.uuid4().hex[:6]
    alerts = [opened(box, f"{common}{number}") for number in range(3)]
    for desk in desks:
        desk.keyboard.press("/")
        desk.keyboard.type(common)
        expect(desk.locator("[data-alert]")).to_have_count(3, timeout=PATIENCE_MS)
        desk.keyboard.press("Escape")
    for key in "jxjx":
        page.keyboard.press(key)
    # The picked one leads; the other marked one goes under it.
    leader = page.locator('[aria-selected="true"]').get_attribute("data-alert")
    assert leader in alerts
    page.keyboard.press("m")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".listed li")).to_have_count(1)
    dialog.get_by_role("button", name="Merge one alert").click()
    for desk in desks:
        expect(desk.locator("[data-alert]")).to_have_count(2, timeout=PATIENCE_MS)
        expect(row(desk, leader)).to_contain_text("leads one other")
    expect(other.locator(".toast")).to_have_count(0)


def test_the_page_of_an_alert(desks: tuple[Page, Page], box: Sandbox) -> None:
    page, _ = desks
    word = uuid.uuid4().hex[:12]
    alert = opened(box, word)
    find(page, alert, word)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{box.url}/alerts/{alert}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(word)
    expect(page.locator(".reasons tfoot")).to_contain_text("rank")
    assert serious(page) == []
    page.keyboard.press("a")
    expect(page.locator(".page-head")).to_contain_text("acknowledged", timeout=PATIENCE_MS)
    # Opened by its address, it is the same page.
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text(word, timeout=PATIENCE_MS)
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{box.url}/")
    page.goto(f"{box.url}/settings")
    expect(page.get_by_role("heading", name="This browser")).to_be_visible()
    assert serious(page) == []
    page.goto(f"{box.url}/alerts/nothing")
    expect(page.locator(".state")).to_contain_text("no such alert", timeout=PATIENCE_MS)


def test_what_one_has_done_of_the_procedure_the_other_sees(
    desks: tuple[Page, Page], box: Sandbox
) -> None:
    alert = opened(box, uuid.uuid4().hex[:12])
    for page in desks:
        page.goto(f"{box.url}/alerts/{alert}")
    one, other = (page.get_by_role("region", name="Procedure") for page in desks)
    for panel in (one, other):
        expect(panel.get_by_role("group", name="dock")).to_be_visible(timeout=PATIENCE_MS)
        expect(panel.get_by_role("status")).to_have_text("0 of 2 done.")
    # What a document says is text, whatever it looks like.
    first, second = (one.get_by_role("checkbox", name=text) for text in PROCEDURE)
    beside = other.get_by_role("checkbox", name=PROCEDURE[1])
    first.focus()
    desks[0].keyboard.press("Tab")
    expect(second).to_be_focused()
    desks[0].keyboard.press("Space")
    for panel in (one, other):
        box_of = panel.get_by_role("checkbox", name=PROCEDURE[1])
        expect(box_of).to_be_checked(timeout=PATIENCE_MS)
        expect(panel.get_by_role("status")).to_contain_text("1 of 2 done.")
        expect(panel.get_by_role("status")).to_contain_text(PROCEDURE[1], timeout=PATIENCE_MS)
        expect(panel.get_by_role("listitem").nth(1).locator("time")).to_be_visible()
    expect(second).to_be_focused()
    assert serious(desks[1]) == []
    # The other one takes it back, and does the first.
    beside.uncheck()
    expect(second).not_to_be_checked(timeout=PATIENCE_MS)
    other.get_by_role("checkbox", name=PROCEDURE[0]).check()
    expect(first).to_be_checked(timeout=PATIENCE_MS)
    # Read again, it is as it was.
    desks[0].reload()
    expect(first).to_be_checked(timeout=PATIENCE_MS)
    expect(one.get_by_role("status")).to_contain_text("1 of 2 done.")
    # At an alert that is over nothing is ticked any more.
    desks[1].keyboard.press("r")
    desks[1].get_by_role("dialog").get_by_role("button", name="Benign").click()
    for page in desks:
        expect(page.locator(".page-head")).to_contain_text("Benign", timeout=PATIENCE_MS)
    for panel in (one, other):
        expect(panel.get_by_role("checkbox").first).to_be_disabled()
