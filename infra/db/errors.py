"""What can go wrong with the database, for a person to read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import conninfo_to_dict

from infra.errors import WatchfloorError

if TYPE_CHECKING:
    from infra.db.target import Target

__all__ = ["DatabaseError", "NewerSchemaError", "explain"]


class DatabaseError(WatchfloorError):
    """The database is away, too old, or does not let us."""


class NewerSchemaError(DatabaseError):
    """The schema was written by a newer release: going back would lose what only that one knows."""

    def __init__(self, schema: str, found: str, head: str) -> None:
        super().__init__(
            f"PostgreSQL: schema {schema} is at version {found}, this release knows up to {head}",
            hint="A downgrade is refused: run the newer release, or restore an older backup.",
        )
        self.found = found


@contextlib.contextmanager
def explain(target: Target) -> Iterator[None]:
    """Turn psycopg's errors into ours: host and reason, never a password."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"PostgreSQL at {_place(target)}: {_first_line(error)}",
            hint="WATCHFLOOR_POSTGRES_URL needs a login that may create roles and, where it is "
            "missing, the database; or make the roles by hand as infra/db/README.md says",
        ) from error
    except psycopg.Error as error:
        raise DatabaseError(
            f"PostgreSQL at {_place(target)}: {_first_line(error)}",
            hint="watchfloor doctor says whether the server answers",
        ) from error


def _place(target: Target) -> str:
    parts = conninfo_to_dict(target.admin)
    return f"{parts.get('host', 'the local socket')}:{parts.get('port', 5432)}/{target.database}"


def _first_line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
