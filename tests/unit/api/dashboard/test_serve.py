"""What is served of a build, and what is not."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api import handlers
from api.dashboard.serve import DIST, ROUTES, router_of

SOURCES = DIST.parent / "src"
PAGE = "<!doctype html><title>built</title>"
SCRIPT = "export const answer = 42;\n" * 40


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "sw.js").write_text("self")
    (folder / "mark.svg").write_text("<svg/>")
    (folder / "assets" / "index-Ab_1-x.js").write_text(SCRIPT)
    (folder / "sources.sha256").write_text("0")
    (tmp_path / "secret.js").write_text("secret")
    return folder


@pytest.fixture
def client(dist: Path) -> httpx.AsyncClient:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(router_of(dist))
    handlers.install(app)
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.mark.parametrize("path", ["/", "/alerts/5f0c", "/alerts/a%20b", "/settings", "/index.html"])
async def test_each_page_is_the_one_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["cache-control"] == "no-cache"
    again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/alerts",
        "/alerts/a/b",
        "/nothing",
        "/sources.sha256",
        "/assets/nothing.js",
        "/assets/../secret.js",
        "/assets/..%2findex.html",
        "/assets/%2e%2e%2f%2e%2e%2fsecret.js",
        "/assets/..%5c..%5csecret.js",
        "/assets/a%00.js",
        "/manifest.webmanifest",  # of a build that has none
    ],
)
async def test_nothing_else_is_there(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text.replace("secret.js", "")


async def test_what_is_named_by_its_content_is_kept_for_ever(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/index-Ab_1-x.js", headers={"Accept-Encoding": "identity"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "content-encoding" not in answer.headers
    assert answer.text == SCRIPT


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1.0, GZIP;q=0.8", True),
        ("gzip;q=0", False),
        ("br", False),
        ("", False),
    ],
)
async def test_it_is_packed_for_who_takes_it(
    client: httpx.AsyncClient, accepted: str, packed: bool
) -> None:
    request = client.build_request("GET", "/assets/index-Ab_1-x.js")
    request.headers["accept-encoding"] = accepted
    answer = await client.send(request, stream=True)
    raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["vary"] == "Accept-Encoding"
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert (gzip.decompress(raw) if packed else raw).decode() == SCRIPT


async def test_a_new_build_is_served_at_once(client: httpx.AsyncClient, dist: Path) -> None:
    before = await client.get("/")
    (dist / "index.html").write_text("<title>another one</title>")
    after = await client.get("/", headers={"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.text) == (200, "<title>another one</title>")


async def test_without_a_build_the_page_says_what_to_do(
    client: httpx.AsyncClient, dist: Path
) -> None:
    (dist / "index.html").unlink()
    answer = await client.get("/")
    assert answer.status_code == 503
    assert "./watchfloor up" in answer.text


async def test_nothing_is_written(client: httpx.AsyncClient) -> None:
    assert (await client.post("/")).status_code == 405


def test_the_server_knows_every_page() -> None:
    """A page that only the browser's router knows is a 404 when it is opened directly."""
    text = (SOURCES / "pages" / "index.ts").read_text()
    paths = {re.sub(r":(\w+)", r"{\1}", path) for path in re.findall(r'\bpath: "([^"]+)"', text)}
    known = {re.sub(r"{\w+}", "{}", path) for path in ROUTES}
    assert {re.sub(r"{\w+}", "{}", path) for path in paths} == known


def test_no_page_loads_anything_from_elsewhere() -> None:
    """Addresses only as names of XML spaces; the manifest and the page are ours too."""
    every = [path for path in SOURCES.rglob("*") if path.suffix in {".ts", ".tsx", ".css"}]
    # Tests are no part of a page, and have addresses that are to be refused.
    found = [path for path in every if not path.name.endswith(".test.ts")]
    assert found
    for path in (*found, DIST.parent / "index.html"):
        outside = re.findall(r"https?://[^\s\"'`]+", path.read_text())
        assert [one for one in outside if "www.w3.org" not in one and "${" not in one] == []


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((DIST.parent / "package-lock.json").read_text())
    assert lock["packages"]
    assert [name for name, one in lock["packages"].items() if "resolved" in one] == []
