"""The wall clock; nothing outside the runtime and the infrastructure reads one."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["wall"]


def wall() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
