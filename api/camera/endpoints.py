"""`/v1/cameras`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.camera import service
from api.camera.schemas import CameraView
from api.context import ApiDep
from api.openapi import answers, reply
from api.problems import NotFound, NotReady
from api.query import SiteQuery
from api.site.service import in_scope

__all__ = ["router"]

router = APIRouter(prefix="/v1/cameras", tags=["cameras"])


@router.get(
    "",
    dependencies=[needs(Scope.DEVICES_READ)],
    summary="Cameras and whether they deliver frames",
    responses=answers(
        list[CameraView], "The cameras", example=[examples.CAMERA], problems=(NotFound, NotReady)
    ),
)
async def every(
    api: ApiDep, principal: PrincipalDep, query: Annotated[SiteQuery, Query()]
) -> Response:
    """The cameras of a site, or of all, with capture's newest word about each."""
    return reply(service.every(api.live, in_scope(api.configuration, principal, query.site_id)))
