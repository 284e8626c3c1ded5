"""What is answered about sites."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from schemas.base import ID_PATTERN

__all__ = ["SiteBody", "SiteView"]


class SiteBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new site. timezone: IANA; null: UTC. Cameras, zones and the rest follow in its document."""

    site_id: Annotated[
        str,
        Meta(
            pattern=ID_PATTERN,
            max_length=63,
            description="1 to 63 letters, digits, '.', '_' and '-', a letter or digit first",
        ),
    ]
    name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    timezone: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


class SiteView(Struct, frozen=True, kw_only=True):
    """A site. timezone: IANA. revision: of its document."""

    site_id: str
    name: str
    timezone: str
    enabled: bool
    notifications_enabled: bool
    cameras: int
    zones: int
    revision: int
