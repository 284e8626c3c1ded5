"""`/v1/reports`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.account.identity import PrincipalDep, Scope, needs
from api.context import ApiDep
from api.openapi import answers, reply
from api.problems import DatabaseUnavailable, NotFound, NotReady
from api.query import Instant, SiteQuery
from api.report import service
from api.report.examples import SHIFT
from api.report.schemas import Format, ShiftReport
from api.report.shift import to_csv
from api.site.service import in_scope
from api.timeline.service import stretch

__all__ = ["router"]

router = APIRouter(prefix="/v1/reports", tags=["reports"])


class ShiftQuery(SiteQuery):
    """Of a site or of all, from a time on (inclusive) to another (exclusive).

    Without `to` until now, without `from` 8 hours before that; at most 31 days.
    """

    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None
    format: Format = Format.JSON


RESPONSES = answers(
    ShiftReport,
    "The report",
    example=SHIFT,
    problems=(NotFound, NotReady, DatabaseUnavailable),
)
RESPONSES[200]["content"]["text/csv"] = {
    "schema": {"type": "string"},
    "example": "section,key,measure,value\r\ntotal,,opened,3\r\n",
}


@router.get(
    "/shift",
    dependencies=[needs(Scope.ALERTS_READ)],
    summary="What a shift had to do, and how well",
    responses=RESPONSES,
)
async def shift(
    api: ApiDep, principal: PrincipalDep, query: Annotated[ShiftQuery, Query()]
) -> Response:
    """Alerts an hour, precision by rule and camera, times to acknowledge and to resolve.

    It counts the alerts that were opened in the time, with what became of them until now;
    `api/report/README.md` defines every number. `format=csv` answers one table with a line a
    number.
    """
    sites = in_scope(api.configuration, principal, query.site_id)
    begin, end = stretch(query.from_, query.to, api.now(), usual=service.USUAL)
    found = await service.report(api, sites, begin, end)
    if query.format is Format.JSON:
        return reply(found)
    name = f"shift-{query.site_id or 'all'}-{begin:%Y%m%dT%H%MZ}.csv"
    return Response(
        to_csv(found),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
