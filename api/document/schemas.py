"""What is asked and answered about documents."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from schemas.base import UtcTime

__all__ = [
    "CheckView",
    "DifferenceView",
    "DocumentBody",
    "DocumentProblem",
    "DocumentView",
    "RevisionView",
    "SavedView",
]

Step = str | int


class DocumentBody(Struct, frozen=True, kw_only=True):
    """A document as `watchfloor apply` takes it, as an object or as YAML in a text.

    A site's names that site and nothing else; the routing's has `route`, `receivers`, `inhibit`,
    `silences`, `escalations` and `templates`, and no site.
    """

    document: dict[str, Any] | Annotated[str, Meta(max_length=1_500_000)]


class DocumentView(Struct, frozen=True, kw_only=True):
    """A document by revision. site_id: null for the routing. yaml: the same, as text.

    revision 0: nothing was ever written. Secrets are names in it.
    """

    site_id: str | None
    revision: int
    author: str
    at: UtcTime | None
    document: dict[str, Any]
    yaml: str


class DocumentProblem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or odd. path: names and places in lists, from the document's top.

    line: of the text, where the document was sent as one; else 0.
    """

    message: str
    path: tuple[Step, ...]
    line: int


class DifferenceView(Struct, frozen=True, kw_only=True):
    """One difference. kind: `added`, `removed` or `changed`; path: `zones[yard].severity`.

    cut: before and after are too large to be told here, and null.
    """

    kind: str
    path: str
    before: Any = None
    after: Any = None
    cut: bool = False


class CheckView(Struct, frozen=True, kw_only=True):
    """What saving a document would do. ok: it could be saved.

    revision: the newest one, which changes are told against. notes: allowed, but surprising.
    more: changes beyond those that are told.
    """

    ok: bool
    revision: int
    problems: tuple[DocumentProblem, ...]
    notes: tuple[DocumentProblem, ...]
    changes: tuple[DifferenceView, ...]
    more: int = 0


class SavedView(Struct, frozen=True, kw_only=True):
    """What was saved. in_force: it is on the topic that every role follows; else it will be.

    revision: the old one where nothing was changed.
    """

    revision: int
    in_force: bool


class RevisionView(Struct, frozen=True, kw_only=True):
    """A revision and what it changed. removed: it took the site away."""

    revision: int
    author: str
    at: UtcTime
    removed: bool
    changes: tuple[DifferenceView, ...]
    more: int = 0
