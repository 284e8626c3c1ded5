"""Documents, their problems and differences, as they are told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from api.document.schemas import DifferenceView, DocumentProblem, DocumentView, RevisionView
from api.problems import FieldError
from infra.db.changes import Change
from infra.db.documents import Kept, Revision
from schemas.document import Document, Routing, Site
from schemas.document_reader import dump, value_of
from schemas.reading.problems import Path, Problem

__all__ = [
    "changes_view",
    "document_of",
    "document_view",
    "field_errors",
    "misplaced",
    "orphans",
    "problem_views",
    "revision_view",
]

MOST_CHANGES: Final = 200
MOST_VALUE: Final = 10_000
"""Bytes of JSON that one side of a difference may take: a polygon of 200 points fits."""


def document_of(part: Site | Routing | None) -> Document:
    """A part as a document of its own."""
    if isinstance(part, Site):
        return Document(sites=(part,))
    return Document(routing=part or Routing())


def document_view(site_id: str | None, kept: Kept | None) -> DocumentView:
    """A revision as it is told."""
    document = document_of(None if kept is None else kept.part)
    return DocumentView(
        site_id=site_id,
        revision=kept.revision if kept is not None else 0,
        author=kept.author if kept is not None else "",
        at=kept.at if kept is not None else None,
        document=value_of(document),
        yaml=dump(document),
    )


def problem_views(problems: Iterable[Problem]) -> tuple[DocumentProblem, ...]:
    """Problems with their places."""
    return tuple(
        DocumentProblem(message=one.message, path=one.path, line=one.line) for one in problems
    )


def field_errors(problems: Iterable[Problem]) -> list[FieldError]:
    """Problems as the fields of a request's body."""
    return [FieldError(field=_field(one), detail=one.message[:500]) for one in problems]


def _field(problem: Problem) -> str:
    text = "body.document"
    for part in problem.path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return (text if problem.path or not problem.line else f"{text}:{problem.line}")[:200]


def misplaced(document: Document, site_id: str | None) -> list[Problem]:
    """What a document says of others than the part that it is to be."""
    found: list[Problem] = []

    def say(path: Path, message: str) -> None:
        found.append(Problem(0, message, path=path))

    if site_id is None:
        if document.sites:
            say(("sites",), "the routing's document has no sites; a site has a document of its own")
        return found
    if document.routing != Routing():
        say((), f"the document of site '{site_id}' has no routing; that spans sites, and is apart")
    if not document.sites:
        say((), f"the document names no site; it is that of site '{site_id}'")
    for index, site in enumerate(document.sites):
        if index or site.site_id != site_id:
            path: Path = ("sites", index, "site_id")
            say(path, f"the document is that of site '{site_id}', and names no other")
    return found


def orphans(sites: Iterable[Site], routing: Routing) -> list[Problem]:
    """Zones whose destinations the routing would not have any more."""
    known = {receiver.name for receiver in routing.receivers}
    return [
        Problem(
            0,
            f"zone '{zone.zone_id}' of site '{site.site_id}' names receiver '{name}', "
            "which would not exist",
            path=("receivers",),
        )
        for site in sites
        for zone in site.zones
        for name in zone.alert_destinations
        if name not in known
    ]


def changes_view(changes: Sequence[Change]) -> tuple[tuple[DifferenceView, ...], int]:
    """Differences, so many of them as are told, and how many more there are."""
    told = tuple(_change(one) for one in changes[:MOST_CHANGES])
    return told, len(changes) - len(told)


def _change(change: Change) -> DifferenceView:
    added, removed = change.before is UNSET, change.after is UNSET
    kind = "added" if added else "removed" if removed else "changed"
    before: Any = None if added else change.before
    after: Any = None if removed else change.after
    if max(len(msgspec.json.encode(one)) for one in (before, after)) > MOST_VALUE:
        return DifferenceView(kind=kind, path=change.path, cut=True)
    return DifferenceView(kind=kind, path=change.path, before=before, after=after)


def revision_view(revision: Revision) -> RevisionView:
    """A revision of a document's history."""
    changes, more = changes_view(revision.changes)
    return RevisionView(
        revision=revision.revision,
        author=revision.author,
        at=revision.at,
        removed=revision.removed,
        changes=changes,
        more=more,
    )
