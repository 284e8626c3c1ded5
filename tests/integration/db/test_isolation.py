"""Row-level security, as each role; a superuser's test would prove nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from infra.db.migrate import prepare
from infra.db.pool import connect, make_pool, site_scope, site_scope_sync
from infra.db.target import READER, Role, Target, target_of
from infra.db.verify import ACCOUNTS, tables_of, verify, views_of
from infra.settings import Settings
from tests.integration.db.conftest import SITES, Connection, insert_row

pytestmark = pytest.mark.postgres

CONFIGURED = {
    "outbox",
    "site",
    "device",
    "camera_config",
    "zone",
    "backtest",
    "idempotency",
    "plan_image",
}
"""What the API changes. It adds revisions of documents as well, and changes none."""


@contextmanager
def session(target: Target, role: Role, sites: set[str] | None) -> Iterator[Connection]:
    with psycopg.connect(target.connection(role), autocommit=True) as connection:
        if sites is not None:
            text = "{" + ",".join(sites) + "}"
            connection.execute("SELECT set_config('watchfloor.sites', %s, false)", (text,))
        yield connection


def visible(connection: Connection, name: str) -> set[str]:
    query = sql.SQL("SELECT site_id FROM {}").format(sql.Identifier(name))
    return {site for (site,) in connection.execute(query)}


def names(target: Target) -> list[str]:
    with session(target, Role.OWNER, None) as owner:
        return [*tables_of(owner, target.schema), *views_of(owner, target.schema)]


@pytest.mark.parametrize("role", [Role.API, Role.OWNER])
@pytest.mark.parametrize(
    "sites",
    [
        None,  # never said: nothing
        set(),  # said none: nothing
        {"north"},
        {"north", "south"},
        {"elsewhere"},  # a site that has no rows
        {"north", "elsewhere"},
    ],
)
def test_a_session_sees_its_sites_in_every_table_and_view(
    filled: Target, role: Role, sites: set[str] | None
) -> None:
    found = names(filled)
    assert {"site", "alert", "event", "outbox", "ai_event", "camera", "nvr"} <= set(found)
    with session(filled, role, sites) as connection:
        seen = {name: visible(connection, name) for name in found}
    expected = (sites or set()) & set(SITES)
    assert seen == dict.fromkeys(found, expected)


@pytest.mark.parametrize("sites", [None, {"north"}, {"north", "south"}])
def test_archive_reads_nothing_whatever_it_says(filled: Target, sites: set[str] | None) -> None:
    with session(filled, Role.ARCHIVE, sites) as connection:
        for name in names(filled):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                visible(connection, name)


def test_a_reader_sees_its_sites_and_writes_nothing(filled: Target) -> None:
    """Whoever reads the first schema: a login in the group, with its sites set on the login."""
    with psycopg.connect(filled.maintenance(), autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS wf_test_reader")
        admin.execute("CREATE ROLE wf_test_reader")
        admin.execute(sql.SQL("GRANT {} TO wf_test_reader").format(sql.Identifier(READER)))
        admin.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(filled.schema)))
        try:
            admin.execute("SET ROLE wf_test_reader")
            admin.execute("SELECT set_config('watchfloor.sites', '{south}', false)")
            for name in names(filled):
                assert visible(admin, name) == {"south"}, name
            for table in tables_of(admin, filled.schema):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    admin.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        finally:
            admin.execute("RESET ROLE")
            admin.execute("DROP ROLE wf_test_reader")


def test_the_api_writes_configuration_and_nothing_else(filled: Target) -> None:
    with session(filled, Role.API, {"north"}) as api:
        for table in tables_of(api, filled.schema):
            row = api.execute(
                "SELECT has_table_privilege(%s, 'INSERT'), has_table_privilege(%s, 'UPDATE'), "
                "has_table_privilege(%s, 'DELETE')",
                (table, table, table),
            ).fetchone()
            assert row is not None
            expected = {"document": (True, False, False)}.get(table, (table in CONFIGURED,) * 3)
            assert row == expected, table


def test_the_api_cannot_write_into_another_site(filled: Target) -> None:
    with session(filled, Role.API, {"north"}) as api:
        for table in sorted(CONFIGURED | {"document"}):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                insert_row(api, filled.schema, table, "south")
        for table in sorted(CONFIGURED):
            name = sql.Identifier(table)
            foreign = api.execute(sql.SQL("DELETE FROM {} WHERE site_id = 'south'").format(name))
            assert foreign.rowcount == 0, table
            moved = sql.SQL("UPDATE {} SET site_id = 'south' WHERE site_id = 'north'").format(name)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                api.execute(moved)


def test_archive_writes_only_by_its_functions(filled: Target) -> None:
    with session(filled, Role.ARCHIVE, {"north"}) as archive:
        for table in tables_of(archive, filled.schema):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                archive.execute(
                    sql.SQL("INSERT INTO {} DEFAULT VALUES").format(sql.Identifier(table))
                )
        for statement in (
            "SELECT site_ids()",
            "SELECT outbox_sites()",
            "SET ROLE watchfloor_definer",
            "SET ROLE watchfloor_owner",
            "CREATE TABLE mine (id int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                archive.execute(statement)


def test_nobody_else_calls_archives_functions(filled: Target) -> None:
    with session(filled, Role.API, {"north"}) as api:
        functions = api.execute(
            "SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname = %s AND p.proname LIKE 'archive\\_%%'",
            (filled.schema,),
        ).fetchall()
        assert len(functions) == 9
        for (name,) in functions:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                api.execute(sql.SQL("SELECT {}('[]')").format(sql.Identifier(name)))


def test_archives_batch_mixes_sites(settings: Settings) -> None:
    rows = [
        {"site_id": site, "activity_id": "mixed", "alert_id": "a", "kind": "opened"}
        | {"at": "2026-03-02T10:00:00Z", "actor": "watchfloor", "cause": "e"}
        for site in SITES
    ]
    target = target_of(settings)
    with session(target, Role.ARCHIVE, None) as archive:
        for expected in (2, 0):  # the second time each row finds itself
            row = archive.execute("SELECT archive_activity(%s)", (json.dumps(rows),)).fetchone()
            assert row == (expected,)
    for site in SITES:
        with session(target, Role.API, {site}) as api:
            assert visible(api, "alert_activity") == {site}


@pytest.mark.parametrize("value", ["north", "{north", "*", '{"a"'])
def test_a_setting_that_is_no_set_is_an_error_and_not_everything(
    filled: Target, value: str
) -> None:
    with session(filled, Role.API, None) as api:
        api.execute("SELECT set_config('watchfloor.sites', %s, false)", (value,))
        with pytest.raises(psycopg.DataError):
            visible(api, "alert")


def test_ids_of_sites_are_all_that_the_api_learns_of_others(filled: Target) -> None:
    with session(filled, Role.API, set()) as api:
        assert api.execute("SELECT site_ids()").fetchone() == ([*SITES],)
        assert visible(api, "site") == set()


def test_the_database_verifies_itself(settings: Settings) -> None:
    checks = verify(settings)
    assert [check for check in checks if not check.ok] == []
    assert len(checks) == 8


def test_accounts_are_seen_for_that_purpose_and_by_the_api_alone(filled: Target) -> None:
    """Each of these tables has a row; who sees it is asked as each role."""
    every = "SELECT set_config('watchfloor.sites', '{north,south,*}', false)"
    purpose = "SELECT set_config('watchfloor.purpose', 'accounts', false)"
    with psycopg.connect(filled.maintenance(), autocommit=True) as admin:
        admin.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(filled.schema)))
        fill_accounts(admin)

    def rows(connection: Connection, table: str) -> int | None:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        try:
            found = connection.execute(query).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            return None
        assert found is not None
        return int(found[0])

    for role in (Role.ARCHIVE, Role.OWNER):
        with session(filled, role, None) as connection:
            connection.execute(every)
            connection.execute(purpose)
            # The owner may ask, and has no policy; archive may not even ask.
            expected = 0 if role is Role.OWNER else None
            assert {table: rows(connection, table) for table in ACCOUNTS} == dict.fromkeys(
                ACCOUNTS, expected
            )
    with session(filled, Role.API, None) as api:
        api.execute(every)
        assert {table: rows(api, table) for table in ACCOUNTS} == dict.fromkeys(ACCOUNTS, 0)
        for value in ("", "Accounts", "accounts "):
            api.execute("SELECT set_config('watchfloor.purpose', %s, false)", (value,))
            assert {table: rows(api, table) for table in ACCOUNTS} == dict.fromkeys(ACCOUNTS, 0)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute(
                "INSERT INTO account_flow (hash, browser, nonce, verifier, expires_at) "
                "VALUES ('h', 'b', 'n', 'v', now())"
            )
        api.execute(purpose)
        assert {table: rows(api, table) for table in ACCOUNTS} == dict.fromkeys(ACCOUNTS, 1)
    with psycopg.connect(filled.maintenance(), autocommit=True) as admin:
        reader = admin.execute(
            "SELECT count(*) FROM unnest(%s::text[]) t "
            "WHERE has_table_privilege(%s, %s || '.' || t, 'SELECT')",
            (sorted(ACCOUNTS), READER, filled.schema),
        ).fetchone()
        assert reader == (0,)


def fill_accounts(admin: Connection) -> None:
    """A row in each of these tables, by whoever no policy holds."""
    for statement in (
        "INSERT INTO account (account_id, name, folded, role, must_change, language, created_at) "
        "VALUES ('a', 'kim', 'kim', 'viewer', false, 'en', now())",
        "INSERT INTO account_recovery_code VALUES ('a', 'h')",
        "INSERT INTO account_session VALUES ('s', 'a', 'password', '::1', '::1', '', now(), "
        "now(), now())",
        "INSERT INTO account_refresh VALUES ('h', 's')",
        "INSERT INTO account_link VALUES ('h', 'a', now())",
        "INSERT INTO account_flow VALUES ('h', 'b', 'n', 'v', now())",
        "INSERT INTO sign_in_failure VALUES ('pair', 's', 1, now())",
        "INSERT INTO service_token VALUES ('t', 'n', 'h', '{}', NULL, 'kim', now(), now())",
        "INSERT INTO signing_key VALUES ('k', '{}', 's', now())",
        "INSERT INTO audit VALUES ('1', now(), 'sign_in_granted', 'kim')",
        "INSERT INTO push_subscription VALUES ('p', 'a', 's', 'k', 'x', 'high', 'phone', 'en', "
        "now())",
    ):
        admin.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("GRANT SELECT ON account TO watchfloor_reader", "account: rights of"),
        ("ALTER TABLE signing_key NO FORCE ROW LEVEL SECURITY", "signing_key: row-level security"),
        ("DROP POLICY accounts ON service_token", "service_token: the policies are none"),
        (
            "GRANT SELECT (password) ON account TO watchfloor_definer",
            "account: rights on columns: watchfloor_definer account_id",
        ),
        ("GRANT UPDATE (role) ON account TO watchfloor_archive", "watchfloor_archive role!"),
        (
            "DROP POLICY push ON push_subscription",
            "push_subscription: the policies are accounts watchfloor_api",
        ),
        (
            "CREATE POLICY more ON account FOR SELECT TO watchfloor_archive USING (true)",
            "account: the policies are accounts watchfloor_api, more watchfloor_archive, push",
        ),
        ("CREATE TABLE bare (site_id text PRIMARY KEY)", "bare: row-level security is not forced"),
        ("ALTER TABLE alert NO FORCE ROW LEVEL SECURITY", "alert: row-level security is not"),
        ("DROP POLICY sites ON zone", "zone: no policy"),
        ("CREATE TABLE one (id text PRIMARY KEY)", "one: site_id does not begin its primary key"),
        ("CREATE VIEW v AS SELECT site_id FROM alert", "v: not security_invoker"),
    ],
)
def test_a_table_without_isolation_is_named(
    settings: Settings, statement: str, problem: str
) -> None:
    place = settings.in_namespace("verify")
    prepare(place)
    try:
        with connect(place, Role.OWNER) as owner:
            owner.execute(statement.encode())
        details = " ".join(check.detail for check in verify(place) if not check.ok)
        assert problem in details
    finally:
        with connect(place, Role.OWNER) as owner:
            owner.execute("DROP SCHEMA wf_verify CASCADE")


async def test_a_scope_ends_with_its_transaction(filled: Target, settings: Settings) -> None:
    async def seen(connection: psycopg.AsyncConnection[Any]) -> list[Any]:
        cursor = await connection.execute("SELECT activity_id FROM alert_activity")
        return await cursor.fetchall()

    with session(target_of(settings), Role.ARCHIVE, None) as archive:
        row = {"site_id": "scope", "activity_id": "1", "alert_id": "a", "kind": "opened"}
        row |= {"at": "2026-03-02T10:00:00Z", "actor": "watchfloor", "cause": "e"}
        archive.execute("SELECT archive_activity(%s)", (json.dumps([row]),))
    async with make_pool(settings, Role.API, min_size=1, max_size=1) as pool:
        async with pool.connection() as connection, site_scope(connection, {"scope"}) as scoped:
            assert await seen(scoped) == [("1",)]
            with pytest.raises(RuntimeError, match="its own transaction"):
                async with site_scope(scoped, {"north"}):
                    pass
        async with pool.connection() as connection:
            assert await seen(connection) == []
        with pytest.raises(ValueError, match="fails"):
            async with pool.connection() as connection, site_scope(connection, {"scope"}):
                raise ValueError("fails")
        async with pool.connection() as connection:
            assert await seen(connection) == []


def test_a_scope_takes_a_set_of_sites(settings: Settings) -> None:
    with (
        connect(settings, Role.API) as connection,
        pytest.raises(TypeError, match="not one site's name"),
        site_scope_sync(connection, "north"),
    ):
        pass
