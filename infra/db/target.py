"""Where the database is, and as whom one connects to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra.db import credentials
from infra.errors import SettingsError
from infra.secrets import Secret

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["DEFINER", "LIVE_SCHEMA", "READER", "Role", "Target", "schema_of", "target_of"]

LIVE_SCHEMA: Final = "watchfloor"
DATABASE: Final = "watchfloor"

READER: Final = "watchfloor_reader"
"""A group role: whoever is in it reads every table and view, for the sites of its session."""

DEFINER: Final = "watchfloor_definer"
"""Owns the functions by which archive writes; nobody can log in as it."""

CONNECT_TIMEOUT_S: Final = 10


class Role(StrEnum):
    """A login of the product's own; none is a superuser, none passes row-level security by."""

    OWNER = "watchfloor_owner"
    """Owns the schemas; runs migrations."""
    API = "watchfloor_api"
    """Reads everything and writes configuration, for the sites of its session."""
    ARCHIVE = "watchfloor_archive"
    """Writes what happened, of all sites, and reads nothing."""

    @property
    def statement_timeout_ms(self) -> int:
        """How long one statement may take; 0: as long as it needs."""
        return {Role.OWNER: 0, Role.API: 10_000, Role.ARCHIVE: 60_000}[self]

    @property
    def plan_cache_mode(self) -> str:
        """How prepared statements are planned.

        The API's are about one site or about all: a plan for any number of them takes the wrong
        index for one (3.6 ms for a queue's page, with 200,000 alerts, where 1.2 with its own).
        """
        return "force_custom_plan" if self is Role.API else "auto"


def schema_of(namespace: str) -> str:
    """The namespace's schema: `watchfloor` for the live one, else `wf_<namespace>`.

    Raises ValueError where two namespaces could get one schema, or the name would be cut.
    """
    if not namespace:
        return LIVE_SCHEMA
    if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,55}", namespace) is None:
        raise ValueError(
            f"{namespace!r} is no namespace: 1 to 56 of a-z, 0-9 and '-', a letter or digit first"
        )
    return "wf_" + namespace.replace("-", "_")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A database, and the schema in it. admin: the URL that was given, with its password."""

    admin: str = field(repr=False)
    database: str
    schema: str
    state_dir: Path

    def maintenance(self, database: str | None = None) -> str:
        """As whom the URL says; for creating the database and the roles."""
        return make_conninfo(
            self.admin,
            dbname=database or self.database,
            application_name="watchfloor-prepare",
            connect_timeout=CONNECT_TIMEOUT_S,
        )

    @property
    def master(self) -> Secret | None:
        """The password in the URL."""
        found = conninfo_to_dict(self.admin).get("password")
        return Secret(str(found)) if found else None

    def password(self, role: Role) -> Secret | None:
        """The role's password, or None where it has none yet."""
        return credentials.password(self.state_dir, role.value, self.master)

    def connection(self, role: Role, *, application: str | None = None) -> str:
        """As one of our roles: its schema first, UTC, its statement timeout, nothing of `public`.

        pg_temp is last, so that a temporary table never stands in for a real one.
        """
        password = self.password(role)
        options = (
            f"-c search_path={self.schema},pg_temp -c timezone=UTC "
            f"-c statement_timeout={role.statement_timeout_ms} "
            f"-c plan_cache_mode={role.plan_cache_mode} "
            "-c idle_in_transaction_session_timeout=60000"
        )
        return make_conninfo(
            self.admin,
            dbname=self.database,
            user=role.value,
            password=None if password is None else password.reveal(),
            options=options,
            application_name=application or role.value.replace("_", "-"),
            connect_timeout=CONNECT_TIMEOUT_S,
        )


def target_of(settings: Settings) -> Target:
    """The target that the settings name. A URL without a database, or with `postgres`, means
    `watchfloor`. Raises SettingsError where there is no URL, or it is none.
    """
    url = settings.postgres_url
    if url is None:
        raise SettingsError(
            "postgres_url: no database is known",
            hint="Start one with 'watchfloor up', or name yours in WATCHFLOOR_POSTGRES_URL.",
        )
    try:
        named = conninfo_to_dict(url).get("dbname")
    except psycopg.ProgrammingError:
        # libpq's own message quotes the URL, with the password in it.
        raise SettingsError("postgres_url: not a PostgreSQL URL") from None
    database = str(named) if named and named != "postgres" else DATABASE
    return Target(
        admin=url,
        database=database,
        schema=schema_of(settings.namespace),
        state_dir=settings.state_dir,
    )
