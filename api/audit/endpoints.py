"""`/v1/audit`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.account.identity import Scope, needs
from api.audit import service
from api.audit.examples import ACT
from api.audit.schemas import ActView
from api.context import ApiDep
from api.openapi import answers, reply
from api.paging import MAX_CURSOR, MAX_LIMIT, Page
from api.problems import BadCursor, DatabaseUnavailable
from api.query import Filters, Instant, Word
from api.site.service import EVERY_SITE
from schemas.audit import AuditKind

__all__ = ["router"]

# People and tokens belong to no one site, and neither does what was done to them.
router = APIRouter(
    prefix="/v1/audit",
    tags=["audit"],
    dependencies=[needs(Scope.AUDIT_READ), EVERY_SITE],
)


class AuditQuery(Filters):
    """Which acts. kind may be given several times; from `since` on (inclusive) to `until`."""

    kind: list[AuditKind] = Field([], max_length=len(AuditKind))
    actor: Word | None = None
    target: Word | None = None
    since: Instant | None = None
    until: Instant | None = None
    limit: int = Field(50, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=MAX_CURSOR)

    def filters(self) -> dict[str, Any]:
        """What the repository filters by."""
        found = self.model_dump(exclude={"limit", "cursor"}, exclude_none=True)
        return {name: value for name, value in found.items() if value != []}


@router.get(
    "",
    summary="Who did what to accounts, tokens and keys",
    responses=answers(
        Page[ActView],
        "A page of acts, the newest first",
        example=Page(items=(ACT,), next=None),
        problems=(BadCursor, DatabaseUnavailable),
    ),
)
async def every(api: ApiDep, query: Annotated[AuditQuery, Query()]) -> Response:
    """Sign-ins, refused ones too, and every change to users, tokens, second factors and keys."""
    return reply(await service.every(api, query.filters(), query.cursor, query.limit))
