"""Devices' own messages at `POST /v1/events/cv`, with a real broker behind it."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from infra.settings import Settings
from tests.integration.api.support import NOW, Decider, Stack
from tests.unit.api.test_vendors import JPEG, multipart
from topics.catalogue import SNAPSHOTS
from topics.reader import read

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

PATH = "/v1/events/cv"
WHERE = {"site_id": "north", "camera_id": "gate", "zone_id": "dock"}


def alert(second: int, kind: str = "fielddetection", state: str = "active") -> bytes:
    at = (NOW - timedelta(seconds=second)).isoformat()
    return (
        f'<EventNotificationAlert xmlns="http://www.isapi.org/ver20/XMLSchema"><channelID>1'
        f"</channelID><dateTime>{at}</dateTime><eventType>{kind}</eventType>"
        f"<eventState>{state}</eventState></EventNotificationAlert>"
    ).encode()


def test_xml_is_decided_once_and_answered_as_ours_is(stack: Stack, decider: Decider) -> None:
    body = alert(1)
    with stack.client() as client:
        headers = {"Content-Type": "application/xml"}
        first = client.post(PATH, params=WHERE, content=body, headers=headers)
        again = client.post(PATH, params=WHERE, content=body, headers=headers)
    assert first.status_code == 200
    assert first.json() == again.json()
    assert first.json()["result"] == "sent"
    seen = [one for one in decider.seen if one.event_id == first.json()["event_id"]]
    assert [(one.event_type, one.camera_id, one.zone_id) for one in seen] == [
        ("intrusion", "gate", "dock")
    ]


def test_pictures_become_snapshots(stack: Stack, decider: Decider, api_settings: Settings) -> None:
    body, kind = multipart(
        ("application/xml", alert(2)), ("image/jpeg", JPEG), ("image/jpeg", JPEG)
    )
    with stack.client() as client:
        answer = client.post(PATH, params=WHERE, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200
    name = answer.json()["event_id"]
    (event,) = [one for one in decider.seen if one.event_id == name]
    assert event.snapshots == 2
    found = [
        (record.header("ce_subject"), record.value)
        for record in read(api_settings, [SNAPSHOTS.name])
        if record.header("ce_subject") == name
    ]
    assert found == [(name, JPEG), (name, JPEG)]


def test_heartbeats_are_answered_and_counted(stack: Stack, decider: Decider) -> None:
    def beats() -> float:
        with stack.client() as client:
            lines = client.get("/metrics").text.splitlines()
        return float(
            next(line for line in lines if line.startswith("cv_heartbeats_total")).split()[1]
        )

    before, events = beats(), len(decider.seen)
    with stack.client() as client:
        xml = client.post(
            PATH,
            content=alert(3, "videoloss", "inactive"),
            headers={"Content-Type": "application/xml"},
        )
        line = client.post(PATH, content=b"Heartbeat", headers={"Content-Type": "text/plain"})
        over = client.post(
            PATH,
            params=WHERE,
            content=b"Code=VideoMotion;action=Stop;index=0",
            headers={"Content-Type": "text/plain"},
        )
    assert xml.json() == line.json() == {"events": [], "heartbeats": 1, "ended": 0}
    assert over.json() == {"events": [], "heartbeats": 0, "ended": 1}
    assert beats() == before + 2
    assert len(decider.seen) == events


def test_several_events_have_an_answer_each(stack: Stack, decider: Decider) -> None:
    nonce = uuid.uuid4().hex[:8]
    body = {
        "Events": [
            {"Code": "CrossLineDetection", "Data": {"RealUTC": NOW.timestamp(), "EventID": nonce}},
            {"Code": "LeftDetection", "Data": {"RealUTC": NOW.timestamp(), "EventID": nonce}},
        ]
    }
    with stack.client() as client:
        answer = client.post(PATH, params=WHERE, json=body)
    assert answer.status_code == 200
    names = [one["event_id"] for one in answer.json()["events"]]
    kinds = {one.event_id: one.event_type for one in decider.seen}
    assert [kinds[name] for name in names] == ["line_crossing", "unattended_object"]


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"x" * (9 << 20), "multipart/form-data; boundary=a", 413, "body-too-large"),
        (b"<a/>" * 100_000, "application/xml", 413, "body-too-large"),
        (b"<!DOCTYPE a><a/>", "application/xml", 400, "malformed-body"),
        (b"", "image/jpeg", 415, "unsupported-media-type"),
        (b"<EventNotificationAlert/>", "text/xml", 422, "invalid"),
    ],
)
def test_what_is_wrong_is_refused_and_counted(
    stack: Stack, body: bytes, kind: str, status: int, code: str
) -> None:
    def refused() -> float:
        with stack.client() as client:
            text = client.get("/metrics").text
        name = f'cv_events_refused_total{{problem="{code}"}}'
        return next(
            (float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)), 0.0
        )

    before = refused()
    with stack.client() as client:
        answer = client.post(PATH, content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["type"]) == (status, f"/v1/problems/{code}")
    assert refused() == before + 1


def test_a_confidence_of_7_and_a_time_years_ago_are_named(stack: Stack, decider: Decider) -> None:
    body = {"event_type": "intrusion", "camera_id": "gate", "zone_id": "dock", "confidence": 7}
    with stack.client() as client:
        sure = client.post(PATH, json=body)
        old = client.post(
            PATH,
            json={
                **body,
                "confidence": 0.7,
                "timestamp_utc": "1999-01-01T00:00:00Z",
                "vendor": "rejected:timestamp_out_of_range",
                "raw_payload": uuid.uuid4().hex,
            },
        )
    assert sure.status_code == 422
    assert sure.json()["errors"] == [
        {
            "field": "body.confidence",
            "detail": "Expected `float` <= 1.0; has to be a number from 0 to 1",
        }
    ]
    assert old.json()["reason"] == "timestamp_out_of_range"
    assert old.json()["detail"].startswith("timestamp_utc: has to be at most 5 min ahead")
