"""Runs a migration's SQL file as it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import op

__all__ = ["run"]

VERSIONS = Path(__file__).with_name("versions")


def run(name: str) -> None:
    """Execute `versions/<name>` in the migration's transaction.

    Past SQLAlchemy, which would read `:name` and `%` in it as parameters.
    """
    raw: Any = op.get_bind().connection.dbapi_connection
    raw.execute((VERSIONS / name).read_text(encoding="utf-8"))
