"""`/v1/timeline`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.account.identity import PrincipalDep, Scope, needs
from api.context import ApiDep
from api.openapi import answers, reply
from api.problems import DatabaseUnavailable, NotFound, NotReady
from api.query import Id, Instant, SiteQuery
from api.site.service import in_scope
from api.timeline import service
from api.timeline.examples import TIMELINE
from api.timeline.schemas import TimelineView

__all__ = ["router"]

router = APIRouter(prefix="/v1/timeline", tags=["timeline"])


class TimelineQuery(SiteQuery):
    """Of a site or of all, of one camera or of all; from a time on (inclusive) to another.

    Without `to` until now, without `from` 24 hours before that; at most 31 days.
    """

    camera_id: Id | None = None
    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None


@router.get(
    "",
    dependencies=[needs(Scope.EVENTS_READ)],
    summary="What happened in a stretch of time",
    responses=answers(
        TimelineView,
        "Events, alerts, and what was wrong with cameras and devices",
        example=TIMELINE,
        problems=(NotFound, NotReady, DatabaseUnavailable),
    ),
)
async def timeline(
    api: ApiDep, principal: PrincipalDep, query: Annotated[TimelineQuery, Query()]
) -> Response:
    """Events are counted by camera and bucket, and told one by one where they are few.

    `spans` tells when devices were suspect or critical, and when cameras had no frames, a frozen
    picture or a covered lens: what is missing there was not seen.
    """
    sites = in_scope(api.configuration, principal, query.site_id)
    begin, end = service.stretch(query.from_, query.to, api.now())
    return reply(await service.timeline(api, sites, query.camera_id, begin, end))
