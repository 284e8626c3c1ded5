"""Lists, pages and pictures from a real database, as the role that row-level security holds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from api import examples
from infra.blob.open import open_store
from infra.settings import Settings
from schemas.alert import Alert, AlertState, RankPart, StepDone
from schemas.base import Severity
from schemas.ids import snapshot_id, step_id
from tests.integration.api.support import NOW, PROCEDURE, Stack

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

TYPE = f"t{uuid.uuid4().hex[:8]}"
"""The type of this module's alerts and events, which tells them from other modules'."""


def alert(number: int, **fields: Any) -> Alert:
    known = msgspec.structs.asdict(examples.ALERT)
    known.pop("snapshot_url")
    at = NOW + timedelta(seconds=number)
    return Alert(
        **{
            **known,
            "alert_id": f"{TYPE}-{number:03}",
            "event_type": TYPE,
            "opened_at": at,
            "rank": (number * 7) % 10,
            "reasons": (RankPart(name="severity", points=(number * 7) % 10, reason="so"),),
            **fields,
        }
    )


def event(number: int, **fields: Any) -> dict[str, Any]:
    at = (NOW + timedelta(seconds=number // 2)).isoformat()  # two of each instant
    return {
        "event_id": f"{TYPE}-e{number:03}",
        "site_id": "north",
        "event_type": TYPE,
        "occurred_at": at,
        "recorded_at": at,
        "source": "external",
        "camera_id": "gate",
        "zone_id": "dock",
        "box": [0.1, 0.2, 0.3, 0.4],
        "snapshots": 0,
        "labels": {},
        **fields,
    }


def decision(number: int, result: str, reason: str | None = None) -> dict[str, Any]:
    return {
        "event_id": f"{TYPE}-e{number:03}",
        "site_id": "north",
        "decision_id": f"d{number}",
        "result": result,
        "reason": reason,
        "alert_id": f"{TYPE}-000",
        "decided_at": NOW.isoformat(),
        "stages": [{"stage": "dedupe", "verdict": reason or "pass"}],
    }


@pytest.fixture(scope="module")
def filled(stack: Stack) -> Stack:
    """25 alerts at north, one at south, one at a site that is not configured; 25 events."""
    alerts = [alert(n) for n in range(23)]
    alerts += [
        alert(23, state=AlertState.RESOLVED, severity=Severity.LOW, camera_id="fence"),
        alert(24, state=AlertState.ACKNOWLEDGED, severity=Severity.CRITICAL, zone_id="dock"),
        alert(25, site_id="south", rank=9),
        alert(26, site_id="west", rank=9),
    ]
    stack.archive("alerts", alerts)
    stack.archive("events", [*(event(n) for n in range(25)), event(25, site_id="west")])
    stack.archive("decisions", [decision(0, "sent"), decision(1, "suppressed", "dedupe_window")])
    return stack


def pages(stack: Stack, path: str, between: Any = None, **query: Any) -> Iterator[list[Any]]:
    cursor = None
    with stack.client() as client:
        while True:
            answer = client.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            yield page["items"]
            cursor = page["next"]
            if cursor is None:
                return
            if between is not None:
                between()


@pytest.mark.parametrize("sort", ["rank", "newest"])
@pytest.mark.parametrize("limit", [1, 7, 26, 100])
def test_pages_of_alerts_are_the_whole_list_once(filled: Stack, sort: str, limit: int) -> None:
    walk = pages(filled, "/v1/alerts", type=TYPE, sort=sort, limit=limit)
    found = [found for page in walk for found in page]
    assert len(found) == 26
    key = (lambda a: (-a["rank"], a["alert_id"])) if sort == "rank" else (lambda a: a["alert_id"])
    ordered = sorted(found, key=key)
    assert found == (ordered if sort == "rank" else ordered[::-1])
    assert len({a["alert_id"] for a in found}) == 26


@pytest.mark.parametrize("sort", ["rank", "newest"])
def test_inserts_between_pages_neither_repeat_nor_hide_a_row(filled: Stack, sort: str) -> None:
    kind = f"i{uuid.uuid4().hex[:8]}"
    first = [alert(n, alert_id=f"{kind}-{n:03}", event_type=kind) for n in range(10)]
    filled.archive("alerts", first)
    fresh = iter(range(100, 200))

    def insert() -> None:
        number = next(fresh)
        filled.archive("alerts", [alert(number, alert_id=f"{kind}-{number}", event_type=kind)])

    found = [
        a["alert_id"]
        for page in pages(filled, "/v1/alerts", insert, type=kind, sort=sort, limit=3)
        for a in page
    ]
    assert len(found) == len(set(found))
    assert {a.alert_id for a in first} <= set(found)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 26),
        ({"site_id": "north"}, 25),
        ({"site_id": "south"}, 1),
        ({"state": "resolved"}, 1),
        ({"state": ["open", "acknowledged"]}, 25),
        ({"severity": "critical"}, 1),
        ({"camera_id": "fence"}, 1),
        ({"zone_id": "dock"}, 1),
        ({"min_rank": 9}, 3),
        ({"min_rank": 9, "site_id": "south"}, 1),
        ({"state": "resolved", "severity": "high"}, 0),
    ],
)
def test_filters_of_alerts(filled: Stack, query: dict[str, Any], count: int) -> None:
    with filled.client() as client:
        found = client.get("/v1/alerts", params={"type": TYPE, "limit": 500, **query}).json()
    assert (len(found["items"]), found["next"]) == (count, None)


def test_a_cursor_of_another_query_is_refused(filled: Stack) -> None:
    with filled.client() as client:
        cursor = client.get("/v1/alerts", params={"type": TYPE, "limit": 2}).json()["next"]
        for other in ({"sort": "newest"}, {"site_id": "north"}, {"min_rank": 1}):
            answer = client.get(
                "/v1/alerts", params={"type": TYPE, "limit": 2, "cursor": cursor, **other}
            )
            assert answer.status_code == 400
        goes_on = {"type": TYPE, "limit": 9, "cursor": cursor}
        assert client.get("/v1/alerts", params=goes_on).status_code == 200


def test_a_site_that_is_not_asked_for_is_not_there(filled: Stack) -> None:
    with filled.client() as client:
        assert client.get(f"/v1/alerts/{TYPE}-025").status_code == 200
        elsewhere = client.get(f"/v1/alerts/{TYPE}-025", params={"site_id": "north"})
        assert elsewhere.status_code == 404
        assert client.get(f"/v1/alerts/{TYPE}-026").status_code == 404
        assert client.get(f"/v1/events/{TYPE}-e025").status_code == 404
        assert client.get("/v1/alerts", params={"site_id": "west"}).status_code == 404


def test_an_alert_is_told_whole(filled: Stack) -> None:
    with filled.client() as client:
        found = client.get(f"/v1/alerts/{TYPE}-003").json()
    assert found["reasons"] == [{"name": "severity", "points": 1, "reason": "so"}]
    assert found["box"] == [0.41, 0.32, 0.48, 0.71]
    assert found["snapshot_url"] == f"/v1/alerts/{TYPE}-003/snapshot"
    assert found["resolved_at"] is None


@pytest.mark.parametrize("limit", [1, 4, 25, 30])
def test_pages_of_events_are_the_whole_list_once(filled: Stack, limit: int) -> None:
    found = [e for page in pages(filled, "/v1/events", type=TYPE, limit=limit) for e in page]
    assert len(found) == 25
    times = [e["occurred_at"] for e in found]
    assert times == sorted(times, reverse=True)
    assert len({e["event_id"] for e in found}) == 25


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"result": "sent"}, 1),
        ({"result": "suppressed", "reason": "dedupe_window"}, 1),
        ({"reason": "late"}, 0),
        ({"camera_id": "gate", "zone_id": "dock"}, 25),
        ({"camera_id": "fence"}, 0),
        ({"alert_id": f"{TYPE}-000"}, 2),
        ({"since": (NOW + timedelta(seconds=12)).isoformat()}, 1),
        ({"until": (NOW + timedelta(seconds=1)).isoformat()}, 2),
        ({"site_id": "south"}, 0),
    ],
)
def test_filters_of_events(filled: Stack, query: dict[str, Any], count: int) -> None:
    with filled.client() as client:
        found = client.get("/v1/events", params={"type": TYPE, "limit": 500, **query}).json()
    assert len(found["items"]) == count


def test_an_event_with_its_decision(filled: Stack) -> None:
    with filled.client() as client:
        decided = client.get(f"/v1/events/{TYPE}-e001").json()
        undecided = client.get(f"/v1/events/{TYPE}-e002").json()
    assert (decided["result"], decided["reason"]) == ("suppressed", "dedupe_window")
    assert decided["stages"] == [{"stage": "dedupe", "verdict": "dedupe_window"}]
    assert (undecided["result"], undecided["stages"]) == (None, [])


@pytest.fixture(scope="module")
def pictured(filled: Stack, api_settings: Settings) -> str:
    """An alert with pictures at -1, 0 and 1, the one at 1 gone from the store; the event's id."""
    event_id = f"{TYPE}-shot"
    store = open_store(api_settings)
    rows = []
    for position in (-1, 0, 1):
        key = f"snapshots/{TYPE}/{position + 3}.jpg"
        if position != 1:
            store.put(key, b"\xff\xd8\xff" + str(position).encode())
        rows.append(
            {
                "event_id": event_id,
                "site_id": "north",
                "position": position,
                "snapshot_id": snapshot_id("north", event_id, position),
                "camera_id": "gate",
                "captured_at": NOW.isoformat(),
                "width": 640,
                "height": 360,
                "content_type": "text/html",
                "bytes": 4,
                "blob_key": key,
            }
        )
    filled.archive("snapshots", rows)
    filled.archive("events", [event(0, event_id=event_id)])
    filled.archive(
        "alerts",
        [
            alert(0, alert_id=f"{TYPE}-shot", event_type="other", snapshot=event_id),
            alert(0, alert_id=f"{TYPE}-soon", event_type="other", snapshot=f"{TYPE}-e000"),
            alert(0, alert_id=f"{TYPE}-none", event_type="other", snapshot=None),
        ],
    )
    return event_id


def test_pictures_of_an_event(filled: Stack, pictured: str) -> None:
    with filled.client() as client:
        found = client.get(f"/v1/events/{pictured}/snapshots").json()
        assert [(s["position"], s["box"]) for s in found] == [
            (-1, None),
            (0, [0.1, 0.2, 0.3, 0.4]),
            (1, None),
        ]
        first = client.get(found[0]["url"])
        assert first.content == b"\xff\xd8\xff-1"
        # What the store or the row calls it does not matter to a browser.
        assert first.headers["content-type"] == "image/jpeg"
        again = client.get(found[0]["url"], headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        gone = client.get(found[2]["url"])
        assert (gone.status_code, "Its age" in gone.json()["detail"]) == (404, True)
        assert client.get(f"/v1/events/{pictured}/snapshots/3").status_code == 404
        assert client.get(f"/v1/events/{TYPE}-nothing/snapshots").status_code == 404


@pytest.mark.parametrize(
    ("name", "query", "content"),
    [
        ("shot", {}, b"\xff\xd8\xff0"),
        ("shot", {"position": -1}, b"\xff\xd8\xff-1"),
        ("shot", {"position": 2}, None),
        ("soon", {}, None),
        ("none", {}, None),
        ("absent", {}, None),
    ],
)
def test_the_picture_of_an_alert(
    filled: Stack, pictured: str, name: str, query: dict[str, Any], content: bytes | None
) -> None:
    with filled.client() as client:
        found = client.get(f"/v1/alerts/{TYPE}-{name}/snapshot", params=query)
    if content is None:
        assert found.status_code == 404
        assert found.headers["content-type"] == "application/problem+json"
    else:
        assert found.content == content


def test_the_history_of_an_alert_is_paged(filled: Stack) -> None:
    filled.archive(
        "activity",
        [
            {
                "activity_id": f"{TYPE}-{n}",
                "alert_id": f"{TYPE}-000",
                "site_id": "north",
                "kind": "commented",
                "at": (NOW + timedelta(seconds=n // 2)).isoformat(),
                "actor": "kim",
                "cause": "c",
                "detail": str(n),
            }
            for n in range(5)
        ],
    )
    path = f"/v1/alerts/{TYPE}-000/activity"
    found = [entry for page in pages(filled, path, limit=2) for entry in page]
    assert [entry["detail"] for entry in found] == ["0", "1", "2", "3", "4"]


def test_a_procedure_is_that_of_the_zone_and_of_what_an_alert_leads(stack: Stack) -> None:
    kind = f"p{uuid.uuid4().hex[:8]}"
    lead, member, other = (f"{kind}-{name}" for name in ("lead", "member", "other"))
    look, call = (step_id("north", "dock", text) for text in PROCEDURE)
    done = (StepDone(step_id=call, by="kim", at=NOW),)
    plain = msgspec.structs.asdict(alert(3, alert_id=other, event_type=kind, zone_id="dock"))
    del plain["procedure"]  # a writer of the release before
    stack.archive(
        "alerts",
        [
            alert(1, alert_id=lead, event_type=kind, zone_id="yard", incident=lead, procedure=done),
            alert(2, alert_id=member, event_type=kind, zone_id="dock", incident=lead),
            plain,
        ],
    )
    with stack.client() as client:

        def zones(alert_id: str) -> Any:
            found = client.get(f"/v1/alerts/{alert_id}/procedure").json()["zones"]
            return [
                (zone["zone_id"], [(s["step_id"], s["text"], s["done_by"]) for s in zone["steps"]])
                for zone in found
            ]

        undone = [(look, PROCEDURE[0], None), (call, PROCEDURE[1], None)]
        assert zones(lead) == [("dock", [undone[0], (call, PROCEDURE[1], "kim")])]
        assert zones(member) == [("dock", undone)]
        assert zones(other) == [("dock", undone)]
        (kept,) = client.get(f"/v1/alerts/{lead}").json()["procedure"]
        assert (kept["step_id"], kept["by"]) == (call, "kim")
        assert client.get(f"/v1/alerts/{other}").json()["procedure"] == []
        assert client.get("/v1/alerts/absent/procedure").status_code == 404
        table = {"from": NOW.isoformat(), "format": "ndjson"}
        lines = client.get("/v1/exports/alerts", params=table).text.splitlines()
        exported = {one["alert_id"]: one for one in map(msgspec.json.decode, lines)}
        assert exported[lead]["procedure"] == [kept]
