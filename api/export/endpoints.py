"""`/v1/exports`: whole tables as CSV or NDJSON, streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Send
from starlette.types import Scope as Connection

from api.account.identity import PrincipalDep, Scope, needs
from api.context import ApiDep
from api.export import examples
from api.export.repository import Span
from api.export.schemas import ROWS, ExportFormat, ExportKind
from api.export.service import (
    MAX_AFTER,
    Exports,
    Rows,
    batches,
    parse_after,
    written,
)
from api.export.writing import MEDIA_TYPES, accepts_gzip
from api.openapi import described, with_problems
from api.problems import (
    BadCursor,
    DatabaseUnavailable,
    FieldError,
    Invalid,
    NotFound,
    NotReady,
    TooManyExports,
)
from api.query import Filters, Id, Instant
from api.site.service import in_scope

__all__ = ["router"]

router = APIRouter(prefix="/v1/exports", tags=["exports"])

STALL_S: Final = 60.0
"""A client that takes nothing for so long is gone."""


class ExportQuery(Filters):
    """Which rows, and how. from, to: RFC 3339, half open. site_id: one or several; none: all.

    after: the last row that you have, as `SITE,TIME,ID` of its columns (`SITE,ID` for a device):
    what follows it is sent. limit: at most so many rows; none: all of them.
    """

    format: ExportFormat = ExportFormat.NDJSON
    from_: Instant | None = Field(None, alias="from", examples=[examples.SINCE])
    to: Instant | None = None
    site_id: list[Id] = Field([], max_length=100)
    after: str | None = Field(None, max_length=MAX_AFTER, examples=[examples.AFTER])
    limit: int | None = Field(None, ge=1, le=100_000_000)


class Export(StreamingResponse):
    """A stream that has one of a few turns, and does not wait for ever for who does not read."""

    def __init__(self, body: AsyncIterator[bytes], exports: Exports, **more: Any) -> None:
        super().__init__(body, **more)
        self._exports = exports

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Send it. A client that is gone, or stands still, ends it."""

        async def send_in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(STALL_S):
                    await send(message)
            except TimeoutError as error:
                raise ClientDisconnect from error

        with self._exports.turn():
            await super().__call__(scope, receive, send_in_time)


@router.get(
    "/{kind}",
    dependencies=[needs(Scope.EXPORTS_READ)],
    summary="Everything of a kind, as CSV or NDJSON",
    response_class=Response,
    responses=with_problems(
        {
            200: {
                "description": "The rows, site by site. One that ends early was cut off: go on "
                "with `after`",
                "content": {
                    "application/x-ndjson": {
                        # A line is one of these; OpenAPI 3.1 knows only bodies that are one value.
                        "schema": {"type": "string"},
                        "x-line-schema": described(ROWS.values()),
                        "example": examples.NDJSON,
                    },
                    "text/csv": {"schema": {"type": "string"}, "example": examples.CSV},
                },
            }
        },
        BadCursor,
        NotFound,
        Invalid,
        NotReady,
        TooManyExports,
        DatabaseUnavailable,
    ),
)
async def export(
    request: Request,
    api: ApiDep,
    principal: PrincipalDep,
    kind: ExportKind,
    query: Annotated[ExportQuery, Query()],
) -> Response:
    """Events, decisions, alerts, their history, or devices of the sites that you may see.

    Within a site rows come in order of time; `after` goes on behind a row of an export that was cut
    off. It is compressed where `Accept-Encoding` asks for gzip. In CSV, text that a spreadsheet
    would run as a formula has an apostrophe before it.
    """
    if query.from_ is not None and query.to is not None and not query.from_ < query.to:
        raise Invalid([FieldError(field="query.from", detail="has to be before `to`")])
    after = None if query.after is None else parse_after(query.after, kind)
    sites = frozenset[str]().union(
        *(in_scope(api.configuration, principal, one) for one in query.site_id or (None,))
    )
    api.exports.require()
    found = batches(
        api.database, kind, sites, Span(query.from_, query.to), after, limit=query.limit
    )
    # The first page before anything is sent: a database that is away is a problem, not a stub.
    first = await anext(found, None)
    gzip = accepts_gzip(request.headers.get("accept-encoding"))
    headers = {
        "Content-Disposition": f'attachment; filename="watchfloor-{kind}.{query.format}"',
        "Vary": "Accept-Encoding, Authorization, Cookie",
    }
    if gzip:
        headers["Content-Encoding"] = "gzip"
    return Export(
        written(_chained(first, found), kind, query.format, gzip=gzip),
        api.exports,
        media_type=MEDIA_TYPES[query.format],
        headers=headers,
    )


async def _chained(first: Rows | None, rest: AsyncIterator[Rows]) -> AsyncIterator[Rows]:
    if first is not None:
        yield first
    async for rows in rest:
        yield rows
