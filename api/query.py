"""Query parameters, checked. A parameter that a route does not have is refused: a misspelt filter
would otherwise quietly answer with everything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from api.paging import MAX_CURSOR, MAX_LIMIT

__all__ = ["CLEAN", "AnyId", "Filters", "Id", "Instant", "PageQuery", "SiteQuery", "Word"]

ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
CLEAN: Final = r"^[^\x00-\x1f\x7f]*$(?!\n)"
"""No control characters: a NUL cannot be stored in PostgreSQL, a line break forges log lines."""

Id = Annotated[str, Field(pattern=ID)]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)]
AnyId = Annotated[str, Path(min_length=1, max_length=200, pattern=PRINTABLE)]


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is before year 1 or after 9999 in UTC") from error


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]


class Filters(BaseModel):
    """The base of all queries: frozen, and nothing beyond what is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteQuery(Filters):
    """Of one site, or of all."""

    site_id: Id | None = None


class PageQuery(SiteQuery):
    """A page of a list. cursor: `next` of the page before."""

    limit: int = Field(50, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=MAX_CURSOR)
