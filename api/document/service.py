"""Documents on behalf of whoever asks: read, checked, saved and taken back, each whole.

A document is checked as `watchfloor apply` checks it, and saved as that saves it, except that it
says which revision it was made of: of two who save at once the second is told, and nobody's change
is lost. Checking and saving run in threads, a few at a time: neither holds up the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from agents.runtime.configuration import Configuration
from agents.watch.authorities import ca_files
from api.body import convert
from api.document.schemas import (
    CheckView,
    DifferenceView,
    DocumentBody,
    DocumentView,
    RevisionView,
    SavedView,
)
from api.document.views import (
    changes_view,
    document_of,
    document_view,
    field_errors,
    misplaced,
    orphans,
    problem_views,
    revision_view,
)
from api.paging import Cursor, Page, fingerprint
from api.problems import (
    Conflict,
    DatabaseUnavailable,
    DocumentChanged,
    FieldError,
    Invalid,
    NotFound,
)
from infra.db import documents
from infra.db.changes import compare
from infra.db.documents import NewerRevisionError, TooLargeError
from infra.db.errors import DatabaseError
from schemas.document import Document, Routing, Site
from schemas.document_reader import Reading, examine, examine_value, value_of
from schemas.reading.problems import Problem

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Documents"]

AT_ONCE: Final = 2
"""A large document takes a second to check, and whoever types asks again and again."""
IN_FORCE_S: Final = 5.0
"""How long an answer waits for the topic to have what was saved."""

T = TypeVar("T")


class After(Struct, frozen=True, array_like=True):
    """Where a page of a history ended."""

    revision: Annotated[int, Meta(ge=1, le=2**62)]


class Documents:
    """What requests about documents work with. site_id None: the routing."""

    def __init__(self, settings: Settings, configuration: Configuration) -> None:
        self._settings = settings
        self._configuration = configuration
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def _do(self, work: Callable[[], T]) -> T:
        async with self._turn:
            try:
                return await asyncio.to_thread(work)
            except TooLargeError as error:
                raise Invalid([FieldError(field="body.document", detail=error.message)]) from None
            except DatabaseError:
                raise DatabaseUnavailable from None

    async def newest(self, site_id: str | None) -> DocumentView:
        """The newest revision. Raises NotFound and DatabaseUnavailable."""
        found = await self._do(lambda: documents.kept(self._settings, site_id))
        if site_id is not None and (found is None or found.part is None):
            raise NotFound("document of site", site_id)
        return document_view(site_id, found)

    async def at(self, site_id: str | None, revision: int) -> DocumentView:
        """The document as a revision has it. Raises NotFound and DatabaseUnavailable."""
        found = await self._do(lambda: documents.kept(self._settings, site_id, revision))
        if found is None:
            raise NotFound("revision", str(revision))
        return document_view(site_id, found)

    async def check(self, site_id: str | None, raw: Mapping[str, Any]) -> CheckView:
        """What saving it would do. Raises Invalid for a body that is none, DatabaseUnavailable."""
        body = convert(raw, DocumentBody)

        def work() -> CheckView:
            reading = self._examine(site_id, body.document)
            newest = documents.kept(self._settings, site_id)
            changes: tuple[DifferenceView, ...] = ()
            more = 0
            if reading.document is not None:
                before = _plain(newest.part if newest is not None else None)
                after = _plain(_part(reading.document, site_id))
                changes, more = changes_view(list(compare(before, after)))
            return CheckView(
                ok=reading.document is not None,
                revision=newest.revision if newest is not None else 0,
                problems=problem_views(reading.problems),
                notes=problem_views(reading.notes),
                changes=changes,
                more=more,
            )

        return await self._do(work)

    async def save(
        self, site_id: str | None, raw: Mapping[str, Any], expected: frozenset[int], author: str
    ) -> SavedView:
        """Put a document into force.

        Raises Invalid with every problem, DocumentChanged where somebody else was first, and
        DatabaseUnavailable.
        """
        body = convert(raw, DocumentBody)
        return await self._save(site_id, body.document, expected, author)

    async def create(self, site_id: str, given: Mapping[str, Any], author: str) -> SavedView:
        """Put a site's first document into force, or the first since it was taken away.

        Raises Conflict where there is such a site, and as `save`.
        """
        newest = await self._do(lambda: documents.kept(self._settings, site_id))
        there = Conflict(f"There is a site '{site_id}' already.")
        if newest is not None and newest.part is not None:
            raise there
        expected = frozenset({0 if newest is None else newest.revision})
        try:
            return await self._save(site_id, {"sites": [given]}, expected, author)
        except DocumentChanged:
            raise there from None

    async def restore(
        self, site_id: str | None, revision: int, expected: frozenset[int], author: str
    ) -> SavedView:
        """Put an older revision into force again, as a new one. Raises NotFound, and as `save`."""
        found = await self._do(lambda: documents.kept(self._settings, site_id, revision))
        if found is None or found.part is None:
            raise NotFound("revision", str(revision))
        return await self._save(site_id, value_of(document_of(found.part)), expected, author)

    async def _save(
        self, site_id: str | None, given: object, expected: frozenset[int], author: str
    ) -> SavedView:
        def work() -> int:
            reading = self._examine(site_id, given)
            if reading.document is None:
                raise Invalid(field_errors(reading.problems))
            part = _part(reading.document, site_id)
            return documents.replace(self._settings, site_id, part, author, expected=expected)

        try:
            revision = await self._do(work)
        except NewerRevisionError as error:
            newest = error.newest
            if newest is None:
                raise DocumentChanged(0, "", None) from None
            raise DocumentChanged(newest.revision, newest.author, newest.at) from None
        return SavedView(revision=revision, in_force=await self._followed(revision))

    async def history(
        self, site_id: str | None, limit: int, cursor: str | None
    ) -> Page[RevisionView]:
        """Revisions, newest first. Raises BadCursor and DatabaseUnavailable."""
        query = fingerprint("history", site_id)
        before = None if cursor is None else Cursor.decode(cursor, After, query).revision
        found = await self._do(
            lambda: documents.history(self._settings, site_id, before=before, limit=limit + 1)
        )
        page = found[:limit]
        after = page[-1].revision if len(found) > limit else None
        return Page(
            items=tuple(revision_view(one) for one in page),
            next=None if after is None else Cursor(query, After(after)).encode(),
        )

    async def _followed(self, revision: int) -> bool:
        """Whether the topic has it by now, from which every role works."""
        try:
            async with asyncio.timeout(IN_FORCE_S):
                while self._configuration.revision < revision:
                    await self._configuration.wait_change()
        except TimeoutError:
            return False
        return True

    def _examine(self, site_id: str | None, given: object) -> Reading:
        """The document, checked whole; one with problems has no document."""
        # With brokers elsewhere, devices may be polled elsewhere too, and the files lie there.
        embedded = self._settings.kafka_embedded
        known = ca_files(self._settings.state_dir) if embedded else None
        routing = self._configuration.routing
        receivers = [receiver.name for receiver in routing.receivers]
        read = examine if isinstance(given, str) else examine_value
        reading = read(given, receivers=receivers, ca_files=known)  # type: ignore[arg-type]
        if reading.document is None:
            return reading
        found: list[Problem] = misplaced(reading.document, site_id)
        if site_id is None:
            sites = [config.site for config in tuple(self._configuration.sites.values())]
            found += orphans(sites, reading.document.routing)
        if not found:
            return reading
        return Reading(document=None, problems=tuple(found), notes=reading.notes)


def _part(document: Document, site_id: str | None) -> Site | Routing:
    return document.routing if site_id is None else document.sites[0]


def _plain(part: Site | Routing | None) -> Any:
    return {} if part is None else msgspec.json.decode(msgspec.json.encode(part))
