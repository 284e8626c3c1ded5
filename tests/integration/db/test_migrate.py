"""The database made ready, again and again, at once, by an older release, and with bad luck."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import op
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.db import migrate
from infra.db.documents import publish, site_of
from infra.db.errors import DatabaseError, NewerSchemaError
from infra.db.migrate import MIGRATIONS, drop, head, prepare, version
from infra.db.pool import connect
from infra.db.target import Role, target_of
from infra.db.verify import ACCOUNTS, verify
from infra.errors import SettingsError
from infra.migrations import script
from infra.settings import Settings
from schemas.document import Camera, Document, Site

pytestmark = pytest.mark.postgres

SEED = {
    "site": "id name enabled",
    "nvr": "id site_id name status",
    "camera": "id site_id nvr_id name status last_seen_at",
    "ai_event": "id site_id camera_id event_type severity score ts_event dedup_key metadata_json",
    "ai_artifact": "id event_id type storage_path metadata_json",
    "notification_log": "id site_id channel severity status target payload error_message "
    "created_at",
    "poll_state": "site_id component severity next_poll_at last_latency_ms consecutive_failures "
    "load_shed_mode",
    "circuit_breaker_state": "site_id target_service state failure_count last_failure_at "
    "last_latency_ms opened_at",
}
"""What readers of the first schema select."""


def columns(settings: Settings) -> dict[str, set[str]]:
    with connect(settings, Role.OWNER) as owner:
        found: dict[str, set[str]] = {}
        for table, column in owner.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema()"
        ):
            found.setdefault(table, set()).add(column)
    return found


@pytest.mark.parametrize(("name", "expected"), SEED.items())
def test_the_first_schemas_names_can_be_read(settings: Settings, name: str, expected: str) -> None:
    assert set(expected.split()) <= columns(settings)[name]
    with connect(settings, Role.API) as api:
        api.execute(
            sql.SQL("SELECT {} FROM {}").format(
                sql.SQL(", ").join(map(sql.Identifier, expected.split())), sql.Identifier(name)
            )
        )


def test_every_table_has_a_site(settings: Settings) -> None:
    without = {name for name, found in columns(settings).items() if "site_id" not in found}
    assert without == {"schema_version", *ACCOUNTS}


def test_again_changes_nothing(settings: Settings) -> None:
    before = columns(settings)
    prepare(settings)
    assert columns(settings) == before


def test_the_newest_version_is_the_newest_file() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [head()]


def test_two_at_once_are_one(fresh_database: Any, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, postgres_url=fresh_database())
    failed: list[Exception] = []

    def run() -> None:
        try:
            prepare(settings)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [check for check in verify(settings) if not check.ok] == []


def test_a_newer_schema_is_refused_and_left_alone(settings: Settings) -> None:
    place = settings.in_namespace("newer")
    prepare(place)
    try:
        with connect(place, Role.OWNER) as owner:
            owner.execute("UPDATE schema_version SET version_num = '9999'")
        with pytest.raises(NewerSchemaError) as caught:
            prepare(place)
        assert "wf_newer is at version 9999" in caught.value.message
        assert "downgrade is refused" in (caught.value.hint or "")
        with connect(place, Role.OWNER) as owner:
            assert version(owner, "wf_newer") == "9999"
    finally:
        drop(place)


def test_a_namespace_goes_without_a_trace(settings: Settings) -> None:
    place = settings.in_namespace("gone")
    prepare(place)
    drop(place)
    drop(place)
    with connect(settings, Role.OWNER) as owner:
        row = owner.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'wf_gone'").fetchone()
    assert row is None
    with pytest.raises(DatabaseError, match="live schema"):
        drop(settings)


def test_a_role_that_was_given_more_loses_it(settings: Settings) -> None:
    target = target_of(settings)
    with psycopg.connect(target.maintenance(), autocommit=True) as admin:
        admin.execute("ALTER ROLE watchfloor_api BYPASSRLS")
        assert "watchfloor_api has more rights" in [c.detail for c in verify(settings)]
        prepare(settings)
    assert [check for check in verify(settings) if not check.ok] == []


def test_a_failed_migration_leaves_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = settings.in_namespace("halfway")
    whole = script.run

    def broken(name: str) -> None:
        if "tables" not in name:
            op.execute("SELECT nonsense")
        whole(name)

    monkeypatch.setattr(script, "run", broken)
    with pytest.raises(DatabaseError, match="nonsense"):
        prepare(place)
    try:
        assert columns(place) == {}
        monkeypatch.undo()
        prepare(place)
        assert [check for check in verify(place) if not check.ok] == []
    finally:
        drop(place)


def test_accounts_come_to_a_schema_with_data(settings: Settings) -> None:
    """From 0005, the version before them."""
    place = settings.in_namespace("upgrade")
    target = target_of(place)
    with connect(place, Role.OWNER) as owner:
        owner.execute("CREATE SCHEMA wf_upgrade")
    try:
        migrate._upgrade(target, "0005")
        site = Site(site_id="north", cameras=(Camera(camera_id="gate"),))
        revision = publish(place, Document(sites=(site,)), "kim")
        with connect(place, Role.OWNER) as owner:
            assert version(owner, "wf_upgrade") == "0005"
        prepare(place)
        assert [check for check in verify(place) if not check.ok] == []
        assert site_of(place, "north") == site
        assert publish(place, Document(sites=(site,)), "kim") == revision
    finally:
        drop(place)


def test_a_server_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    settings = Settings(
        state_dir=tmp_path, postgres_url="postgresql://kim:hidden@127.0.0.1:1/watchfloor"
    )
    with pytest.raises(DatabaseError) as caught:
        prepare(settings)
    assert "127.0.0.1:1/watchfloor" in caught.value.message
    assert "hidden" not in caught.value.message + (caught.value.hint or "")


def test_a_wrong_password_is_not_shown(postgres_url: str, tmp_path: Path) -> None:
    wrong = make_conninfo(postgres_url, password="not-this-one")
    with pytest.raises(DatabaseError) as caught:
        prepare(Settings(state_dir=tmp_path, postgres_url=wrong))
    assert "not-this-one" not in str(caught.value)


def test_a_login_without_rights_is_told_what_it_lacks(settings: Settings, tmp_path: Path) -> None:
    target = target_of(settings)
    password = target.password(Role.API)
    assert password is not None
    as_api = make_conninfo(
        target.admin,
        user=Role.API.value,
        password=password.reveal(),
        dbname="wf_test_missing",
    )
    with pytest.raises(DatabaseError, match="permission denied to create database") as caught:
        prepare(Settings(state_dir=tmp_path, postgres_url=as_api))
    assert "may create roles" in (caught.value.hint or "")


def test_roles_that_somebody_else_has_made(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it needs more than a login, as on a server that is managed by others."""
    target = target_of(settings)
    for role in Role:
        password = target.password(role)
        assert password is not None
        monkeypatch.setenv(f"WATCHFLOOR_SECRET_{role.value.upper()}", password.reveal())
        url = make_conninfo(target.admin, user=role.value, password=password.reveal())
    plain = Settings(state_dir=tmp_path, postgres_url=url, namespace="managed")
    prepare(plain)
    try:
        assert [check for check in verify(plain) if not check.ok] == []
    finally:
        drop(plain)


def test_no_database_at_all(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no database is known"):
        prepare(Settings(state_dir=tmp_path))
    with pytest.raises(SettingsError) as caught:
        prepare(Settings(state_dir=tmp_path, postgres_url="postgresql://a:hidden@[nowhere/x"))
    assert "hidden" not in caught.value.message


def test_a_state_folder_that_was_lost(settings: Settings, tmp_path: Path) -> None:
    """Another machine with the same URL: the same roles, and nobody is locked out."""
    other = replace(settings, state_dir=tmp_path)
    prepare(other)
    for place in (settings, other):
        with connect(place, Role.API) as api:
            assert api.execute("SELECT current_user").fetchone() == ("watchfloor_api",)
