"""Schemas of namespaces, connections, and passwords that nobody sees."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from infra.db import credentials
from infra.db.target import Role, schema_of, target_of
from infra.errors import SettingsError
from infra.secrets import Secret
from infra.settings import Settings


@pytest.mark.parametrize(
    ("namespace", "schema"),
    [("", "watchfloor"), ("replay-1", "wf_replay_1"), ("a" * 56, "wf_" + "a" * 56)],
)
def test_schema_of(namespace: str, schema: str) -> None:
    assert schema_of(namespace) == schema
    assert len(schema) < 64  # PostgreSQL cuts longer names, and two could become one


@pytest.mark.parametrize("namespace", ["-a", "A", "a_b", "a.b", "a" * 57, 'a"b', "ä"])
def test_a_namespace_that_is_none(namespace: str) -> None:
    with pytest.raises(ValueError, match="is no namespace"):
        schema_of(namespace)


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("postgresql://a:b@h/mine", "mine"),
        ("postgresql://a:b@h", "watchfloor"),
        ("postgresql://a:b@h/postgres", "watchfloor"),  # the embedded server's own
        ("host=h dbname=mine", "mine"),
    ],
)
def test_database_of_a_url(url: str, database: str, tmp_path: Path) -> None:
    assert target_of(Settings(postgres_url=url, state_dir=tmp_path)).database == database


def test_a_roles_connection(tmp_path: Path) -> None:
    url = "postgresql://root:hidden@h:5433/mine?sslmode=verify-full"
    target = target_of(Settings(postgres_url=url, state_dir=tmp_path, namespace="replay-1"))
    parts = conninfo_to_dict(target.connection(Role.API))
    assert parts["user"] == "watchfloor_api"
    assert (parts["host"], parts["port"], parts["dbname"]) == ("h", "5433", "mine")
    assert parts["sslmode"] == "verify-full"
    assert "search_path=wf_replay_1,pg_temp" in str(parts["options"])
    assert "statement_timeout=10000" in str(parts["options"])
    assert parts["password"] not in (None, "hidden")
    assert "hidden" not in repr(target)


def test_no_url(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no database is known"):
        target_of(Settings(state_dir=tmp_path))


def test_passwords_follow_from_the_servers(tmp_path: Path) -> None:
    """Every machine with the URL has the same ones; each role has another; no file is written."""
    master = Secret("of the server")
    made = {role: credentials.password(tmp_path / "a", role, master) for role in Role}
    again = {role: credentials.password(tmp_path / "b", role, master) for role in Role}
    assert made == again
    assert len({s.reveal() for s in made.values() if s is not None}) == len(Role)
    other = credentials.password(tmp_path, Role.API, Secret("of another"))
    assert other != made[Role.API]
    assert not any(tmp_path.rglob("*"))


def test_a_secret_that_was_given_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_SECRET_WATCHFLOOR_API", "given")
    assert credentials.password(tmp_path, Role.API, Secret("of the server")) == Secret("given")
    assert credentials.password(tmp_path, Role.ARCHIVE, None) is None


def test_without_any_one_is_made_once(tmp_path: Path) -> None:
    assert credentials.password(tmp_path, Role.API, None) is None
    threads = [
        threading.Thread(target=credentials.ensure, args=(tmp_path, Role.API, None))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = credentials.password(tmp_path, Role.API, None)
    assert made is not None
    assert len(made.reveal()) >= 32
    (file,) = (tmp_path / "secrets").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    credentials.ensure(tmp_path, Role.API, None)
    assert credentials.password(tmp_path, Role.API, None) == made
