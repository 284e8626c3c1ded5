"""What is answered about sites."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["SiteView"]


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
