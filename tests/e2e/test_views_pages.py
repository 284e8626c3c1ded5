"""Wall, timeline, map, devices and shift report in a real browser."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from agents.capture.encode import Captured, frame_record, jpeg
from agents.capture.simulator import SITE_ID, SimulatedSite
from infra.blob.open import open_store
from infra.db.documents import publish
from infra.db.migrate import prepare
from infra.db.outbox import drain_outbox
from infra.settings import Settings
from schemas.alert import Alert, AlertState
from schemas.base import Severity
from schemas.device import Assignment, Breaker, CameraState, DeviceHealth, DeviceSeverity
from schemas.document import Camera, Device, Document, OnPlan, Plan, Position, Site
from schemas.event import EventSource, SecurityEvent
from tests.e2e.support import enter, serious, stands_at_200
from tests.integration.api.support import (
    Stack,
    is_ready,
    probe_record,
    run_in_thread,
    serving,
    wait_until,
)
from topics.admin import ensure
from topics.catalogue import ALERTS
from topics.record import make

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kafka,
    pytest.mark.postgres,
]

PATIENCE_MS = 30_000
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NORMAL, SUSPECT, CRITICAL = DeviceSeverity
SIMULATED = SimulatedSite("day", 1)
CAMERAS = SIMULATED.cameras[:4]
SHOTS = os.environ.get("WATCHFLOOR_SCREENSHOTS")
"""A folder: then each page is kept there, dark and light."""

DOCUMENT = Document(
    sites=(
        Site(
            site_id=SITE_ID,
            timezone="Europe/Berlin",
            plans=(Plan(plan_id="ground", name="Ground floor", width_m=60),),
            devices=(
                Device(device_id="door", kind="service", driver="healthz", address="10.0.0.9"),
                Device(
                    device_id="nvr-1",
                    kind="nvr",
                    name="<b>Recorder</b>",
                    driver="isapi",
                    floor_plan=OnPlan(plan="ground", x=0.5, y=0.5),
                ),
                Device(device_id="nvr-2", kind="nvr", driver="isapi"),
            ),
            cameras=tuple(
                Camera(
                    camera_id=camera,
                    name=SIMULATED.camera_name(camera),
                    nvr_id="nvr-1",
                    stream="sim:day",
                    position=Position(lat=52.5163 + number * 3e-4, lon=13.3777 + number * 4e-4),
                    floor_plan=OnPlan(plan="ground", x=0.2 + 0.2 * number, y=0.3 + 0.1 * number),
                    heading_deg=90.0 * number,
                    fov_deg=80,
                    range_m=14,
                )
                for number, camera in enumerate(CAMERAS)
            ),
        ),
    )
)


@pytest.fixture(scope="module")
def stack(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A façade with an afternoon of history, cameras with pictures, and a plan."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("views-pages-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace=f"views-{uuid.uuid4().hex[:8]}",
    )
    ensure(settings)
    prepare(settings)
    publish(settings, DOCUMENT, "test")
    run_in_thread(lambda: drain_outbox(settings))
    with serving(settings) as found:
        wait_until(lambda: is_ready(found), "the façade is ready", 120)
        fill(found)
        yield found


@pytest.fixture
def page(browser: Browser, dashboard: None) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1360, "height": 860},
        service_workers="block",
        locale="en-GB",
        timezone_id="UTC",
        color_scheme="dark",
    )
    expect.set_options(timeout=PATIENCE_MS)
    found = context.new_page()
    found.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    asked: set[str] = set()
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("request", lambda request: asked.add(request.url.split("/")[2]))
    yield found
    context.close()
    assert errors == []
    # Nothing comes from anywhere else.
    assert len(asked) <= 1


def picture(camera: str, second: float) -> bytes:
    return jpeg(np.asarray(SIMULATED.render(camera, timedelta(seconds=second))))


def frames(second: float) -> list[Any]:
    """A frame of each camera but the last, captured now."""
    now = datetime.now(UTC)
    return [
        frame_record(
            Assignment(site_id=SITE_ID, device_id=camera, kind="camera"),
            Captured(
                seq=int(second),
                captured_at=now,
                jpeg=picture(camera, second),
                width=640,
                height=360,
                source_width=640,
                source_height=360,
                send=True,
            ),
            live=True,
        )
        for camera in CAMERAS[:-1]
    ]


def alert(number: int, opened: datetime, **fields: Any) -> Alert:
    return Alert(
        **{
            "alert_id": f"a-{number:03}",
            "site_id": SITE_ID,
            "state": AlertState.OPEN,
            "severity": (Severity.HIGH, Severity.MEDIUM, Severity.LOW)[number % 3],
            "event_type": ("intrusion", "loitering")[number % 2],
            "rank": 40 + number,
            "reasons": (),
            "opened_at": opened,
            "updated_at": opened,
            "first_event": opened,
            "last_event": opened,
            "events": 1,
            "repeats": number % 5,
            "revision": 1,
            "camera_id": CAMERAS[number % 3],
            "camera_name": SIMULATED.camera_name(CAMERAS[number % 3]),
            "zone_id": "yard",
            "snapshot": f"e-{number:03}",
            **fields,
        }
    )


REASONS = ("true_positive", "true_positive", "false_positive", "benign")


def resolved(number: int, opened: datetime) -> Alert:
    return replace(
        alert(number, opened),
        state=AlertState.RESOLVED,
        acknowledged_at=opened + timedelta(seconds=20 + 3 * number),
        acknowledged_by="ana",
        resolved_at=opened + MINUTE * (4 + number % 7),
        resolved_by="ana",
        resolution=REASONS[number % 4],
        revision=3,
    )


def event_row(number: int, at: datetime) -> dict[str, Any]:
    made = SecurityEvent(
        event_id=f"e-{number:03}",
        site_id=SITE_ID,
        camera_id=CAMERAS[number % 3],
        zone_id="yard",
        event_type=("intrusion", "loitering")[number % 2],
        occurred_at=at,
        source=EventSource.DETECTOR,
        label="person",
    )
    row = {name: getattr(made, name) for name in made.__struct_fields__}
    return {**row, "recorded_at": at}


def snapshot_row(number: int, at: datetime, key: str) -> dict[str, Any]:
    return {
        "site_id": SITE_ID,
        "event_id": f"e-{number:03}",
        "position": 0,
        "snapshot_id": f"s-{number:03}",
        "camera_id": CAMERAS[number % 3],
        "captured_at": at.isoformat(),
        "width": 640,
        "height": 360,
        "content_type": "image/jpeg",
        "bytes": 1,
        "blob_key": key,
    }


def health(
    device: str, severity: DeviceSeverity, since: datetime, at: datetime, error: str | None = None
) -> DeviceHealth:
    down = severity is CRITICAL
    return DeviceHealth(
        site_id=SITE_ID,
        device_id=device,
        severity=severity,
        breaker=Breaker.OPEN if down else Breaker.CLOSED,
        consecutive_failures=7 if down else 0,
        load_shed=False,
        at=at,
        since=since,
        next_poll_at=at + 4 * MINUTE,
        error=error,
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
        health(device, severity, now - ago, now - ago, error)
        for device, severity, ago, error in past
    ] + [
        health("nvr-1", CRITICAL, now - 30 * MINUTE, now, "refused: nobody listens there"),
        health("door", NORMAL, now - 12 * DAY, now),
    ]


def plan_picture() -> bytes:
    """Walls of a hall."""
    image = np.full((600, 900, 3), 250, np.uint8)
    for a, b in (((30, 30), (870, 570)), ((30, 30), (330, 570)), ((600, 30), (870, 250))):
        cv2.rectangle(image, a, b, (90, 90, 90), 6)
    done, data = cv2.imencode(".png", image)
    assert done
    return data.tobytes()


def publish_alerts(stack: Stack, alerts: list[Alert]) -> None:
    """As decide writes them."""
    stack.produce(
        *(
            make(
                ALERTS,
                one,
                id=f"{one.alert_id}-{one.revision}",
                time=one.updated_at,
                source="test",
                key=one.alert_id,
            )
            for one in alerts
        )
    )


def fill(stack: Stack) -> None:
    now = datetime.now(UTC)
    past = [resolved(n, now - MINUTE * (20 + 9 * n)) for n in range(24)]
    stay = [alert(n, now - MINUTE * (110 - n)) for n in (100, 101)]
    stack.archive("alerts", [*past, *stay])
    publish_alerts(stack, stay)
    blobs = open_store(stack.settings)
    rows = []
    for one in (*past, *stay):
        number = int(one.alert_id.removeprefix("a-"))
        key = f"snapshots/{SITE_ID}/{number}.jpg"
        blobs.put(key, picture(CAMERAS[number % 3], 20 + number), "image/jpeg")
        rows.append((event_row(number, one.opened_at), snapshot_row(number, one.opened_at, key)))
    stack.archive("events", [row for row, _ in rows])
    stack.archive("snapshots", [row for _, row in rows])
    stack.archive("device_health", told(now))
    with stack.client() as client:
        path = f"/v1/sites/{SITE_ID}/plans/ground/image"
        kind = {"Content-Type": "image/png"}
        assert client.put(path, content=plan_picture(), headers=kind).status_code == 200
    stack.produce(
        *(
            probe_record(
                CameraState.LOST if camera == CAMERAS[-1] else CameraState.CONNECTED,
                now,
                camera=camera,
                site=SITE_ID,
            )
            for camera in CAMERAS
        ),
        *frames(20),
    )


def keep(page: Page, name: str) -> None:
    """A screenshot, dark and light, where somebody wants them."""
    if SHOTS is None:
        return
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=Path(SHOTS) / f"{name}-{theme}.png")
    page.emulate_media(color_scheme="dark")


def test_the_wall(stack: Stack, page: Page) -> None:
    enter(page.context, stack)
    page.goto(f"{stack.url}/wall")
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(len(CAMERAS))
    expect(page.get_by_role("status").filter(has_text="4 cameras")).to_contain_text("2 with")
    # Those with alerts come first, with the worst one's ring; it leads to that alert.
    expect(tiles.first).to_have_attribute("data-ringed", "")
    expect(tiles.first.locator(".ring")).to_have_attribute("href", "/alerts/a-100")
    expect(tiles.first.locator("[data-state=there]")).to_be_visible()
    lost = tiles.filter(has_text="no frames")
    expect(lost).to_have_count(1)
    expect(lost.locator("[data-state=none]")).to_be_visible()

    # A new picture is another one, and no older than a moment.
    drawn = "canvas => canvas.toDataURL().length + canvas.toDataURL().slice(-400)"
    canvas = tiles.first.locator("canvas")
    before = canvas.evaluate(drawn)
    stack.produce(*frames(47))
    page.wait_for_function(
        f"before => ({drawn})(document.querySelector('.tile canvas')) !== before", arg=before
    )
    expect(tiles.first.locator(".age")).to_have_attribute("data-fresh", "fresh")
    page.get_by_role("button", name="Large").click()
    expect(page.locator(".wall")).to_have_attribute("data-density", "large")
    page.get_by_role("button", name="Medium").click()
    assert serious(page) == []
    stands_at_200(page)
    keep(page, "wall")


def test_the_timeline_by_keyboard(stack: Stack, page: Page) -> None:
    enter(page.context, stack)
    page.goto(f"{stack.url}/timeline")
    figure = page.locator("figure.timeline")
    expect(figure.locator("figcaption")).to_contain_text("26 events, 26 alerts")
    expect(page.locator(".bar[data-condition=critical]").first).to_be_attached()
    # Through what happened by keys: its picture, and the way to its alert.
    page.keyboard.press("n")
    expect(page.locator("tr[data-picked]")).to_have_count(1)
    page.keyboard.press("p")
    page.keyboard.press("p")
    detail = page.get_by_role("complementary", name="What is picked")
    expect(detail.locator("h2")).not_to_be_empty()
    listed = page.get_by_role("region", name="What happened")
    row = listed.get_by_role("row").filter(has_text="intrusion").first
    row.get_by_role("button").click()
    expect(detail.locator("img")).to_be_visible()
    # Closer, and back again; time passes by the arrows.
    caption = figure.locator("figcaption")
    whole = caption.inner_text()
    page.keyboard.press("+")
    expect(caption).not_to_have_text(whole)
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="Now")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Now")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="6 h").click()
    page.get_by_role("combobox", name="Camera").select_option(CAMERAS[0])
    expect(page.locator(".lane")).to_have_count(1)
    page.get_by_role("combobox", name="Camera").select_option("")
    expect(page.locator(".lane")).not_to_have_count(1)
    assert serious(page) == []
    stands_at_200(page)
    keep(page, "timeline")


def test_the_map(stack: Stack, page: Page) -> None:
    enter(page.context, stack)
    page.goto(f"{stack.url}/map")
    expect(page.locator(".place-mark")).to_have_count(len(CAMERAS))
    expect(page.locator(".wedge")).to_have_count(len(CAMERAS))
    page.get_by_role("button", name="Ground floor").click()
    expect(page.locator(".place-mark")).to_have_count(len(CAMERAS) + 1)
    page.wait_for_function(
        "() => document.querySelector('img.leaflet-image-layer')?.naturalWidth === 900"
    )
    expect(page.locator(".place-mark[data-severity]")).to_have_count(2)
    # A mark is a button that says how its camera is; the table has the same.
    mark = page.get_by_role("button", name=f"{SIMULATED.camera_name(CAMERAS[0])},")
    mark.focus()
    page.keyboard.press("Enter")
    picked = page.get_by_role("complementary", name=SIMULATED.camera_name(CAMERAS[0]))
    expect(picked.locator("[data-state=there]")).to_be_visible()
    table = page.get_by_role("table", name="What is here")
    expect(table.get_by_role("row")).to_have_count(len(CAMERAS) + 2)
    table.get_by_role("button", name="<b>Recorder</b>").click()
    expect(page.get_by_role("complementary", name="<b>Recorder</b>")).to_contain_text("down")
    assert serious(page) == []
    stands_at_200(page)
    picked_camera = table.get_by_role("button", name=SIMULATED.camera_name(CAMERAS[0]))
    picked_camera.click()
    expect(picked.locator("[data-state=there]")).to_be_visible()
    keep(page, "map")


def the_fields_are_by_the_sites_clock(page: Page) -> None:
    """It is Berlin's, as the report's; the analyst's, which is UTC, is beside it."""
    begin, end = (page.get_by_label(name, exact=True) for name in ("From", "to"))
    begin.fill("2020-07-02T00:30")
    end.fill("2020-07-02T08:30")
    expect(begin).to_have_accessible_description("your time: Jul 1, 2020, 22:30:00 UTC")
    expect(end).to_have_accessible_description("your time: Jul 2, 2020, 06:30:00 UTC")
    with page.expect_request(lambda one: "/v1/reports/shift" in one.url) as asked:
        page.get_by_role("button", name="Show").click()
    assert "from=2020-07-01T22%3A30%3A00.000Z&to=2020-07-02T06%3A30%3A00.000Z" in asked.value.url
    expect(page.locator(".report time").first).to_contain_text("00:30:00")
    expect(page.locator(".report time small").first).to_contain_text("22:30:00")


def test_the_shift_report(stack: Stack, page: Page) -> None:
    enter(page.context, stack)
    page.goto(f"{stack.url}/report")
    figures = page.locator(".figures")
    expect(figures).to_contain_text("Alerts26")
    expect(figures).to_contain_text("2 still open")
    rules = page.get_by_role("region", name="By rule").get_by_role("table")
    expect(rules.get_by_role("row")).to_have_count(3)
    expect(page.locator(".hours-chart canvas")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = download.value.path().read_text()
    assert text.startswith("section,key,measure,value")
    assert "total,,opened,26" in text
    assert serious(page) == []
    stands_at_200(page)
    keep(page, "report")
    the_fields_are_by_the_sites_clock(page)
    page.get_by_label("From", exact=True).fill("2020-01-02T00:00")
    expect(page.locator(".refusal")).to_have_text("At most 31 days.")
    page.get_by_label("to", exact=True).fill("2020-01-02T08:00")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No alert was opened in this time.")).to_be_visible()


def test_devices(stack: Stack, page: Page) -> None:
    enter(page.context, stack)
    page.goto(f"{stack.url}/devices")
    summary = page.get_by_role("status").filter(has_text="critical")
    expect(summary).to_have_text("1 critical, 1 suspect, 4 unknown, 1 normal")
    # The worst first; and what comes from outside is text, whatever it looks like.
    rows = page.locator(".devices tbody")
    expect(rows.first).to_contain_text("<b>Recorder</b>")
    expect(rows.first).to_contain_text("breaker open")
    expect(rows.first).to_contain_text("refused: nobody listens there")
    rows.first.get_by_role("button").focus()
    page.keyboard.press("Enter")
    more = rows.first.locator(".more")
    expect(more.locator(".days li")).to_have_count(30)
    expect(more).to_contain_text("mean time to detect4 min")
    expect(more).to_contain_text("mean time to repair2 h 1 min")
    expect(more).to_contain_text("2, 1 ended")
    assert serious(page) == []
    stands_at_200(page)
    keep(page, "devices")

    # One that becomes worse moves, and the focus stays where it was.
    later = datetime.now(UTC) + MINUTE
    stack.archive("device_health", [health("nvr-1", SUSPECT, later, later)])
    stack.archive("device_health", [health("nvr-2", CRITICAL, later, later, "timeout")])
    expect(rows.first).to_contain_text("nvr-2")
    expect(rows.nth(1).get_by_role("button")).to_be_focused()
    page.get_by_label("Only what is not normal").check()
    expect(page.locator(".devices tbody").filter(has_text="door")).to_have_count(0)
    page.get_by_label("Find a device").fill("NVR")
    expect(rows).to_have_count(2)


def test_german(stack: Stack, page: Page) -> None:
    enter(page.context, stack)
    page.goto(f"{stack.url}/wall")
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_role("heading", name="Bilderwand")).to_be_visible()
    for name, heading in (
        ("Zeitachse", "Zeitachse"),
        ("Karte", "Karte"),
        ("Geräte", "Geräte"),
        ("Schichtbericht", "Schichtbericht"),
    ):
        page.get_by_role("link", name=name).first.click()
        expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
