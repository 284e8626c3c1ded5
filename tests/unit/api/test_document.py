"""Documents as they are told, and what is refused before a server is asked."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.account.identity import ROLE_SCOPES, Principal, Role
from api.context import Api
from api.document.conditions import expected, tag
from api.document.views import (
    MOST_CHANGES,
    changes_view,
    document_of,
    document_view,
    field_errors,
    misplaced,
    orphans,
)
from api.paging import fingerprint
from api.problems import PreconditionRequired
from infra.db.changes import Change, compare
from infra.db.documents import Kept
from schemas.document import Camera, ConfigRecord, Document, Receiver, Route, Routing, Site, Zone
from schemas.document_reader import examine_value, read, value_of
from schemas.reading.problems import Problem

NORTH = Site(site_id="north", cameras=(Camera(camera_id="gate"),))
SOC = Routing(route=Route(receiver="soc"), receivers=(Receiver(name="soc"),))
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ('"7"', {7}),
        ('"7", "9"', {7, 9}),
        (' "7" ,"8"', {7, 8}),
        ('W/"7"', set()),  # a weak tag matches nothing that is changed
        ("7", set()),
        ('"seven"', set()),
        ('"' + "9" * 30 + '"', set()),
        (",".join(f'"{n}"' for n in range(40)), set(range(10))),
    ],
)
def test_the_revisions_that_a_change_was_made_of(header: str, wanted: set[int]) -> None:
    assert expected(header) == wanted


@pytest.mark.parametrize("header", [None, "", " ", "*", '"7", *', ","])
def test_no_revision_is_none(header: str | None) -> None:
    with pytest.raises(PreconditionRequired):
        expected(header)


def test_a_tag_is_what_is_expected_again() -> None:
    assert expected(tag(12)) == {12}


@pytest.mark.parametrize(
    ("document", "site_id", "paths"),
    [
        (document_of(NORTH), "north", []),
        (document_of(NORTH), "south", [("sites", 0, "site_id")]),
        (Document(sites=(NORTH, Site(site_id="south"))), "north", [("sites", 1, "site_id")]),
        (Document(), "north", [()]),
        (Document(sites=(NORTH,), routing=SOC), "north", [()]),
        (document_of(SOC), None, []),
        (document_of(None), None, []),  # no routing at all is one
        (Document(sites=(NORTH,), routing=SOC), None, [("sites",)]),
    ],
)
def test_a_document_is_of_its_own_part(
    document: Document, site_id: str | None, paths: list[tuple[str | int, ...]]
) -> None:
    assert [one.path for one in misplaced(document, site_id)] == paths


def test_a_receiver_that_a_zone_names_cannot_go() -> None:
    zone = Zone(zone_id="yard", camera_ids=("gate",), alert_destinations=("soc", "night"))
    site = Site(site_id="north", cameras=NORTH.cameras, zones=(zone,))
    (found,) = orphans([site, NORTH], SOC)
    assert "'yard' of site 'north' names receiver 'night'" in found.message


def test_differences_are_bounded_in_number_and_in_size() -> None:
    big = [[n / 1000, 0.5] for n in range(1000)]
    found, more = changes_view(
        [
            Change(path="name", after="North"),
            Change(path="timezone", before="UTC"),
            Change(path="zones[yard].polygons", before=[], after=big),
            *(Change(path=f"x{n}", before=n, after=n + 1) for n in range(MOST_CHANGES)),
        ]
    )
    added, removed, large, *rest = found
    assert (added.kind, added.after, removed.kind, removed.before) == (
        "added",
        "North",
        "removed",
        "UTC",
    )
    assert (large.cut, large.before, large.after) == (True, None, None)
    assert (rest[0].kind, rest[0].before, rest[0].after) == ("changed", 0, 1)
    assert (len(found), more) == (MOST_CHANGES, 3)


def test_a_document_is_told_as_data_and_as_text_that_say_the_same() -> None:
    kept = Kept(revision=7, author="kim", at=AT, part=NORTH)
    view = document_view("north", kept)
    assert (view.revision, view.author, view.at) == (7, "kim", AT)
    assert read(view.yaml) == document_of(NORTH)
    assert examine_value(view.document).document == document_of(NORTH)
    assert document_view(None, None).revision == 0


def test_a_problem_is_a_field_of_the_body() -> None:
    problems = [
        Problem(0, "no", path=("sites", 0, "zones", 2, "severity")),
        Problem(4, "no"),
        Problem(0, "no"),
    ]
    assert [one.field for one in field_errors(problems)] == [
        "body.document.sites[0].zones[2].severity",
        "body.document:4",
        "body.document",
    ]


class Desk:
    """Whoever asks is this one."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    async def principal(self, credential: str) -> Principal:
        return self._principal

    def stands(self, principal: Principal) -> bool:
        return True


def principal(role: Role = Role.ADMIN, sites: frozenset[str] | None = None) -> Principal:
    return Principal(
        id="u",
        name="kim",
        kind="user",
        role=role,
        scopes=ROLE_SCOPES[role],
        sites=sites,
        session_id="s",
    )


@pytest.fixture
def client(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """With a credential; whose it is, `configured` says."""
    client.headers["Authorization"] = "Bearer of-somebody"
    return client


def configured(app: FastAPI, who: Principal | None = None) -> Api:
    api: Api = app.state.api
    api.authority = Desk(who or principal())
    api.configuration.apply("north", ConfigRecord(revision=7, author="kim", at=AT, site=NORTH))
    api.configuration.loaded.set()
    return api


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/v1/sites/elsewhere/document", {}, None, 404),
        ("PUT", "/v1/sites/elsewhere/document", {"If-Match": '"7"'}, {"document": {}}, 404),
        ("POST", "/v1/sites/elsewhere/document/check", {}, {"document": {}}, 404),
        ("GET", "/v1/sites/elsewhere/document/history", {}, None, 404),
        ("GET", "/v1/sites/elsewhere/document/history/3", {}, None, 404),
        ("POST", "/v1/sites/elsewhere/document/history/3/restore", {"If-Match": '"7"'}, None, 404),
        ("PUT", "/v1/sites/north/document", {}, {"document": {}}, 428),
        ("PUT", "/v1/sites/north/document", {"If-Match": "*"}, {"document": {}}, 428),
        ("POST", "/v1/sites/north/document/history/3/restore", {}, None, 428),
        ("PUT", "/v1/routing", {}, {"document": {}}, 428),
        ("PUT", "/v1/sites/north/document", {"If-Match": '"7"'}, {"document": 7}, 422),
        ("PUT", "/v1/sites/north/document", {"If-Match": '"7"'}, {}, 422),
        ("GET", "/v1/sites/north/document/history/none", {}, None, 422),
        ("GET", "/v1/sites/north/document/history?limit=1000", {}, None, 422),
        ("GET", "/v1/routing/history?cursor=eels", {}, None, 400),
        ("GET", "/v1/sites/north/document", {}, None, 503),  # nobody is there to ask
        ("PUT", "/v1/routing", {"If-Match": '"0"'}, {"document": {"receivers": []}}, 503),
    ],
)
async def test_what_is_refused(
    app: FastAPI,
    client: httpx.AsyncClient,
    method: str,
    path: str,
    headers: dict[str, str],
    body: Any,
    status: int,
) -> None:
    configured(app)
    found = await client.request(method, path, headers=headers, json=body)
    assert found.status_code == status, found.text
    assert found.headers["content-type"] == "application/problem+json"


async def test_every_problem_of_a_document_is_told_at_its_field(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    """Code in it is text, and what aliases expand to is bounded: it is read as any document."""
    configured(app)
    bad = {
        "sites": [
            {
                "site_id": "north",
                "cameras": [{"camera_id": "gate"}],
                "zones": [
                    {"zone_id": "yard", "camera_ids": ["gate", "fence"]},
                    {"zone_id": "dock", "camera_ids": ["gate"], "alert_destinations": ["soc"]},
                ],
            }
        ]
    }
    headers = {"If-Match": '"7"'}
    found = await client.put("/v1/sites/north/document", headers=headers, json={"document": bad})
    assert found.status_code == 422
    assert [one["field"] for one in found.json()["errors"]] == [
        "body.document.sites[0].zones[0].camera_ids[1]",
        "body.document.sites[0].zones[1].alert_destinations[0]",
    ]
    text = "sites: !!python/object/apply:os.system ['true']"
    found = await client.put("/v1/sites/north/document", headers=headers, json={"document": text})
    assert found.status_code == 422
    assert "the tag '!!python" in found.text or "the tag 'tag:yaml.org" in found.text


@pytest.mark.parametrize(
    "camera",
    [
        {"camera_id": "gate", "stream": "rtsp://admin:hunter2@10.0.0.8/main"},
        {"camera_id": "gate", "credentials": "hunter2 is the password"},
    ],
)
async def test_a_secret_is_refused_and_never_told_back(
    app: FastAPI, client: httpx.AsyncClient, camera: dict[str, Any], caplog: Any
) -> None:
    configured(app)
    found = await client.put(
        "/v1/sites/north/document",
        headers={"If-Match": '"7"'},
        json={"document": {"sites": [{"site_id": "north", "cameras": [camera]}]}},
    )
    assert found.status_code == 422
    assert "hunter2" not in found.text
    assert "hunter2" not in caplog.text


async def test_the_routing_keeps_the_receivers_that_zones_name(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    api = configured(app)
    zone = Zone(zone_id="yard", camera_ids=("gate",), alert_destinations=("soc",))
    site = Site(site_id="north", cameras=NORTH.cameras, zones=(zone,))
    api.configuration.apply("north", ConfigRecord(revision=8, author="kim", at=AT, site=site))
    found = await client.put(
        "/v1/routing",
        headers={"If-Match": '"0"'},
        json={"document": {"receivers": [{"name": "other"}]}},
    )
    assert found.status_code == 422
    assert "names receiver 'soc', which would not exist" in found.json()["detail"]


NORTH_ONLY = frozenset({"north"})
SOUTH_ONLY = frozenset({"south"})
RESTORE = "/history/3/restore"


@pytest.mark.parametrize(
    ("who", "method", "path", "status"),
    [
        (principal(Role.VIEWER), "GET", "/v1/sites/north/document", 503),
        (principal(Role.VIEWER), "POST", "/v1/sites/north/document/check", 503),
        (principal(Role.VIEWER), "GET", "/v1/routing/history", 503),
        (principal(Role.OPERATOR), "PUT", "/v1/sites/north/document", 403),
        (principal(Role.OPERATOR), "POST", f"/v1/sites/north/document{RESTORE}", 403),
        (principal(Role.OPERATOR), "PUT", "/v1/routing", 403),
        (principal(Role.OPERATOR), "POST", f"/v1/routing{RESTORE}", 403),
        (principal(sites=NORTH_ONLY), "PUT", "/v1/sites/north/document", 503),
        (principal(sites=SOUTH_ONLY), "GET", "/v1/sites/north/document", 404),
        (principal(sites=SOUTH_ONLY), "PUT", "/v1/sites/north/document", 404),
        (principal(sites=SOUTH_ONLY), "POST", "/v1/sites/north/document/check", 404),
        (principal(sites=SOUTH_ONLY), "GET", "/v1/sites/north/document/history", 404),
        (principal(sites=SOUTH_ONLY), "GET", "/v1/sites/north/document/history/3", 404),
        (principal(sites=SOUTH_ONLY), "POST", f"/v1/sites/north/document{RESTORE}", 404),
        (principal(sites=NORTH_ONLY), "GET", "/v1/routing", 403),
        (principal(sites=NORTH_ONLY), "PUT", "/v1/routing", 403),
        (principal(sites=NORTH_ONLY), "POST", "/v1/routing/check", 403),
        (principal(sites=NORTH_ONLY), "GET", "/v1/routing/history", 403),
        (principal(sites=NORTH_ONLY), "GET", "/v1/routing/history/3", 403),
        (principal(sites=NORTH_ONLY), "POST", f"/v1/routing{RESTORE}", 403),
    ],
)
async def test_who_may(
    app: FastAPI, client: httpx.AsyncClient, who: Principal, method: str, path: str, status: int
) -> None:
    """503: whoever may is told that nobody is there to ask."""
    configured(app, who)
    document = {"receivers": []} if path.startswith("/v1/routing") else value_of(document_of(NORTH))
    answer = await client.request(
        method, path, headers={"If-Match": '"7"'}, json={"document": document}
    )
    assert answer.status_code == status, answer.text


async def test_nobody_is_nobody(app: FastAPI, client: httpx.AsyncClient) -> None:
    configured(app)
    del client.headers["Authorization"]
    assert (await client.get("/v1/sites/north/document")).status_code == 401


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
NAMES = st.sampled_from(
    ["sites", "site_id", "zones", "cameras", "camera_id", "polygons", "route", "routes", "matchers"]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(), inner),
    max_leaves=20,
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(VALUES, st.sampled_from(["/v1/sites/north/document", "/v1/routing"]))
async def test_no_document_whatever_is_a_defect(
    app: FastAPI, client: httpx.AsyncClient, value: Any, place: str
) -> None:
    """Right ones are 503, because nobody is there to take them; wrong ones are told."""
    configured(app)
    found = await client.put(place, headers={"If-Match": '"7"'}, json={"document": value})
    assert found.status_code in {400, 422, 503}
    if found.status_code == 422:
        assert found.json()["errors"]


@pytest.mark.parametrize("revision", [0, -1, 2**62 + 1, 10**30, "7", None, [7]])
async def test_a_cursor_that_somebody_made_is_none(
    app: FastAPI, client: httpx.AsyncClient, revision: Any
) -> None:
    configured(app)
    made = msgspec.json.encode([fingerprint("history", None), [revision]])
    text = base64.urlsafe_b64encode(made).decode().rstrip("=")
    found = await client.get("/v1/routing/history", params={"cursor": text})
    assert found.status_code == 400


def test_a_moved_zone_is_a_difference_of_its_polygon() -> None:
    before = {"zones": [{"zone_id": "yard", "polygons": {"gate": [[0, 0], [1, 0], [1, 1]]}}]}
    after = {"zones": [{"zone_id": "yard", "polygons": {"gate": [[0, 0], [1, 0], [0, 1]]}}]}
    ((change,), _) = changes_view(list(compare(before, after)))
    assert change.path == "zones[yard].polygons.gate"
