"""Messages as PostgreSQL's JSON."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from schemas.base import encode

__all__ = ["jsonb"]


def jsonb(value: Any) -> Jsonb:
    """A parameter of type jsonb, encoded as on the topics."""
    return Jsonb(value, dumps=encode)
