"""The database made ready: created, its roles, its schema at the newest version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

from infra.db import credentials
from infra.db.errors import DatabaseError, NewerSchemaError, explain
from infra.db.target import DEFINER, LIVE_SCHEMA, READER, Role, Target, target_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["drop", "head", "prepare", "version"]

MIGRATIONS: Final = Path(__file__).resolve().parents[1] / "migrations"

LOCK: Final = 0x77617463
"""The advisory lock under which a database is prepared: `up` on two machines at once is one."""

SERVER_MINIMUM: Final = 15_00_00
"""security_invoker views came with PostgreSQL 15."""

Connection = psycopg.Connection[tuple[Any, ...]]


def head() -> str:
    """The newest version that this code knows: the greatest number of a migration's file."""
    return known()[-1]


def known() -> list[str]:
    """Every version that this code knows, oldest first; a version is its file's number."""
    names = (path.name for path in (MIGRATIONS / "versions").glob("v*.py"))
    return sorted(m.group(1) for n in names if (m := re.fullmatch(r"v(\d{4})_\w+\.py", n)))


def prepare(settings: Settings) -> None:
    """Create what is missing, and bring the schema to this code's version.

    Database, roles, schema, tables. Again is harmless, and quick where nothing is to be done.
    Raises NewerSchemaError for a schema that a newer release has written, and DatabaseError with a
    hint for a server that cannot be reached, is too old, or does not let us.
    """
    target = target_of(settings)
    with explain(target):
        _ensure_database(target)
        with psycopg.connect(target.maintenance(), autocommit=True) as admin:
            # The session's lock: it goes with the connection, whatever happens in between.
            admin.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            _ensure_roles(admin, target)
            with psycopg.connect(target.connection(Role.OWNER), autocommit=True) as owner:
                owner.execute(
                    sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(target.schema))
                )
                found = version(owner, target.schema)
            if found is not None and found not in known():
                raise NewerSchemaError(target.schema, found, head())
            if found != head():
                _upgrade(target)


def version(connection: Connection, schema: str) -> str | None:
    """The version that the schema is at, or None for an empty one. As its owner."""
    table = sql.Identifier(schema, "schema_version")
    try:
        row = connection.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return None if row is None else str(row[0])


def drop(settings: Settings) -> None:
    """Remove a namespace's schema with everything in it. Raises DatabaseError for the live one."""
    target = target_of(settings)
    if target.schema == LIVE_SCHEMA:
        raise DatabaseError(
            "the live schema is not dropped", hint="watchfloor clean removes a whole state folder"
        )
    with explain(target), psycopg.connect(target.connection(Role.OWNER), autocommit=True) as owner:
        owner.execute(
            sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(target.schema))
        )


def _ensure_database(target: Target) -> None:
    try:
        with psycopg.connect(target.maintenance(), autocommit=True) as there:
            found = there.info.server_version
    except psycopg.OperationalError as error:
        # libpq gives no SQLSTATE for a refused start-up packet, only the server's words, which
        # are translated: so ask the maintenance database instead of reading them.
        try:
            with psycopg.connect(target.maintenance("postgres"), autocommit=True) as admin:
                found = admin.info.server_version
                _create_database(admin, target)
        except psycopg.OperationalError:
            raise error from None
    if found < SERVER_MINIMUM:
        raise DatabaseError(
            f"PostgreSQL {found // 10000} is too old",
            hint="15 or newer: before it a view shows its owner's rows, not its reader's",
        )


def _create_database(admin: Connection, target: Target) -> None:
    row = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (target.database,))
    if row.fetchone() is not None:
        return
    try:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(
                sql.Identifier(target.database)
            )
        )
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        return  # Somebody else started at the same moment.


def _ensure_roles(admin: Connection, target: Target) -> None:
    """Logins and groups, none above row-level security; each login's password as its file says."""
    rows = admin.execute(
        "SELECT rolname, rolcanlogin, rolinherit, rolsuper OR rolbypassrls OR rolcreaterole "
        "OR rolcreatedb OR rolreplication FROM pg_roles WHERE rolname LIKE 'watchfloor%'"
    ).fetchall()
    there = {str(row[0]): tuple(row[1:]) for row in rows}
    for name in (READER, DEFINER):
        _ensure_role(admin, name, there.get(name), (False, True, False))
    for role in Role:
        credentials.ensure(target.state_dir, role.value, target.master)
        # The owner may become the definer (to hand functions over to it), and inherits nothing
        # from it: else the definer's policies would be the owner's.
        wanted = (True, role is not Role.OWNER, False)
        if _ensure_role(admin, role.value, there.get(role.value), wanted):
            _set_password(admin, target, role)
    member = admin.execute(
        "SELECT 1 FROM pg_auth_members WHERE roleid = %s::regrole AND member = %s::regrole",
        (DEFINER, Role.OWNER.value),
    )
    if member.fetchone() is None:
        admin.execute(
            sql.SQL("GRANT {} TO {}").format(
                sql.Identifier(DEFINER), sql.Identifier(Role.OWNER.value)
            )
        )
    _ensure_grants(admin, target)
    for role in Role:
        if not _can_connect(target, role):
            _set_password(admin, target, role)


def _ensure_role(
    admin: Connection,
    name: str,
    found: tuple[Any, ...] | None,
    wanted: tuple[bool, bool, bool],
) -> bool:
    """Make the role, or put its attributes right (login, inherit, powers); True where made."""
    if found == wanted:
        return False
    login, inherit, _ = wanted
    words = [
        "LOGIN" if login else "NOLOGIN",
        "INHERIT" if inherit else "NOINHERIT",
        "NOCREATEDB NOCREATEROLE",
    ]
    if found is not None and found[2]:
        # Only a superuser may even name these, so they are named only where they must go.
        words.append("NOSUPERUSER NOBYPASSRLS NOREPLICATION")
    admin.execute(
        sql.SQL("{} ROLE {} WITH {}").format(
            sql.SQL("CREATE" if found is None else "ALTER"),
            sql.Identifier(name),
            sql.SQL(" ".join(words)),
        )
    )
    return found is None


def _ensure_grants(admin: Connection, target: Target) -> None:
    name = sql.Identifier(target.database)
    have = admin.execute(
        "SELECT has_database_privilege(%s, %s, 'CREATE'), "
        "bool_and(has_database_privilege(r, %s, 'CONNECT')) FROM unnest(%s::text[]) r",
        (Role.OWNER.value, target.database, target.database, [role.value for role in Role]),
    ).fetchone()
    if have is not None and have[0] and have[1]:
        return
    admin.execute(
        sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(name, sql.Identifier(Role.OWNER.value))
    )
    admin.execute(
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
            name, sql.SQL(", ").join(sql.Identifier(role.value) for role in Role)
        )
    )


def _can_connect(target: Target, role: Role) -> bool:
    try:
        psycopg.connect(target.connection(role)).close()
    except psycopg.OperationalError:
        return False
    return True


def _set_password(admin: Connection, target: Target, role: Role) -> None:
    """Hashed here: the statement may end up in the server's log."""
    password = target.password(role)
    assert password is not None
    hashed = admin.pgconn.encrypt_password(
        password.reveal().encode(), role.value.encode(), b"scram-sha-256"
    ).decode()
    admin.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role.value), sql.Literal(hashed))
    )


def _upgrade(target: Target, to: str = "head") -> None:
    """Every migration that is missing, in one transaction: all of them, or none."""
    # Here, because alembic with SQLAlchemy costs half a second that most starts need not pay.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(target.connection(Role.OWNER)),
        poolclass=NullPool,
    )
    try:
        with engine.connect() as connection:
            config = Config(attributes={"connection": connection, "schema": target.schema})
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.set_main_option("path_separator", "os")
            command.upgrade(config, to)
            connection.commit()
    except DBAPIError as error:
        # Through SQLAlchemy's wrapper, whose text holds the whole statement.
        raise error.orig or error from None
    finally:
        engine.dispose()
