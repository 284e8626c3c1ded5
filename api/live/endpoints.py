"""The page of devices: a few files, read once, and nothing from anywhere else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

FOLDER: Final = Path(__file__).parent

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True)
class _File:
    data: bytes
    kind: str
    tag: str


@cache
def _file(name: str) -> _File:
    data = (FOLDER / name).read_bytes()
    return _File(data, TYPES[Path(name).suffix], f'"{hashlib.sha256(data).hexdigest()[:32]}"')


def _serve(request: Request, name: str) -> Response:
    file = _file(name)
    headers = {"ETag": file.tag, "Cache-Control": "no-cache"}
    if file.tag in request.headers.get("if-none-match", "").split(", "):
        return Response(status_code=304, headers=headers)
    return Response(file.data, headers={**headers, "Content-Type": file.kind})


@router.get("/devices")
async def devices(request: Request) -> Response:
    """The page of devices."""
    return _serve(request, "devices.html")


@router.get("/live/style.css")
async def style(request: Request) -> Response:
    """How it looks."""
    return _serve(request, "style.css")


@router.get("/live/dom.js")
async def dom(request: Request) -> Response:
    """Its small helpers."""
    return _serve(request, "dom.js")


@router.get("/live/devices.js")
async def devices_script(request: Request) -> Response:
    """What the page of devices does."""
    return _serve(request, "devices.js")


@router.get("/live/uptime.js")
async def uptime_script(request: Request) -> Response:
    """What it tells of one device."""
    return _serve(request, "uptime.js")
