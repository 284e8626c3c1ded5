"""`/v1/sites/{site_id}/document` and `/v1/routing`: what is configured, by revision."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import Field

from api.account.identity import PrincipalDep, Scope, needs
from api.body import parse, read
from api.context import ApiDep
from api.document import examples
from api.document.conditions import expected, tag
from api.document.schemas import (
    CheckView,
    DocumentBody,
    DocumentView,
    RevisionView,
    SavedView,
)
from api.openapi import answers, reply, request_body
from api.paging import MAX_CURSOR, Page
from api.problems import (
    BadCursor,
    BodyTooLarge,
    DatabaseUnavailable,
    DocumentChanged,
    Invalid,
    MalformedBody,
    NotFound,
    NotReady,
    PreconditionRequired,
)
from api.query import AnyId, Filters
from api.site.service import EVERY_SITE, in_scope, require_loaded

__all__ = ["router", "routing"]

router = APIRouter(prefix="/v1/sites/{site_id}/document", tags=["documents"])
routing = APIRouter(
    prefix="/v1/routing",
    tags=["documents"],
    # It spans sites: who is told what of all of them.
    dependencies=[EVERY_SITE],
)

MAX_BYTES: Final = 2 * 1_048_576

CAN_READ: Final = [needs(Scope.CONFIG_READ)]
CAN_WRITE: Final = [needs(Scope.CONFIG_WRITE)]

Revision = Annotated[int, Path(ge=1, le=2**62)]
IfMatch = Annotated[str | None, Header(max_length=400)]

NOT_MODIFIED: Final[dict[int | str, Any]] = {
    304: {"description": "It is the one that the client has (If-None-Match)"}
}
READ: Final = answers(
    DocumentView,
    "The document; `ETag` is its revision",
    example=examples.DOCUMENT,
    more=NOT_MODIFIED,
    problems=(NotFound, NotReady, DatabaseUnavailable),
)
READ_ROUTING: Final = answers(
    DocumentView,
    "The routing; `ETag` is its revision",
    example=examples.ROUTING,
    more=NOT_MODIFIED,
    problems=(NotFound, NotReady, DatabaseUnavailable),
)
CHECKED: Final = answers(
    CheckView,
    "What saving it would do",
    example=examples.CHECK,
    problems=(MalformedBody, BodyTooLarge, Invalid, NotFound, NotReady, DatabaseUnavailable),
)
SAVED: Final = answers(
    SavedView,
    "It is saved; `ETag` is its revision",
    example=examples.SAVED,
    problems=(
        MalformedBody,
        BodyTooLarge,
        Invalid,
        NotFound,
        NotReady,
        DocumentChanged,
        PreconditionRequired,
        DatabaseUnavailable,
    ),
)
HISTORY: Final = answers(
    Page[RevisionView],
    "Revisions, the newest first",
    example=Page(items=(examples.REVISION,), next=None),
    problems=(BadCursor, NotFound, NotReady, DatabaseUnavailable),
)
BODY: Final = request_body(DocumentBody, examples=examples.DOCUMENTS)
ROUTING_BODY: Final = request_body(DocumentBody, examples=examples.ROUTINGS)


class HistoryQuery(Filters):
    """A page of a history. cursor: `next` of the page before."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, max_length=MAX_CURSOR)


def _document(request: Request, view: DocumentView) -> Response:
    headers = {"ETag": tag(view.revision), "Cache-Control": "private, no-cache"}
    if headers["ETag"] in request.headers.get("if-none-match", "").split(", "):
        return Response(status_code=304, headers=headers)
    return reply(view, headers=headers)


def _saved(view: SavedView) -> Response:
    return reply(view, headers={"ETag": tag(view.revision)})


@router.get("", dependencies=CAN_READ, summary="A site's document", responses=READ)
async def site_document(
    request: Request, api: ApiDep, principal: PrincipalDep, site_id: AnyId
) -> Response:
    """Its newest revision, as data and as YAML; secrets are names in it."""
    in_scope(api.configuration, principal, site_id)
    return _document(request, await api.documents.newest(site_id))


@router.post(
    "/check",
    dependencies=CAN_READ,
    summary="Check a site's document",
    openapi_extra=BODY,
    responses=CHECKED,
)
async def check_site(
    request: Request, api: ApiDep, principal: PrincipalDep, site_id: AnyId
) -> Response:
    """Every problem at its place, and what saving it would change. Nothing is changed."""
    in_scope(api.configuration, principal, site_id)
    raw = parse(await read(request, limit=MAX_BYTES))
    return reply(await api.documents.check(site_id, raw))


@router.put(
    "",
    dependencies=CAN_WRITE,
    summary="Save a site's document",
    openapi_extra=BODY,
    responses=SAVED,
)
async def save_site(
    request: Request, api: ApiDep, principal: PrincipalDep, site_id: AnyId, if_match: IfMatch = None
) -> Response:
    """Put it into force as a new revision, where nobody else saved since it was read.

    One that says what is in force already makes no revision.
    """
    in_scope(api.configuration, principal, site_id)
    revisions = expected(if_match)
    raw = parse(await read(request, limit=MAX_BYTES))
    return _saved(await api.documents.save(site_id, raw, revisions, principal.name))


@router.get("/history", dependencies=CAN_READ, summary="A site's revisions", responses=HISTORY)
async def site_history(
    api: ApiDep, principal: PrincipalDep, site_id: AnyId, query: Annotated[HistoryQuery, Query()]
) -> Response:
    """Who changed what, and when."""
    in_scope(api.configuration, principal, site_id)
    return reply(await api.documents.history(site_id, query.limit, query.cursor))


@router.get(
    "/history/{revision}",
    dependencies=CAN_READ,
    summary="A site's document as it was",
    responses=READ,
)
async def site_revision(
    request: Request, api: ApiDep, principal: PrincipalDep, site_id: AnyId, revision: Revision
) -> Response:
    """The document as a revision has it."""
    in_scope(api.configuration, principal, site_id)
    return _document(request, await api.documents.at(site_id, revision))


@router.post(
    "/history/{revision}/restore",
    dependencies=CAN_WRITE,
    summary="Go back to a revision",
    responses=SAVED,
)
async def restore_site(
    api: ApiDep,
    principal: PrincipalDep,
    site_id: AnyId,
    revision: Revision,
    if_match: IfMatch = None,
) -> Response:
    """Put an older document into force again, as a new revision; it is checked as any other."""
    in_scope(api.configuration, principal, site_id)
    revisions = expected(if_match)
    return _saved(await api.documents.restore(site_id, revision, revisions, principal.name))


@routing.get("", dependencies=CAN_READ, summary="The routing", responses=READ_ROUTING)
async def routing_document(request: Request, api: ApiDep) -> Response:
    """Who is told what, of every site: routes, receivers, silences, inhibitions, escalations."""
    require_loaded(api.configuration)
    return _document(request, await api.documents.newest(None))


@routing.post(
    "/check",
    dependencies=CAN_READ,
    summary="Check a routing",
    openapi_extra=ROUTING_BODY,
    responses=CHECKED,
)
async def check_routing(request: Request, api: ApiDep) -> Response:
    """Every problem at its place, and what saving it would change. Nothing is changed."""
    require_loaded(api.configuration)
    raw = parse(await read(request, limit=MAX_BYTES))
    return reply(await api.documents.check(None, raw))


@routing.put(
    "",
    dependencies=CAN_WRITE,
    summary="Save the routing",
    openapi_extra=ROUTING_BODY,
    responses=SAVED,
)
async def save_routing(
    request: Request, api: ApiDep, principal: PrincipalDep, if_match: IfMatch = None
) -> Response:
    """Put it into force for every site, where nobody else saved since it was read."""
    require_loaded(api.configuration)
    revisions = expected(if_match)
    raw = parse(await read(request, limit=MAX_BYTES))
    return _saved(await api.documents.save(None, raw, revisions, principal.name))


@routing.get(
    "/history", dependencies=CAN_READ, summary="The routing's revisions", responses=HISTORY
)
async def routing_history(api: ApiDep, query: Annotated[HistoryQuery, Query()]) -> Response:
    """Who changed what, and when."""
    require_loaded(api.configuration)
    return reply(await api.documents.history(None, query.limit, query.cursor))


@routing.get(
    "/history/{revision}",
    dependencies=CAN_READ,
    summary="The routing as it was",
    responses=READ_ROUTING,
)
async def routing_revision(request: Request, api: ApiDep, revision: Revision) -> Response:
    """The routing as a revision has it."""
    require_loaded(api.configuration)
    return _document(request, await api.documents.at(None, revision))


@routing.post(
    "/history/{revision}/restore",
    dependencies=CAN_WRITE,
    summary="Go back to a routing",
    responses=SAVED,
)
async def restore_routing(
    api: ApiDep, principal: PrincipalDep, revision: Revision, if_match: IfMatch = None
) -> Response:
    """Put an older routing into force again, as a new revision; it is checked as any other."""
    require_loaded(api.configuration)
    revisions = expected(if_match)
    return _saved(await api.documents.restore(None, revision, revisions, principal.name))
