"""`/v1/discovery`: who is there on the network."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.body import parse, read
from api.context import ApiDep
from api.discovery.schemas import ScanBody, ScanView
from api.openapi import answers, reply, request_body
from api.problems import BodyTooLarge, Invalid, MalformedBody, NotFound, TooManyScans
from api.query import AnyId
from api.site.service import EVERY_SITE

__all__ = ["router"]

router = APIRouter(prefix="/v1/discovery/scans", tags=["discovery"])

MAX_BYTES: Final = 4_096


@router.post(
    "",
    dependencies=[needs(Scope.DEVICES_WRITE), EVERY_SITE],
    summary="Look for devices",
    status_code=202,
    openapi_extra=request_body(ScanBody, examples=examples.SCANS),
    responses=answers(
        ScanView,
        "It is taken up; `Location` says how far it is, and whom it found",
        example=examples.SCAN,
        status=202,
        problems=(MalformedBody, BodyTooLarge, Invalid, TooManyScans),
    ),
)
async def start(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """Ask for ONVIF devices by WS-Discovery: by multicast, or each host of a subnet by itself.

    Only in the networks that the setting `device_networks` names, the private ones by default. The
    stream tells of the progress, `discovery_progress`, and of the end, `discovery_complete`. Two
    run at a time; the newest 20 are kept. One whose server ended is `interrupted`.
    """
    view = api.scans.start(principal, parse(await read(request, limit=MAX_BYTES)))
    return reply(view, status=202, headers={"Location": view.location, "Retry-After": "2"})


@router.get(
    "",
    dependencies=[needs(Scope.DEVICES_WRITE), EVERY_SITE],
    summary="Scans, the newest first",
    responses=answers(list[ScanView], "With what they found", example=[examples.SCAN]),
)
async def every(api: ApiDep) -> Response:
    """Those that are kept."""
    return reply(api.scans.views())


@router.get(
    "/{scan_id}",
    dependencies=[needs(Scope.DEVICES_WRITE), EVERY_SITE],
    summary="How far a scan is, and whom it found",
    responses=answers(ScanView, "The scan", example=examples.SCAN, problems=(NotFound,)),
)
async def by_id(api: ApiDep, scan_id: AnyId) -> Response:
    """What it does now, or what came of it."""
    return reply(api.scans.view(scan_id))
