"""The page of rules in a real browser: a zone is drawn, tried on the past, saved, and in force."""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from playwright.sync_api import Locator, Page, expect

from agents.runtime.emitter import Emitter
from api.account.identity import Role
from infra.db.documents import publish, site_of
from infra.db.migrate import prepare
from infra.db.outbox import drain_outbox
from infra.settings import Settings
from schemas.alert import Alert, AlertState
from schemas.base import Message, Severity
from schemas.detection import PathPoint, TrackPath
from schemas.document import Camera, Channel, Document, Receiver, Route, Routing, Site, Zone
from schemas.event import EventSource, SecurityEvent
from schemas.ids import alert_id
from tests.e2e.support import PATIENCE_MS, enter, picture, serious, stands_at_200
from tests.integration.api.people import PASSWORD, bearer, knows_accounts, person, sign_in
from tests.integration.api.support import NOW, Stack, is_ready, run_in_thread, serving, wait_until
from topics.admin import ensure
from topics.catalogue import ALERTS, EVENTS, TRACKS
from topics.declare import Topic
from topics.record import OutRecord, make

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.usefixtures("dashboard"),
]

PLACE = os.environ.get("WATCHFLOOR_PICTURES")
LEFT = ((0.1, 0.2), (0.45, 0.2), (0.45, 0.95), (0.1, 0.95))


def document() -> Document:
    """One camera; its zone is on the left of its picture."""
    return Document(
        sites=(
            Site(
                site_id="north",
                name="North yard",
                timezone="Europe/Berlin",
                cameras=(Camera(camera_id="gate", name="Main gate"), Camera(camera_id="fence")),
                zones=(
                    Zone(
                        zone_id="yard",
                        camera_ids=("gate",),
                        severity=Severity.HIGH,
                        polygons={"gate": LEFT},
                        min_confidence=0.5,
                    ),
                ),
            ),
        ),
        routing=Routing(
            route=Route(receiver="desk", routes=(Route(matchers=('severity="critical"',)),)),
            receivers=(Receiver(name="desk", channels=(Channel(kind="log"),)),),
        ),
    )


def track(name: str, at: datetime, x: float) -> TrackPath:
    """Somebody who stands for eight seconds, `x` from the left."""
    box = (x - 0.05, 0.3, x + 0.05, 0.8)
    points = [PathPoint(at=at + timedelta(seconds=s), seq=s * 5, box=box) for s in (0, 8)]
    return TrackPath(
        track_id=name,
        site_id="north",
        camera_id="gate",
        label="person",
        first_seen=points[0].at,
        last_seen=points[1].at,
        frames=41,
        median_score=0.9,
        model="m",
        path=tuple(points),
    )


def seen(of: TrackPath) -> SecurityEvent:
    """What the detector made of it under the zone on the left."""
    return SecurityEvent(
        event_id=f"event-{of.track_id}",
        site_id="north",
        event_type="object_in_zone",
        source=EventSource.DETECTOR,
        camera_id="gate",
        zone_id="yard",
        occurred_at=of.first_seen + timedelta(milliseconds=400),
        label="person",
        confidence=0.9,
        track_id=of.track_id,
        box=of.path[0].box,
    )


def opened(event: SecurityEvent, resolution: str | None) -> Alert:
    at = event.occurred_at
    return Alert(
        alert_id=alert_id("north", "north/yard/gate/object_in_zone", event.event_id),
        site_id="north",
        state=AlertState.OPEN if resolution is None else AlertState.RESOLVED,
        severity=Severity.HIGH,
        event_type=event.event_type,
        rank=70,
        reasons=(),
        opened_at=at,
        updated_at=at,
        first_event=at,
        last_event=at,
        events=1,
        repeats=0,
        revision=2,
        camera_id="gate",
        camera_name="Main gate",
        zone_id="yard",
        label="person",
        event_ids=(event.event_id,),
        snapshot=event.event_id,
        resolved_at=None if resolution is None else at + timedelta(minutes=2),
        resolved_by=None if resolution is None else "kim",
        resolution=resolution,
    )


VERDICTS = {"cat": "false_positive", "thief": "true_positive", "walker": None}


def told(now: datetime) -> list[tuple[TrackPath, SecurityEvent, Alert]]:
    """On the left one whom kim dismissed, one whom kim confirmed, and one of whom nobody said
    anything."""
    found = []
    for hour, (name, verdict) in enumerate(VERDICTS.items(), 2):
        path = track(name, now - timedelta(hours=hour), 0.3)
        event = seen(path)
        found.append((path, event, opened(event, verdict)))
    return found


def past(now: datetime) -> list[OutRecord]:
    """Those, and on the right one whom no zone sees yet."""

    def record(topic: Topic, message: Message, name: str, key: str, at: datetime) -> OutRecord:
        return make(topic, message, id=name, time=at, source="test", key=key)

    made: list[OutRecord] = []
    for path, event, alert in told(now):
        made += [
            record(TRACKS, path, path.track_id, "north/gate", path.last_seen),
            record(EVENTS, event, event.event_id, "north", event.occurred_at),
            record(ALERTS, alert, alert.alert_id, alert.alert_id, alert.opened_at),
        ]
    other = track("driver", now - timedelta(hours=6), 0.75)
    return [*made, record(TRACKS, other, "driver", "north/gate", other.last_seen)]


@pytest.fixture
def rules_settings(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("rules-page-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace=f"rules-{uuid.uuid4().hex[:8]}",
    )
    ensure(settings)
    prepare(settings)
    publish(settings, document(), "apply")
    run_in_thread(lambda: drain_outbox(settings))
    records = past(NOW)

    async def emit() -> None:
        emitter = Emitter(settings, "test")
        await emitter.start()
        try:
            await emitter.emit(records)
        finally:
            await emitter.stop()

    run_in_thread(emit)
    return settings


@pytest.fixture(autouse=True)
def admin(page: Page, stack: Stack) -> None:
    """The page's window belongs to an administrator."""
    enter(page.context, stack)


@pytest.fixture
def stack(rules_settings: Settings) -> Iterator[Stack]:
    with serving(rules_settings) as found:
        wait_until(lambda: is_ready(found), "the façade is ready", 120)
        wait_until(lambda: knows_accounts(found), "the accounts are read", 60)
        alerts = [alert for _, _, alert in told(NOW)]
        found.archive("alerts", alerts)
        for alert in alerts:
            picture(found, alert.event_ids[0])
        yield found


def no_faults(page: Page) -> None:
    """axe finds nothing serious."""
    assert serious(page) == []


def shot(page: Page, name: str) -> None:
    """A picture for the documentation, where a folder for them is named."""
    if PLACE:
        page.screenshot(path=Path(PLACE) / f"{name}.png")


def handles(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile(r"^Point \d of \d of zone yard"))


def drawn(page: Page, *corners: tuple[float, float]) -> None:
    """A shape by pointer, corner after corner; Enter closes it."""
    page.get_by_role("button", name="Draw anew").click()
    canvas = page.get_by_role("button", name=re.compile("^New shape"))
    box = canvas.bounding_box()
    assert box is not None
    for x, y in corners:
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.keyboard.press("Enter")


def count_of(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name).locator("h3 .number")


@contextlib.contextmanager
def asking(stack: Stack) -> Iterator[httpx.Client]:
    """A program that may do everything."""
    with stack.client() as client:
        token = sign_in(client, person(stack, Role.ADMIN), PASSWORD)["access_token"]
        client.headers.update(bearer(token))
        yield client


def zone_in_force(stack: Stack) -> dict[str, Any]:
    with asking(stack) as client:
        found: list[dict[str, Any]] = client.get("/v1/zones?site_id=north").json()
    return next(one for one in found if one["zone_id"] == "yard")


def goes_back(page: Page) -> None:
    """From the history, to how it was at first."""
    page.get_by_role("button", name="History").click()
    revisions = page.get_by_role("region", name="Revisions").locator("li.panel")
    expect(revisions).to_have_count(2)
    expect(revisions.first).to_contain_text("in force")
    no_faults(page)
    stands_at_200(page)
    shot(page, "rules-history")
    revisions.nth(1).get_by_role("button", name="Go back to this").click()
    page.get_by_role("dialog").get_by_role("button", name="Go back to this").click()
    expect(revisions).to_have_count(3, timeout=PATIENCE_MS)


def test_a_zone_is_drawn_tried_saved_and_in_force(page: Page, stack: Stack) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{stack.url}/rules?site=north&camera=gate")
    expect(handles(page)).to_have_count(4, timeout=PATIENCE_MS)
    status = page.get_by_role("status").filter(has_text="Revision")
    expect(status).to_contain_text("by apply")
    no_faults(page)

    # By keyboard: a point to the right, one more behind it, and both taken back.
    first = page.get_by_role("button", name="Point 1 of 4 of zone yard: 10 %")
    first.focus()
    page.keyboard.press("Shift+ArrowRight")
    moved = page.get_by_role("button", name="Point 1 of 4 of zone yard: 15 %")
    expect(moved).to_be_focused()
    page.keyboard.press("Insert")
    expect(handles(page)).to_have_count(5)
    page.keyboard.press("Delete")
    expect(handles(page)).to_have_count(4)
    for _ in range(3):
        page.keyboard.press("u")
    expect(first).to_be_visible()
    expect(status).to_be_visible()

    # By pointer: the zone goes to the right of the picture.
    drawn(page, (0.55, 0.2), (0.95, 0.2), (0.95, 0.95), (0.55, 0.95))
    expect(handles(page)).to_have_count(4)
    shot(page, "rules-drawn")

    # The past says what would come of that.
    page.get_by_role("button", name="Try", exact=True).click()
    expect(count_of(page, "Would be new")).to_have_text("1", timeout=PATIENCE_MS)
    expect(count_of(page, "Confirmed, and would be missed")).to_have_text("1")
    expect(count_of(page, "Dismissed, and would be gone")).to_have_text("1")
    expect(count_of(page, "Judged by nobody, and would be gone")).to_have_text("1")
    gone = page.get_by_role("region", name="Dismissed, and would be gone")
    expect(gone.get_by_role("link")).to_have_attribute("href", re.compile("^/alerts/"))
    # By its picture, as the alert has it.
    expect(gone.locator("img")).to_have_js_property("naturalWidth", 160, timeout=PATIENCE_MS)
    no_faults(page)
    stands_at_200(page)
    page.get_by_role("region", name="Try on the past").evaluate("one => one.scrollIntoView()")
    shot(page, "rules-tried")

    # The difference comes before the saving.
    page.get_by_role("button", name="Look and save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("code")).to_have_text("zones[yard].polygons.gate")
    no_faults(page)
    shot(page, "rules-saving")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(re.compile(r"Revision \d+ is in force"))).to_be_visible(
        timeout=PATIENCE_MS
    )
    polygon = zone_in_force(stack)["polygons"]["gate"]
    assert polygon == [
        [pytest.approx(x, abs=0.01), pytest.approx(y, abs=0.01)]
        for x, y in ((0.55, 0.2), (0.95, 0.2), (0.95, 0.95), (0.55, 0.95))
    ]

    goes_back(page)
    assert zone_in_force(stack)["polygons"]["gate"] == [list(point) for point in LEFT]
    assert errors == []


def test_somebody_elses_change_is_told_and_kept(
    page: Page, stack: Stack, rules_settings: Settings
) -> None:
    page.goto(f"{stack.url}/rules?site=north&camera=gate")
    expect(handles(page)).to_have_count(4, timeout=PATIENCE_MS)
    # The week, by keyboard: in windows, and Monday's first half hour with them.
    page.get_by_label("In windows of the week, Europe/Berlin").check()
    cell = page.get_by_role("gridcell", name="Monday 12:00–12:30")
    cell.focus()
    page.keyboard.press("Space")
    expect(cell).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("Mon 12:00–13:30")).to_be_visible()
    page.get_by_label("Stays at least, s").fill("4")
    steps = page.get_by_role("textbox", name="What is to be done")
    steps.fill("Look at the fence.\nCall the guard.\n")
    no_faults(page)
    stands_at_200(page)
    shot(page, "rules-week")

    # Meanwhile somebody at a console names the site anew, and changes the same dwell time.
    site = site_of(rules_settings, "north")
    assert site is not None
    other = replace(site, name="North", zones=(replace(site.zones[0], dwell_sec=9.0),))
    publish(rules_settings, Document(sites=(other,)), "lee")

    page.get_by_role("button", name="Look and save").click()
    dialog = page.get_by_role("dialog")
    save = dialog.get_by_role("button", name="Save", exact=True)
    save.click()
    expect(dialog.get_by_role("alert")).to_contain_text("by lee", timeout=PATIENCE_MS)
    dialog.get_by_role("button", name="Put mine onto theirs").click()
    expect(dialog.get_by_role("alert")).to_contain_text(
        "sites[north].zones[yard].dwell_sec", timeout=PATIENCE_MS
    )
    shot(page, "rules-met")
    save.click()
    expect(page.get_by_text(re.compile(r"Revision \d+ is in force"))).to_be_visible(
        timeout=PATIENCE_MS
    )
    zone = zone_in_force(stack)
    assert zone["dwell_sec"] == 4.0
    assert {
        "days": ["mon"],
        "start": "12:00",
        "end": "13:30",
    } in zone["active_schedule"]["windows"]
    with asking(stack) as client:
        assert client.get("/v1/sites/north").json()["name"] == "North"
        document = client.get("/v1/sites/north/document").json()["document"]
    assert document["sites"][0]["zones"][0]["procedure"] == [
        "Look at the fence.",
        "Call the guard.",
    ]


def test_the_route_tree_is_checked_as_it_is_typed(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/rules?part=routing")
    tree = page.get_by_role("tree")
    items = tree.get_by_role("treeitem")
    expect(items).to_have_count(2, timeout=PATIENCE_MS)
    # By keyboard to the child; its matcher is wrong for a while, and says so.
    items.first.focus()
    page.keyboard.press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    matchers = page.get_by_label("Matchers")
    matchers.fill("severity")
    expect(page.get_by_text("is no matcher")).to_be_visible(timeout=PATIENCE_MS)
    expect(items.nth(1)).to_contain_text("not right")
    shot(page, "rules-routing")
    matchers.fill('severity="high"')
    expect(page.get_by_text("is no matcher")).to_be_hidden(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Add below").click()
    expect(items).to_have_count(3)
    page.get_by_label("Matchers").fill('camera="gate"')
    no_faults(page)
    stands_at_200(page)
    page.get_by_role("button", name="Look and save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("code").first).to_have_text("route.routes", timeout=PATIENCE_MS)
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(re.compile(r"Revision \d+ is in force"))).to_be_visible(
        timeout=PATIENCE_MS
    )
    with asking(stack) as client:
        route = client.get("/v1/routing").json()["document"]["route"]
    assert route["routes"] == [
        {"matchers": ['severity="high"'], "routes": [{"matchers": ['camera="gate"']}]}
    ]

    # As text, with problems by line.
    page.get_by_role("button", name="As text").click()
    text = page.get_by_label("The document, as watchfloor apply takes it")
    expect(text).to_have_value(re.compile("receiver: desk"))
    text.fill("route:\n  receiver: nobody\n")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text(re.compile("^line 2: .*'nobody', which does not exist"))).to_be_visible(
        timeout=PATIENCE_MS
    )
    no_faults(page)
    stands_at_200(page)
    shot(page, "rules-text")


def test_what_stands_beside_the_tree_is_changed_by_forms(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/rules?part=routing")
    silences = page.get_by_role("region", name="Silences")
    silences.get_by_role("button", name="New silence").click(timeout=PATIENCE_MS)
    # Of everything it would be: that is refused, where it is typed.
    wrong = silences.get_by_text("has no matcher, and would silence everything")
    expect(wrong).to_be_visible(timeout=PATIENCE_MS)
    silences.get_by_label("Matchers").fill('camera="gate"')
    expect(wrong).to_be_hidden(timeout=PATIENCE_MS)
    silences.get_by_role("button", name="4 h").click()
    silences.get_by_label("Why").fill("The wall is painted")
    begin = silences.get_by_label("From, UTC")
    begin.fill("2026-01-02T10:00")
    silences.get_by_label("Until, UTC").fill("2099-01-02T10:00")

    inhibitions = page.get_by_role("region", name="Inhibitions")
    inhibitions.get_by_role("button", name="New inhibition").click()
    # One form at a time.
    expect(begin).to_be_hidden()
    inhibitions.get_by_label("While there is").fill('severity="critical"')
    inhibitions.get_by_label("nobody is told of").fill('severity="low"')
    inhibitions.get_by_label("Where these agree").fill("site, camera")

    escalations = page.get_by_role("region", name="Escalations")
    escalations.get_by_role("button", name="New escalation").click()
    escalations.get_by_label("Not acknowledged for").fill("20 minutes")
    expect(escalations.locator("[aria-invalid=true]")).to_have_count(1, timeout=PATIENCE_MS)
    no_faults(page)
    stands_at_200(page)
    escalations.get_by_label("Not acknowledged for").fill("20m")
    expect(escalations.locator("[aria-invalid=true]")).to_have_count(0, timeout=PATIENCE_MS)
    escalations.get_by_role("button", name="Add a step").click()
    escalations.get_by_label("Not acknowledged for").last.fill("forty")
    # Told at that step, and at no other.
    expect(escalations.get_by_label("Not acknowledged for").last).to_have_attribute(
        "aria-invalid", "true", timeout=PATIENCE_MS
    )
    expect(escalations.locator("[aria-invalid=true]")).to_have_count(1)
    escalations.get_by_label("Not acknowledged for").last.fill("40m")
    expect(escalations.locator("[aria-invalid=true]")).to_have_count(0, timeout=PATIENCE_MS)
    shot(page, "rules-beside")

    routing = saved(page, stack)
    (silence,) = routing["silences"]
    assert silence.pop("created_by")
    assert silence == {
        "silence_id": "silence-1",
        "matchers": ['camera="gate"'],
        "starts_at": "2026-01-02T10:00:00Z",
        "ends_at": "2099-01-02T10:00:00Z",
        "comment": "The wall is painted",
    }
    assert routing["inhibit"] == [
        {
            "source": ['severity="critical"'],
            "target": ['severity="low"'],
            "equal": ["site", "camera"],
        }
    ]
    assert [step["receiver"] for step in routing["escalations"][0]["steps"]] == ["desk", "desk"]

    # A silence that is over says so, and goes with all of its kind.
    silences.get_by_role("button", name="Change silence-1").click()
    silences.get_by_label("Until, UTC").fill("2026-01-02T11:00")
    expect(silences.get_by_text("over, ")).to_be_visible()
    silences.get_by_role("button", name="Remove those that are over").click()
    inhibitions.get_by_role("button", name="Remove inhibition 1").click()
    escalations.get_by_role("button", name="Remove escalation 1").click()
    assert not saved(page, stack).keys() & {"silences", "inhibit", "escalations"}


def saved(page: Page, stack: Stack) -> dict[str, Any]:
    """The routing that is in force once the draft is saved."""
    page.get_by_role("button", name="Look and save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("code").first).to_be_visible(timeout=PATIENCE_MS)
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog).to_be_hidden(timeout=PATIENCE_MS)
    with asking(stack) as client:
        routing: dict[str, Any] = client.get("/v1/routing").json()["document"]
    return routing
