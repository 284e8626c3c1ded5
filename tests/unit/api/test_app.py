"""Every error is a problem document; every answer carries the security headers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from api.event.schemas import CvEvent
from api.problems import PROBLEMS
from schemas.document import Camera, ConfigRecord, Site, Zone


def problem(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code
    assert found["title"]
    assert found["detail"]
    return found


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/nothing", {}, 404, "no-such-address"),
        ("GET", "/v1/alerts/", {}, 404, "no-such-address"),
        ("DELETE", "/v1/alerts", {}, 405, "method-not-allowed"),
        ("GET", "/v1/alerts?limit=0", {}, 422, "invalid"),
        ("GET", "/v1/alerts?limit=501", {}, 422, "invalid"),
        ("GET", "/v1/alerts?stat=open", {}, 422, "invalid"),
        ("GET", "/v1/alerts?state=gone", {}, 422, "invalid"),
        ("GET", "/v1/events?since=yesterday", {}, 422, "invalid"),
        ("GET", "/v1/events?since=2026-03-02T10:00:00", {}, 422, "invalid"),
        ("GET", "/v1/events?camera_id=a%00b", {}, 422, "invalid"),
        ("GET", "/v1/events/a%00b", {}, 422, "invalid"),
        ("GET", "/v1/events/e/snapshots/9", {}, 422, "invalid"),
        ("GET", "/v1/sites", {}, 503, "not-ready"),
        ("POST", "/v1/events/cv", {"json": {"event_type": 1}}, 422, "invalid"),
        ("POST", "/v1/events/cv", {"json": [1]}, 400, "malformed-body"),
        ("POST", "/v1/events/cv", {"content": b"x"}, 415, "unsupported-media-type"),
        (
            "POST",
            "/v1/events/cv",
            {"json": {}, "headers": {"Idempotency-Key": "k" * 201}},
            422,
            "invalid",
        ),
        ("GET", "/v1/sites", {"headers": {"Host": "example.com"}}, 421, "misdirected-host"),
        (
            "POST",
            "/v1/events/cv",
            {"json": {}, "headers": {"Origin": "http://example.com"}},
            403,
            "cross-origin",
        ),
        ("GET", "/v1/problems/none", {}, 404, "not-found"),
    ],
)
async def test_problems(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    options: dict[str, Any],
    status: int,
    code: str,
) -> None:
    answer = await client.request(method, path, **options)
    assert answer.status_code == status
    assert problem(answer)["type"] == f"/v1/problems/{code}"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_405_says_what_is_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/events/cv", json={})
    assert answer.headers["allow"] == "POST"


async def test_a_wrong_parameter_is_named(client: httpx.AsyncClient) -> None:
    found = problem(await client.get("/v1/alerts?min_rank=x&colour=red"))
    assert {error["field"] for error in found["errors"]} == {"query.min_rank", "query.colour"}


async def test_a_defect_tells_nothing_and_names_its_log_entry(
    app: FastAPI, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise RuntimeError("the password is hunter2")

    app.add_api_route("/broken", broken)
    answer = await client.get("/broken")
    found = problem(answer)
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert found["instance"] in caplog.text
    assert answer.headers["content-security-policy"]


async def test_each_problem_has_its_page(client: httpx.AsyncClient) -> None:
    for code, kind in PROBLEMS.items():
        answer = await client.get(f"/v1/problems/{code}")
        assert answer.json()["status"] == kind.status
        assert answer.json()["meaning"] == kind.meaning


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/devices", "text/html"),
        ("/live/dom.js", "text/javascript"),
        ("/live/devices.js", "text/javascript"),
        ("/live/uptime.js", "text/javascript"),
        ("/live/style.css", "text/css"),
    ],
)
async def test_the_page_is_served_and_revalidated(
    client: httpx.AsyncClient, path: str, kind: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_page_asks_nobody_else(client: httpx.AsyncClient) -> None:
    scripts = ("dom", "devices", "uptime")
    for path in ("/devices", "/live/style.css", *(f"/live/{name}.js" for name in scripts)):
        text = (await client.get(path)).text
        assert "https://" not in text
        assert text.count("http://") == text.count("http://www.w3.org/")


async def test_live_needs_nothing_and_ready_says_what_is_missing(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/health/live")).json() == {"status": "live"}
    answer = await client.get("/health/ready")
    assert answer.status_code == 503
    missing = {check["name"] for check in answer.json()["checks"] if not check["ok"]}
    assert missing == {"broker", "database", "configuration", "followers"}


def resolve(schema: Any, components: dict[str, Any]) -> Any:
    return {**schema, "components": {"schemas": components}} if schema else schema


def test_openapi_is_3_1_and_its_examples_are_true(app: FastAPI) -> None:
    spec = app.openapi()
    assert spec["openapi"].startswith("3.1")
    components = spec["components"]["schemas"]
    checked = 0
    for path, operations in spec["paths"].items():
        for operation in operations.values():
            contents = [answer.get("content", {}) for answer in operation["responses"].values()]
            contents.append(operation.get("requestBody", {}).get("content", {}))
            for content in contents:
                for media in content.values():
                    examples = [e["value"] for e in media.get("examples", {}).values()]
                    if "example" in media:
                        examples.append(media["example"])
                    validator = Draft202012Validator(resolve(media.get("schema"), components))
                    for example in examples:
                        validator.validate(example)
                        checked += 1
            if path != "/metrics":
                assert operation["summary"]
    assert checked > 15
    text = str(spec)
    assert "HTTPValidationError" not in text
    for schema in ("AlertView", "EventView", "ZoneView", "ProblemDocument", "CvEvent"):
        assert schema in components


async def test_no_body_whatever_is_a_defect(app: FastAPI, client: httpx.AsyncClient) -> None:
    """A known site, and an emitter that is not started: right bodies are 503, wrong ones 4xx."""
    api = app.state.api
    site = Site(
        site_id="north",
        cameras=(Camera(camera_id="gate"),),
        zones=(Zone(zone_id="yard", camera_ids=("gate",)),),
    )
    at = datetime(2026, 3, 2, tzinfo=UTC)
    api.configuration.apply("north", ConfigRecord(revision=1, author="t", at=at, site=site))
    api.configuration.loaded.set()
    names = [field.encode_name for field in msgspec.structs.fields(CvEvent)]
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    values = leaves | st.sampled_from(
        ["north", "yard", "gate", "high", "2026-03-02T10:00:00Z", "0001-01-01T00:00:00+14:00"]
    )
    bodies: list[dict[str, Any]] = []

    @given(
        st.dictionaries(
            st.sampled_from(names) | st.text(max_size=5),
            st.recursive(
                values,
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(max_size=3), inner, max_size=3)
                ),
                max_leaves=5,
            ),
        )
    )
    @settings(max_examples=150, deadline=None)
    def collect(body: dict[str, Any]) -> None:
        bodies.append(body)

    collect()
    right = {"event_type": "x", "camera_id": "gate", "zone_id": "yard"}
    bodies += [right, {**right, "site_id": "north", "media": bodies[:3]}]
    statuses = set()
    for body in bodies:
        content = msgspec.json.encode(body)
        answer = await client.post(
            "/v1/events/cv", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in {400, 404, 409, 422, 503}, body
        statuses.add(answer.status_code)
    assert {422, 503} <= statuses
