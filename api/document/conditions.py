"""Which revisions a change was made of: `If-Match`, and the ETag of a document."""

from __future__ import annotations

import re
from typing import Final

from api.problems import PreconditionRequired

__all__ = ["expected", "tag"]

_TAG: Final = re.compile(r'"(\d{1,18})"', re.ASCII)
MOST: Final = 10


def tag(revision: int) -> str:
    """A revision as an ETag."""
    return f'"{revision}"'


def expected(header: str | None) -> frozenset[int]:
    """The revisions that `If-Match` names; other tags are those of nothing here.

    Raises PreconditionRequired without the header, and for `*`: what anything matches saves
    nobody's change.
    """
    tags = [one.strip() for one in (header or "")[:400].split(",")]
    if not any(tags) or "*" in tags:
        raise PreconditionRequired
    found = (_TAG.fullmatch(one) for one in tags[:MOST])
    return frozenset(int(one[1]) for one in found if one is not None)
