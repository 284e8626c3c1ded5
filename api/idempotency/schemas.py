"""What is remembered of a write under a key."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

__all__ = ["Known"]


class Known(Struct, frozen=True, kw_only=True):
    """fingerprint: of what was asked. status: of the first answer; None while it is under way.

    body: None where the answer is not kept, for it is large, or nobody's but the first one's.
    """

    fingerprint: str
    status: int | None = None
    headers: Mapping[str, str] = {}
    body: bytes | None = None
