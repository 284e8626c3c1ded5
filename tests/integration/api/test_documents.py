"""Documents over HTTP: read, checked, saved by one of two, in force, and taken back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api.account.identity import Role
from infra.db.documents import publish
from infra.db.outbox import drain_outbox
from infra.settings import Settings
from tests.integration.api.people import PASSWORD, bearer, knows_accounts, person, sign_in
from tests.integration.api.support import document as document_of_all
from tests.integration.api.support import (
    is_ready,
    make_ready,
    run_in_thread,
    serving,
    wait_until,
)

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

NORTH = "/v1/sites/north/document"


@pytest.fixture(scope="module")
def settings_of(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A namespace of this file's own: what it saves is nobody else's."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("documents-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace=f"documents-{uuid.uuid4().hex[:8]}",
    )
    make_ready(settings)
    return settings


@pytest.fixture(scope="module")
def client(settings_of: Settings) -> Iterator[httpx.Client]:
    """An administrator of the façade in front of it."""
    with serving(settings_of) as stack:
        wait_until(lambda: is_ready(stack), "the façade is ready", 120)
        wait_until(lambda: knows_accounts(stack), "the accounts are read", 60)
        person(stack, Role.ADMIN, name="kim")
        with stack.client(60) as found:
            found.headers.update(bearer(sign_in(found, "kim", PASSWORD)["access_token"]))
            yield found


def read(client: httpx.Client, place: str = NORTH) -> tuple[str, dict[str, Any]]:
    """ETag and document."""
    found = client.get(place)
    assert found.status_code == 200, found.text
    return found.headers["etag"], found.json()["document"]


def save(
    client: httpx.Client, tag: str, document: dict[str, Any], place: str = NORTH
) -> httpx.Response:
    return client.put(place, headers={"If-Match": tag}, json={"document": document})


def zone(document: dict[str, Any], zone_id: str = "yard") -> dict[str, Any]:
    found: dict[str, Any] = next(
        one for one in document["sites"][0]["zones"] if one["zone_id"] == zone_id
    )
    return found


def test_a_site_is_made_once_and_worked_on_like_any_other(client: httpx.Client) -> None:
    body = {"site_id": "harbour", "name": "Harbour", "timezone": "Europe/Lisbon"}
    assert client.get("/v1/sites/harbour").status_code == 404
    made = client.post("/v1/sites", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["in_force"] is True
    assert made.headers["location"] == "/v1/sites/harbour"
    site = client.get("/v1/sites/harbour").json()
    assert (site["name"], site["timezone"], site["cameras"]) == ("Harbour", "Europe/Lisbon", 0)
    tag, document = read(client, "/v1/sites/harbour/document")
    assert tag == f'"{made.json()["revision"]}"'
    document["sites"][0]["cameras"] = [{"camera_id": "quay"}]
    assert save(client, tag, document, "/v1/sites/harbour/document").status_code == 200

    # Who comes second takes nothing away from the first.
    again = client.post("/v1/sites", json={"site_id": "harbour"})
    assert (again.status_code, again.json()["type"]) == (409, "/v1/problems/conflict")
    assert client.get("/v1/sites/harbour").json()["cameras"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Nowhere"}, "body.site_id"),
        ({"site_id": "a b"}, "body.site_id"),
        ({"site_id": "*"}, "body.site_id"),
        ({"site_id": "fine", "name": ""}, "body.name"),
        ({"site_id": "fine", "timezone": "Europe/Atlantis"}, "body.timezone"),
        ({"site_id": "fine", "cameras": []}, "body"),
    ],
)
def test_a_site_that_is_none_is_not_made(
    client: httpx.Client, body: dict[str, Any], field: str
) -> None:
    answer = client.post("/v1/sites", json=body)
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert client.get("/v1/sites/fine").status_code == 404


def test_a_moved_zone_is_checked_saved_in_force_and_taken_back(client: httpx.Client) -> None:
    tag, document = read(client)
    polygon = [[0.1, 0.1], [0.6, 0.1], [0.6, 0.9]]
    zone(document)["polygons"] = {"gate": polygon}

    checked = client.post(f"{NORTH}/check", json={"document": document}).json()
    assert (checked["ok"], f'"{checked["revision"]}"') == (True, tag)
    # The only polygon: the whole field is new.
    assert [one["path"] for one in checked["changes"]] == ["zones[yard].polygons"]
    # A check changes nothing.
    assert read(client)[0] == tag

    saved = save(client, tag, document)
    assert saved.status_code == 200
    assert saved.json()["in_force"] is True
    assert saved.headers["etag"] == f'"{saved.json()["revision"]}"' != tag
    # What every role works by has it.
    (yard,) = [
        one
        for one in client.get("/v1/zones", params={"site_id": "north"}).json()
        if one["zone_id"] == "yard"
    ]
    assert yard["polygons"] == {"gate": polygon}
    assert client.get("/v1/sites/north").json()["revision"] == saved.json()["revision"]

    newest = client.get(NORTH)
    assert newest.json()["author"] == "kim"
    assert client.get(NORTH, headers={"If-None-Match": saved.headers["etag"]}).status_code == 304
    # The text says the same; saved as it is, it makes no revision.
    again = client.put(
        NORTH,
        headers={"If-Match": saved.headers["etag"]},
        json={"document": newest.json()["yaml"]},
    )
    assert again.json()["revision"] == saved.json()["revision"]

    history = client.get(f"{NORTH}/history").json()["items"]
    assert [one["author"] for one in history[:2]] == ["kim", "test"]
    assert [one["path"] for one in history[0]["changes"]] == ["zones[yard].polygons"]
    first = history[-1]["revision"]
    back = client.post(
        f"{NORTH}/history/{first}/restore", headers={"If-Match": saved.headers["etag"]}
    )
    assert back.status_code == 200
    assert back.json()["revision"] > saved.json()["revision"]
    assert "polygons" not in zone(read(client)[1])
    assert client.get(f"{NORTH}/history/{saved.json()['revision']}").json()["revision"] != first
    assert (
        client.post(
            f"{NORTH}/history/999999/restore", headers={"If-Match": back.headers["etag"]}
        ).status_code
        == 404
    )


def test_of_two_who_save_at_once_one_is_told(client: httpx.Client) -> None:
    tag, document = read(client)

    def one(number: int) -> httpx.Response:
        mine = {"sites": [{**document["sites"][0], "name": f"North {number}"}]}
        return save(client, tag, mine)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(one, range(4)))
    assert sorted(response.status_code for response in found) == [200, 412, 412, 412]
    winner = next(one for one in found if one.status_code == 200)
    for loser in (one for one in found if one.status_code == 412):
        assert loser.json()["type"] == "/v1/problems/document-changed"
        assert f"Revision {winner.json()['revision']}, by kim" in loser.json()["detail"]
        assert loser.headers["etag"] == winner.headers["etag"]
    assert read(client)[0] == winner.headers["etag"]


def test_pages_of_a_history_meet(client: httpx.Client) -> None:
    for number in range(3):
        tag, document = read(client)
        document["sites"][0]["name"] = f"Page {number}"
        assert save(client, tag, document).status_code == 200
    whole = client.get(f"{NORTH}/history", params={"limit": 100}).json()
    assert whole["next"] is None
    paged: list[int] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get(f"{NORTH}/history", params=query).json()
        assert len(page["items"]) <= 2
        paged += [one["revision"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert paged == [one["revision"] for one in whole["items"]]
    # A cursor is its own history's.
    first = client.get(f"{NORTH}/history", params={"limit": 1}).json()["next"]
    other = client.get("/v1/sites/south/document/history", params={"cursor": first})
    assert other.status_code == 400


def test_the_routing_starts_with_none_and_is_changed_by_who_read_it(client: httpx.Client) -> None:
    found = client.get("/v1/routing")
    assert (found.headers["etag"], found.json()["revision"]) == ('"0"', 0)
    document = {
        "route": {"receiver": "soc", "routes": [{"matchers": ['severity="critical"']}]},
        "receivers": [{"name": "soc", "channels": [{"kind": "log"}]}],
    }
    wrong = {**document, "route": {"receiver": "soc", "routes": [{"matchers": ["severity"]}]}}
    checked = client.post("/v1/routing/check", json={"document": wrong}).json()
    assert checked["ok"] is False
    assert [one["path"] for one in checked["problems"]] == [["route", "routes", 0, "matchers", 0]]
    saved = save(client, '"0"', document, "/v1/routing")
    assert saved.status_code == 200, saved.text
    assert saved.json()["in_force"] is True
    assert save(client, '"0"', {"receivers": []}, "/v1/routing").status_code == 412
    # Now a zone may name its receiver, and then the receiver has to stay.
    tag, north = read(client)
    zone(north)["alert_destinations"] = ["soc"]
    assert save(client, tag, north).status_code == 200
    gone = save(client, saved.headers["etag"], {"receivers": []}, "/v1/routing")
    assert gone.status_code == 422
    assert "names receiver 'soc', which would not exist" in gone.json()["detail"]


def test_a_site_that_was_taken_away_may_come_back(
    client: httpx.Client, settings_of: Settings
) -> None:
    body = {"site_id": "depot", "name": "Depot"}
    assert client.post("/v1/sites", json=body).status_code == 201
    publish(settings_of, document_of_all(), "test", prune=True)
    run_in_thread(lambda: drain_outbox(settings_of))
    wait_until(lambda: client.get("/v1/sites/depot").status_code == 404, "it is gone", 30)
    assert client.post("/v1/sites", json=body).status_code == 201
    assert client.get("/v1/sites/depot").json()["cameras"] == 0
