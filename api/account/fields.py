"""What fields of accounts may hold, and how they are checked."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final
from zoneinfo import available_timezones

from msgspec import Meta, Struct

from api.problems import FieldError, Invalid
from api.query import CLEAN
from schemas.alert import AlertState
from schemas.base import ID_PATTERN, Severity

__all__ = [
    "RESERVED",
    "Filters",
    "Language",
    "Name",
    "SavedFilter",
    "Sites",
    "Timezone",
    "check_filters",
    "check_name",
    "check_timezone",
]

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


class SavedFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A filter of the queue. text: words that an alert has to have.

    severities, states: none for all. snoozed: whether what is snoozed is shown too.
    """

    name: Annotated[str, Meta(min_length=1, max_length=60, pattern=CLEAN)]
    text: Annotated[str, Meta(max_length=200, pattern=CLEAN)] = ""
    severities: tuple[Severity, ...] = ()
    states: tuple[AlertState, ...] = ()
    snoozed: bool = False


Filters = Annotated[
    tuple[SavedFilter, ...],
    Meta(max_length=50, description="at most 50, each under a name of its own"),
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


def check_filters(filters: tuple[SavedFilter, ...]) -> None:
    """Raise Invalid where two have the same name."""
    seen: set[str] = set()
    for number, one in enumerate(filters):
        if one.name in seen:
            raise Invalid(
                [FieldError(field=f"body.filters[{number}].name", detail="is another one's too")]
            )
        seen.add(one.name)


def check_timezone(name: str | None) -> None:
    """Raise Invalid for what is no timezone."""
    if name is not None and name not in _timezones():
        raise Invalid([FieldError(field="body.timezone", detail="has to be an IANA timezone")])
