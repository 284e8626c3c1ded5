"""What the dashboard's pages ask: a camera's picture, a stretch of time, a shift, and places."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from agents.capture.encode import Captured, end_record, frame_record
from infra.blob.open import open_store
from infra.db.documents import publish
from infra.db.migrate import prepare
from infra.db.outbox import drain_outbox
from infra.settings import Settings
from schemas.alert import Alert, AlertState
from schemas.base import Severity
from schemas.decision import Decision, Result
from schemas.device import Assignment, Breaker, DeviceHealth, DeviceSeverity
from schemas.document import Camera, Device, Document, OnPlan, Plan, Position, Site, Zone
from schemas.event import EventSource, SecurityEvent
from tests.integration.api.support import Stack, is_ready, run_in_thread, serving, wait_until
from topics.admin import ensure

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

NOW = datetime(2026, 3, 30, 10, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BEGIN, END = NOW - HOUR, NOW

SITES = (
    Site(
        site_id="north",
        timezone="Europe/Berlin",
        plans=(Plan(plan_id="ground", name="Ground floor", width_m=40), Plan(plan_id="roof")),
        devices=(
            Device(
                device_id="nvr-1",
                kind="nvr",
                address="10.0.0.2",
                driver="isapi",
                floor_plan=OnPlan(plan="ground", x=0.1, y=0.1),
            ),
        ),
        cameras=(
            Camera(
                camera_id="gate",
                name="Main gate",
                stream="sim:day?seed=1",
                position=Position(lat=52.5, lon=13.4),
                floor_plan=OnPlan(plan="ground", x=0.5, y=0.2),
                heading_deg=90,
                fov_deg=80,
                range_m=20,
            ),
            Camera(camera_id="fence"),
        ),
        zones=(Zone(zone_id="yard", camera_ids=("gate",), severity=Severity.HIGH),),
    ),
    Site(site_id="south", cameras=(Camera(camera_id="gate"),)),
)


@pytest.fixture(scope="module")
def views(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A façade of its own, with an hour of history."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("views-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="views-tests",
    )
    ensure(settings)
    prepare(settings)
    publish(settings, Document(sites=SITES), "test")
    run_in_thread(lambda: drain_outbox(settings))
    with serving(settings) as stack:
        wait_until(lambda: is_ready(stack), "the façade is ready", 120)
        fill(stack)
        yield stack


def at(minutes: float) -> datetime:
    """So many minutes after the beginning."""
    return BEGIN + timedelta(minutes=minutes)


def event(name: str, minutes: float, **fields: Any) -> dict[str, Any]:
    made = SecurityEvent(
        **{
            "event_id": name,
            "site_id": "north",
            "camera_id": "gate",
            "zone_id": "yard",
            "event_type": "intrusion",
            "occurred_at": at(minutes),
            "source": EventSource.DETECTOR,
            **fields,
        }
    )
    row = {name: getattr(made, name) for name in made.__struct_fields__}
    return {**row, "recorded_at": made.occurred_at}


def watched(name: str, minutes: float, *, ended: bool, camera: str = "fence") -> dict[str, Any]:
    return event(
        name,
        minutes,
        event_type="no_frames",
        camera_id=camera,
        device_id=camera,
        zone_id=None,
        source=EventSource.WATCH,
        ended=ended,
    )


def alert(name: str, minutes: float, **fields: Any) -> Alert:
    opened = at(minutes)
    return Alert(
        **{
            "alert_id": name,
            "site_id": "north",
            "state": AlertState.OPEN,
            "severity": Severity.HIGH,
            "event_type": "intrusion",
            "rank": 50,
            "reasons": (),
            "opened_at": opened,
            "updated_at": opened,
            "first_event": opened,
            "last_event": opened,
            "events": 1,
            "repeats": 2,
            "revision": 1,
            "camera_id": "gate",
            "zone_id": "yard",
            **fields,
        }
    )


def resolved(name: str, minutes: float, reason: str, after: float, **fields: Any) -> Alert:
    return alert(
        name,
        minutes,
        state=AlertState.RESOLVED,
        acknowledged_at=at(minutes) + timedelta(seconds=after / 2),
        acknowledged_by="ana",
        resolved_at=at(minutes) + timedelta(seconds=after),
        resolved_by="ana",
        resolution=reason,
        **fields,
    )


def changed(device: str, severity: DeviceSeverity, minutes: float) -> DeviceHealth:
    return DeviceHealth(
        site_id="north",
        device_id=device,
        severity=severity,
        breaker=Breaker.CLOSED,
        consecutive_failures=0,
        load_shed=False,
        at=at(minutes),
        since=at(minutes),
        next_poll_at=at(minutes + 4),
        error=None if severity is DeviceSeverity.NORMAL else "timeout",
    )


ALERTS = [
    resolved("a-true", 5, "true_positive", 60),
    resolved("a-false", 10, "false_positive", 120, severity=Severity.LOW),
    resolved("a-benign", 35, "benign", 180, camera_id="fence"),
    alert("a-open", 40, snapshot="e-3", severity=Severity.CRITICAL, repeats=5),
    # Not opened in it: it was open then, and another was over by then.
    alert("a-older", -30),
    resolved("a-gone", -300, "true_positive", 60),
    alert("a-south", 20, site_id="south"),
]


def fill(stack: Stack) -> None:
    stack.archive(
        "events",
        [
            event("e-1", 5),
            event("e-2", 10, label="person"),
            event("e-3", 40),
            event("e-later", 60),
            event("e-earlier", -0.1),
            event("e-south", 20, site_id="south"),
            watched("w-1", -20, ended=False),
            watched("w-2", 15, ended=True),
            watched("w-3", 50, ended=False),
        ],
    )
    stack.archive(
        "decisions",
        [
            Decision(
                decision_id="d-3",
                event_id="e-3",
                site_id="north",
                result=Result.SENT,
                decided_at=at(40),
                alert_id="a-open",
            )
        ],
    )
    stack.archive("alerts", ALERTS)
    normal, _, critical = DeviceSeverity
    for severity, minutes in (
        (normal, -600),
        (critical, -60),
        (normal, 10),
        (critical, 30),
        (normal, 90),
    ):
        stack.archive("device_health", [changed("nvr-1", severity, minutes)])
    stack.archive("deliveries", [delivery("r-1", "n-1", "delivered"), failed_first()])


def delivery(result: str, notification: str, outcome: str, **fields: Any) -> dict[str, Any]:
    return {
        "site_id": "north",
        "result_id": result,
        "notification_id": notification,
        "receiver": "soc",
        "outcome": outcome,
        "attempt": 1,
        "at": at(41).isoformat(),
        "channel": "hook",
        "channel_kind": "webhook",
        "status": "firing",
        "kind": "alert",
        "severity": "high",
        "target": None,
        "error": None,
        "event_ids": [],
        "alert_ids": [],
        "channels": [{"channel": "hook", "kind": "webhook", "outcome": outcome}],
        "owed": [],
        **fields,
    }


def failed_first() -> dict[str, Any]:
    """A notification whose first channel failed and whose second took it."""
    channels = [
        {"channel": "hook", "kind": "webhook", "outcome": "timed_out"},
        {"channel": "mail", "kind": "email", "outcome": "delivered"},
    ]
    return delivery("r-2", "n-2", "delivered", channels=channels)


def span(**more: str) -> dict[str, str]:
    return {"from": BEGIN.isoformat(), "to": END.isoformat(), **more}


def get(stack: Stack, path: str, **query: str) -> Any:
    with stack.client() as client:
        answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- the timeline ---


def test_a_sites_timeline(views: Stack) -> None:
    found = get(views, "/v1/timeline", **span(site_id="north"))
    assert (found["bucket_s"], found["buckets"]) == (30.0, 120)
    lanes = {lane["camera_id"]: lane["events"] for lane in found["lanes"]}
    assert set(lanes) == {"gate", "fence"}
    assert {n for n, count in enumerate(lanes["gate"]) if count} == {10, 20, 80}
    assert {n for n, count in enumerate(lanes["fence"]) if count} == {30, 100}
    assert [one["event_id"] for one in found["events"]] == ["w-3", "e-3", "w-2", "e-2", "e-1"]
    assert found["events"][1]["alert_id"] == "a-open"
    assert found["events"][3]["label"] == "person"
    # Open at some time of it, the worst first by rank and id.
    assert {one["alert_id"] for one in found["alerts"]} == {
        *("a-true", "a-false", "a-benign", "a-open", "a-older")
    }
    assert all(found[f"{part}_complete"] for part in ("lanes", "events", "alerts", "spans"))


def test_what_was_wrong(views: Stack) -> None:
    found = get(views, "/v1/timeline", **span(site_id="north"))

    def minutes(text: str | None) -> float | None:
        return None if text is None else (datetime.fromisoformat(text) - BEGIN).total_seconds() / 60

    told = [
        (one["device_id"], one["condition"], minutes(one["from"]), minutes(one["to"]))
        for one in found["spans"]
    ]
    assert told == [
        ("fence", "no_frames", 50, None),
        ("nvr-1", "critical", 30, 90),
        ("fence", "no_frames", -20, 15),
        ("nvr-1", "critical", -60, 10),
    ]
    assert found["spans"][1]["error"] == "timeout"


def test_a_cameras_timeline_has_what_is_its_own(views: Stack) -> None:
    found = get(views, "/v1/timeline", **span(site_id="north", camera_id="fence"))
    assert [lane["camera_id"] for lane in found["lanes"]] == ["fence"]
    assert [one["alert_id"] for one in found["alerts"]] == ["a-benign"]
    assert {one["device_id"] for one in found["spans"]} == {"fence"}
    every = get(views, "/v1/timeline", **span(camera_id="gate"))
    assert {one["site_id"] for one in every["events"]} == {"north", "south"}


def test_many_events_are_counted_and_not_told(views: Stack) -> None:
    begin = NOW - timedelta(days=20)
    many = [
        event(f"m-{n}", 0, occurred_at=begin + timedelta(minutes=n), site_id="south")
        for n in range(501)
    ]
    views.archive("events", many)
    query = {"from": begin.isoformat(), "to": (begin + 12 * HOUR).isoformat(), "site_id": "south"}
    found = get(views, "/v1/timeline", **query)
    assert (found["events"], found["events_complete"]) == ([], False)
    assert sum(found["lanes"][0]["events"]) == 501
    assert found["lanes"][0]["events"][0] == found["bucket_s"] / 60


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"site_id": "nowhere"}, 404),
        ({"from": NOW.isoformat(), "to": BEGIN.isoformat()}, 422),
        ({"from": (NOW - timedelta(days=32)).isoformat(), "to": NOW.isoformat()}, 422),
        ({"to": "0001-01-01T00:00:00Z"}, 422),
        ({"from": "0001-01-01T00:00:00Z", "to": "0001-01-02T00:00:00Z"}, 200),
        ({"from": "9999-12-01T00:00:00Z", "to": "9999-12-31T00:00:00Z"}, 200),
        ({"camera_id": "no camera"}, 422),
        ({"cameras": "gate"}, 422),
    ],
)
@pytest.mark.parametrize("path", ["/v1/timeline", "/v1/reports/shift"])
def test_bounds(views: Stack, path: str, query: dict[str, str], status: int) -> None:
    with views.client() as client:
        assert client.get(path, params=query).status_code == status


# --- the shift report ---


def test_a_shifts_report(views: Stack) -> None:
    found = get(views, "/v1/reports/shift", **span(site_id="north"))
    total = found["total"]
    assert {name: total[name] for name in ("opened", "acknowledged", "resolved", "open")} == {
        "opened": 4,
        "acknowledged": 3,
        "resolved": 3,
        "open": 1,
    }
    assert (total["events"], total["folded"]) == (4, 2 + 2 + 2 + 5)
    # Of 30, 60 and 90 s.
    assert (total["ack_p50_s"], total["ack_p90_s"]) == (60.0, pytest.approx(84.0))
    assert total["resolve_p50_s"] == 120.0
    assert found["precision"]["precision"] == pytest.approx(1 / 3, abs=1e-4)
    assert [line["severity"] for line in found["severities"]] == ["critical", "high", "low"]
    assert found["severities"][0]["ack_p50_s"] is None
    (hour,) = found["hours"]
    assert (hour["opened"], hour["critical"], hour["high"], hour["low"]) == (4, 1, 2, 1)
    (rule,) = found["rules"]
    assert (rule["zone_id"], rule["true"], rule["false"], rule["benign"]) == ("yard", 1, 1, 1)
    assert {line["camera_id"]: line["opened"] for line in found["cameras"]} == {
        "gate": 3,
        "fence": 1,
    }
    assert found["notifications"] == 2
    assert found["channels"] == [
        {"channel_kind": "email", "delivered": 1, "failed": 0},
        {"channel_kind": "webhook", "delivered": 1, "failed": 1},
    ]


def test_every_sites_report_adds_them_up(views: Stack) -> None:
    found = get(views, "/v1/reports/shift", **span())
    assert (found["sites"], found["total"]["opened"]) == (["north", "south"], 5)


def test_an_empty_shift_has_no_quantiles(views: Stack) -> None:
    begin = NOW + timedelta(days=400)
    query = {"from": begin.isoformat(), "to": (begin + 2 * HOUR).isoformat()}
    found = get(views, "/v1/reports/shift", **query)
    assert found["total"]["opened"] == 0
    assert found["total"]["ack_p90_s"] is None
    assert [hour["opened"] for hour in found["hours"]] == [0, 0]
    assert found["precision"]["precision"] is None


def test_the_report_as_csv(views: Stack) -> None:
    with views.client() as client:
        answer = client.get("/v1/reports/shift", params=span(site_id="north", format="csv"))
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="shift-north-20260330T0900Z.csv"' in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert {
        "section": "total",
        "key": "",
        "measure": "opened",
        "value": "4",
    } in lines


# --- a camera's picture ---


def jpeg(grey: int) -> bytes:
    done, data = cv2.imencode(".jpg", np.full((36, 64, 3), grey, np.uint8))
    assert done
    return data.tobytes()


def frame(seq: int, grey: int, *, camera: str = "gate", site: str = "north") -> Any:
    captured = Captured(
        seq=seq,
        captured_at=datetime.now(UTC),
        jpeg=jpeg(grey),
        width=64,
        height=36,
        source_width=640,
        source_height=360,
        send=True,
    )
    assignment = Assignment(site_id=site, device_id=camera, kind="camera")
    return frame_record(assignment, captured, live=True)


def snapshot(stack: Stack, camera: str = "gate", **options: Any) -> httpx.Response:
    with stack.client() as client:
        path = f"/v1/cameras/{camera}/snapshot"
        return client.get(path, params={"site_id": "north"}, **options)


def test_a_cameras_newest_picture(views: Stack) -> None:
    views.produce(frame(1, 10), frame(2, 200), frame(3, 90, site="south"))

    def newest() -> httpx.Response | None:
        answer = snapshot(views)
        return answer if answer.status_code == 200 and answer.content == jpeg(200) else None

    answer = wait_until(newest, "the newest frame is there")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["watchfloor-source"] == "live"
    assert 0 <= float(answer.headers["watchfloor-age"]) < 3600
    captured = datetime.fromisoformat(answer.headers["watchfloor-captured-at"])
    assert abs(captured - datetime.now(UTC)) < timedelta(hours=1)
    again = snapshot(views, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["watchfloor-age"]

    (told,) = get(views, "/v1/cameras/pictures", site_id="north")
    assert (told["camera_id"], told["width"], told["live"]) == ("gate", 64, True)
    assert f'"{told["tag"]}"' == answer.headers["etag"]
    with views.client() as client:
        assert client.get(told["location"]).content == jpeg(200)

    # A newer one has another name.
    views.produce(frame(4, 20))
    wait_until(lambda: snapshot(views).content == jpeg(20), "the next frame is there")
    (after,) = get(views, "/v1/cameras/pictures", site_id="north")
    assert after["tag"] != told["tag"]


def test_a_files_end_is_no_picture(views: Stack) -> None:
    assignment = Assignment(site_id="north", device_id="gate", kind="camera")
    views.produce(frame(10, 30), end_record(assignment, 11, datetime.now(UTC)), frame(12, 60))
    wait_until(lambda: snapshot(views).content == jpeg(60), "what follows the end is there")


def test_without_frames_it_is_an_events_picture(views: Stack) -> None:
    assert snapshot(views, "fence").status_code == 404
    open_store(views.settings).put("snapshots/north/fence.jpg", jpeg(120), "image/jpeg")
    row = {
        "site_id": "north",
        "event_id": "w-1",
        "position": 0,
        "snapshot_id": "s-1",
        "camera_id": "fence",
        "captured_at": at(-20).isoformat(),
        "width": 64,
        "height": 36,
        "content_type": "image/jpeg",
        "bytes": 1,
        "blob_key": "snapshots/north/fence.jpg",
    }
    views.archive("snapshots", [row])
    answer = snapshot(views, "fence")
    assert answer.content == jpeg(120)
    assert answer.headers["watchfloor-source"] == "event"
    assert answer.headers["watchfloor-captured-at"] == "2026-03-30T08:40:00Z"


def test_whose_camera_is_asked_for(views: Stack) -> None:
    with views.client() as client:
        several = client.get("/v1/cameras/gate/snapshot")
        assert (several.status_code, several.json()["sites"]) == (409, ["north", "south"])
        assert client.get("/v1/cameras/none/snapshot").status_code == 404
        foreign = client.get("/v1/cameras/fence/snapshot", params={"site_id": "south"})
        assert foreign.status_code == 404


# --- places ---


def test_places(views: Stack) -> None:
    found = get(views, "/v1/places", site_id="north")
    assert [(plan["plan_id"], plan["width_m"]) for plan in found["plans"]] == [
        ("ground", 40.0),
        ("roof", None),
    ]
    assert {place["device_id"]: place["kind"] for place in found["places"]} == {
        "gate": "camera",
        "nvr-1": "nvr",
    }
    gate = next(one for one in found["places"] if one["device_id"] == "gate")
    assert (gate["heading_deg"], gate["position"]) == (90.0, {"lat": 52.5, "lon": 13.4})
    assert (found["without"], found["tiles"]) == (1, None)


PLAN = "/v1/sites/north/plans/ground/image"


def png(side: int = 40) -> bytes:
    done, data = cv2.imencode(".png", np.full((side, side, 3), 255, np.uint8))
    assert done
    return data.tobytes()


def test_the_picture_of_a_plan(views: Stack) -> None:
    with views.client() as client:
        assert client.get(PLAN).status_code == 404
        kept = client.put(PLAN, content=png() + b"tail", headers={"Content-Type": "image/png"})
        assert kept.status_code == 200, kept.text
        assert (kept.json()["width"], kept.json()["location"]) == (40, PLAN)
        answer = client.get(PLAN)
        assert answer.headers["content-type"] == "image/png"
        assert b"tail" not in answer.content
        assert answer.headers["etag"] == f'"{kept.json()["sha256"]}"'
        tag = {"If-None-Match": answer.headers["etag"]}
        assert client.get(PLAN, headers=tag).status_code == 304
        (ground, _) = client.get("/v1/places", params={"site_id": "north"}).json()["plans"]
        assert ground["image"] == kept.json()
        # Another one takes its place.
        client.put(PLAN, content=png(80), headers={"Content-Type": "image/png"})
        assert client.get(PLAN, headers=tag).status_code == 200
        assert client.delete(PLAN).status_code == 204
        assert client.delete(PLAN).status_code == 404
        assert client.get(PLAN).status_code == 404


@pytest.mark.parametrize(
    ("path", "kind", "body", "status"),
    [
        (PLAN, "image/svg+xml", b"<svg/>", 415),
        (PLAN, "image/png", b"<svg/>", 422),
        (PLAN, "image/png", png() + bytes(8 * 1_048_576), 413),
        ("/v1/sites/north/plans/cellar/image", "image/png", png(), 404),
        ("/v1/sites/south/plans/ground/image", "image/png", png(), 404),
        ("/v1/sites/nowhere/plans/ground/image", "image/png", png(), 404),
    ],
    ids=["svg", "no png", "too large", "no plan", "another site's", "no site"],
)
def test_pictures_of_plans_that_are_refused(
    views: Stack, path: str, kind: str, body: bytes, status: int
) -> None:
    with views.client() as client:
        answer = client.put(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code == status
        assert client.get(path).status_code == 404
