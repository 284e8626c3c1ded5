"""What a client has already is not sent again; what says so itself is left alone."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI, Response

from api.caching import matches, tag_of
from api.openapi import reply

TAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "known"),
    [
        (None, False),
        ("", False),
        (TAG, True),
        (f"W/{TAG}", True),  # a proxy may have weakened it
        (f'"x",{TAG}', True),
        (f'"x" ,  W/{TAG} ', True),
        ("*", True),
        ("abc", False),
        ('"abcd"', False),
        (f"{','.join(['x'] * 100)},{TAG}", False),  # more than anybody keeps
    ],
)
def test_matches(header: str | None, known: bool) -> None:
    assert matches(header, TAG) is known


async def test_an_answer_is_revalidated(app: FastAPI, client: httpx.AsyncClient) -> None:
    said = [1]
    app.add_api_route("/said", lambda: reply(said))
    first = await client.get("/said")
    assert first.headers["etag"] == tag_of(b"[1]")
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Authorization, Cookie"
    again = await client.get("/said", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == "private, no-cache"
    assert "content-type" not in again.headers
    said.append(2)
    changed = await client.get("/said", headers={"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, changed.json()) == (200, [1, 2])
    assert changed.headers["etag"] != first.headers["etag"]


async def test_what_is_no_answer_of_ours_has_no_tag(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.add_api_route("/kept", lambda: reply(1, headers={"Cache-Control": "no-store"}))
    app.add_api_route("/csv", lambda: Response("a", media_type="text/csv"))
    app.add_api_route("/wrote", lambda: reply(1), methods=["POST"])
    for method, path, status in (
        ("GET", "/kept", 200),
        ("GET", "/csv", 200),
        ("POST", "/wrote", 200),
        ("GET", "/v1/sites", 503),
        ("GET", "/nothing", 404),
    ):
        answer = await client.request(method, path, headers={"If-None-Match": "*"})
        assert answer.status_code == status, path
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
