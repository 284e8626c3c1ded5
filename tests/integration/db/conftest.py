"""A database of this run's own, made ready, with rows of two sites in every table."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.db.migrate import prepare
from infra.db.target import Target, target_of
from infra.db.verify import tables_of
from infra.settings import Settings

Connection = psycopg.Connection[tuple[Any, ...]]

SITES = ("north", "south")

VALUES: dict[str, Any] = {
    "text": "nvr",  # a device's kind must be this one for the view nvr to show it
    "timestamptz": "2026-03-02T10:00:00Z",
    "bool": True,
    "int2": 1,
    "int4": 1,
    "int8": 1,
    "float8": 0.5,
    "jsonb": "{}",
    "_text": [],
    "_float8": [],
    "bytea": b"x",
}
"""A value of each type that our tables use; another type fails loudly here."""


def url_of(postgres_url: str, database: str) -> str:
    """The server's URL for another database, in libpq's own words."""
    return make_conninfo(postgres_url, dbname=database)


@pytest.fixture(scope="session")
def fresh_database(postgres_url: str) -> Iterator[Any]:
    """Makes names of databases that do not exist yet; they are dropped at the end."""
    names: list[str] = []

    def make() -> str:
        names.append(f"wf_test_{uuid.uuid4().hex[:12]}")
        return url_of(postgres_url, names[-1])

    yield make
    with psycopg.connect(url_of(postgres_url, "postgres"), autocommit=True) as admin:
        for name in names:
            admin.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


@pytest.fixture(scope="session")
def settings(fresh_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A live schema, at the newest version and empty."""
    state: Path = tmp_path_factory.mktemp("db-state")
    made = Settings(state_dir=state, postgres_url=fresh_database())
    prepare(made)
    return made


@pytest.fixture(scope="session")
def target(settings: Settings) -> Target:
    """Where it is."""
    return target_of(settings)


@pytest.fixture(scope="session")
def filled(fresh_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Target:
    """Another one, with a row of each site in every table that the catalogue knows."""
    state: Path = tmp_path_factory.mktemp("db-filled")
    made = Settings(state_dir=state, postgres_url=fresh_database())
    prepare(made)
    target = target_of(made)
    # The only place for the superuser: it puts in what the roles must then see, or must not.
    with psycopg.connect(target.maintenance(), autocommit=True) as admin:
        admin.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(target.schema)))
        tables = tables_of(admin, target.schema)
        for table in sorted(tables, key=lambda name: name != "site"):  # others refer to it
            for site in SITES:
                insert_row(admin, target.schema, table, site)
    return target


def insert_row(connection: Connection, schema: str, table: str, site: str) -> None:
    """A row of the site, with a value in every column that takes one."""
    columns = connection.execute(
        "SELECT column_name, udt_name FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = %s "
        "AND is_generated = 'NEVER' AND is_identity = 'NO'",
        (schema, table),
    ).fetchall()
    names = [name for name, _ in columns]
    values = [site if name == "site_id" else VALUES[kind] for name, kind in columns]
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join([sql.Placeholder()] * len(names)),
        ),
        values,
    )
