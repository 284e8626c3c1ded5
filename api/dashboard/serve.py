"""Serves what was built of the dashboard: files of one folder, and nothing from anywhere else.

What Vite named by its content is kept by browsers for ever; everything else is asked for again and
answered by its tag. A path of the dashboard's own pages answers with the page that has them all.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from api.problems import NoRoute

__all__ = ["DIST", "ROUTES", "Built", "router_of"]

DIST: Final = Path(__file__).parent / "dist"

ROUTES: Final = (
    "/",
    "/alerts/{alert_id}",
    "/wall",
    "/timeline",
    "/map",
    "/devices",
    "/report",
    "/rules",
    "/settings",
)
"""The paths of pages, as src/pages/index.ts has them."""

TOP: Final = {
    "/favicon.ico": "mark.svg",
    # By this name the service worker keeps the page: without it, it does not install at all.
    "/index.html": "index.html",
    "/mark.svg": "mark.svg",
    "/mark-192.png": "mark-192.png",
    "/mark-512.png": "mark-512.png",
    "/manifest.webmanifest": "manifest.webmanifest",
    "/sw.js": "sw.js",
}
"""Files that have to lie at the top, by their paths."""

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
PACKED: Final = frozenset({".html", ".css", ".js", ".svg", ".webmanifest"})
NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")

IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATED: Final = "no-cache"

UNBUILT: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Watchfloor</title>
<h1>The dashboard is not built</h1>
<p>The API runs, and so does everything else; only its pages are missing.
<p>On the machine that serves this, <code>./watchfloor up</code> builds them, and says why where it
cannot: it needs the package registries of Python or Node once.
<p>Until then: <a href="/v1/alerts">/v1/alerts</a>, <a href="/v1/pipeline">/v1/pipeline</a>.
</html>
"""


@dataclass(frozen=True)
class _File:
    data: bytes
    packed: bytes | None
    kind: str
    tag: str


class Built:
    """The files of a build. A new build is served as soon as it is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, tuple[tuple[int, int], _File]] = {}

    def file(self, name: str) -> _File | None:
        """A file by its path below the folder, or None."""
        path = self._folder / name
        kind = TYPES.get(path.suffix)
        if kind is None:
            return None
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            known = self._files.get(name)
            if known is not None and known[0] == stamp:
                return known[1]
            data = path.read_bytes()
        except (OSError, ValueError):
            self._files.pop(name, None)
            return None
        packed = gzip.compress(data, 9, mtime=0) if path.suffix in PACKED else None
        file = _File(data, packed, kind, f'"{hashlib.sha256(data).hexdigest()[:32]}"')
        self._files[name] = (stamp, file)
        return file

    def answer(self, request: Request, name: str, cache: str) -> Response | None:
        """The file as a response, or None where there is none."""
        file = self.file(name)
        if file is None:
            return None
        headers = {"ETag": file.tag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
        # A proxy that packs marks the tag as weak (W/); it is the same file all the same.
        asked = request.headers.get("if-none-match", "").replace("W/", "").split(", ")
        if file.tag in asked:
            return Response(status_code=304, headers=headers)
        headers["Content-Type"] = file.kind
        if file.packed is not None and _takes_gzip(request):
            return Response(file.packed, headers={**headers, "Content-Encoding": "gzip"})
        return Response(file.data, headers=headers)


def _takes_gzip(request: Request) -> bool:
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _there(request: Request, found: Response | None) -> Response:
    if found is None:
        raise NoRoute(request.url.path)
    return found


def router_of(folder: Path = DIST) -> APIRouter:
    """The routes of the pages, of their files, and of nothing else."""
    router = APIRouter(include_in_schema=False)
    built = Built(folder)

    async def page(request: Request) -> Response:
        """The page that has all pages."""
        found = built.answer(request, "index.html", REVALIDATED)
        if found is None:
            return Response(UNBUILT, status_code=503, media_type="text/html")
        return found

    async def top(request: Request) -> Response:
        """A file at the top."""
        return _there(request, built.answer(request, TOP[request.url.path], REVALIDATED))

    async def asset(request: Request, name: str) -> Response:
        """A file that is named by its content."""
        if NAME.fullmatch(name) is None:
            raise NoRoute(request.url.path)
        return _there(request, built.answer(request, f"assets/{name}", IMMUTABLE))

    for path in ROUTES:
        router.add_api_route(path, page, methods=["GET", "HEAD"])
    for path in TOP:
        router.add_api_route(path, top, methods=["GET", "HEAD"])
    router.add_api_route("/assets/{name}", asset, methods=["GET", "HEAD"])
    return router
