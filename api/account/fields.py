"""What fields of accounts may hold, and how they are checked."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final
from zoneinfo import available_timezones

from msgspec import Meta

from api.problems import FieldError, Invalid
from schemas.base import ID_PATTERN

__all__ = ["RESERVED", "Language", "Name", "Sites", "Timezone", "check_name", "check_timezone"]

Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$(?!\n)",
        max_length=63,
        description="1 to 63 letters, digits and `._@+-`, a letter or digit first",
    ),
]
Language = Annotated[
    str,
    Meta(
        pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$(?!\n)",
        max_length=35,
        description="a language's tag, such as `en` or `de-AT`",
    ),
]
Timezone = Annotated[str, Meta(min_length=1, max_length=64, description="an IANA timezone")]
Sites = Annotated[
    tuple[Annotated[str, Meta(pattern=ID_PATTERN, max_length=63)], ...],
    Meta(max_length=1000, description="at most 1000 ids of sites"),
]

RESERVED: Final = frozenset({"anonymous", "console", "system", "token", "unknown", "watchfloor"})
"""Names under which something else is written down as who did it."""


def check_name(name: str) -> None:
    """Raise Invalid for a name that nobody may have."""
    if name.lower() in RESERVED:
        raise Invalid([FieldError(field="body.name", detail="is reserved")])


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def check_timezone(name: str | None) -> None:
    """Raise Invalid for what is no timezone."""
    if name is not None and name not in _timezones():
        raise Invalid([FieldError(field="body.timezone", detail="has to be an IANA timezone")])
