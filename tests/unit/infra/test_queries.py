"""Every query names its sites, and SQL stands in repositories: the linter, and what it finds."""

from __future__ import annotations

import pytest

from infra.queries import problems_of, query_problems, site_tables

REPOSITORY = "api/thing/repository.py"
TABLES = frozenset({"alert", "event", "decision", "zone"})


def found(sql: str, name: str = REPOSITORY) -> list[str]:
    sql = sql.replace("[IN]", "WHERE site_id = ANY(%(sites)s)")
    return problems_of(name, f"QUERY = {sql!r}", TABLES)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM alert [IN]",
        "SELECT * FROM alert WHERE site_id = %s AND rank > 3",
        "SELECT a.rank FROM alert a WHERE a.site_id = ANY(%s)",
        # bound by the table beside it
        "SELECT * FROM event e LEFT JOIN decision d ON d.site_id = e.site_id AND d.id = e.id "
        "WHERE e.site_id = ANY(%(sites)s)",
        # bound by the query around it
        "SELECT *, (SELECT max(at) FROM event e WHERE e.site_id = a.site_id) FROM alert a "
        "WHERE a.site_id = %(site)s",
        "SELECT * FROM (SELECT * FROM alert [IN]) a LEFT JOIN (SELECT * FROM event [IN]) e "
        "USING (site_id, event_id)",
        "SELECT id FROM alert [IN] UNION ALL SELECT id FROM event [IN]",
        "WITH one AS (SELECT * FROM alert [IN]) SELECT * FROM one",
        "UPDATE alert SET rank = 1 [IN]",
        "DELETE FROM alert [IN] AND alert_id NOT IN (SELECT alert_id FROM alert [IN])",
        "INSERT INTO alert (site_id, alert_id) VALUES (%s, %s)",
        "INSERT INTO alert (site_id, id) VALUES (%s, %s) ON CONFLICT (site_id, id) DO UPDATE "
        "SET id = EXCLUDED.id",
        "SELECT 1",
        "SELECT site_ids()",
        "SELECT * FROM account WHERE name = %s",  # of no site
        "an update from alert to event",  # words, and no SQL
    ],
)
def test_what_names_its_sites(sql: str) -> None:
    assert found(sql) == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM alert", "alert is used"),
        ("SELECT site_id FROM alert WHERE alert_id = %s", "alert is used"),
        ("SELECT * FROM alert ORDER BY site_id", "alert is used"),
        ("SELECT * FROM alert WHERE site_id > %s", "alert is used"),
        ("SELECT * FROM alert WHERE site_id = site_id", "alert is used"),
        # a join that binds neither of the two
        ("SELECT * FROM event e JOIN decision d ON d.site_id = e.site_id", "comes from outside"),
        # the second table is joined by its id only
        (
            "SELECT * FROM event e JOIN decision d ON d.id = e.id WHERE e.site_id = ANY(%s)",
            "decision is used",
        ),
        ("SELECT * FROM event, zone WHERE event.site_id = %s", "zone is used"),
        ("SELECT * FROM (SELECT * FROM alert) a [IN]", "alert is used"),
        ("SELECT id FROM alert [IN] UNION SELECT id FROM event", "event is used"),
        ("SELECT *, (SELECT max(at) FROM event) FROM alert [IN]", "event is used"),
        ("WITH one AS (SELECT * FROM alert) SELECT * FROM one", "alert is used"),
        ("UPDATE alert SET site_id = %s", "alert is used"),
        ("DELETE FROM alert", "alert is used"),
        ("INSERT INTO alert (alert_id, site_id) VALUES (%s, %s)", "names site_id first"),
        ("INSERT INTO alert VALUES (%s, %s)", "names site_id first"),
        # a part that is put to something else
        (" LEFT JOIN zone z ON z.id = e.zone_id", "zone is used"),
        ("SELECT * FROM alert -- WHERE site_id = %s", "alert is used"),
    ],
)
def test_what_does_not(sql: str, said: str) -> None:
    (problem, *_) = found(sql)
    assert said in problem
    assert problem.startswith(f"{REPOSITORY}:1: ")


def test_texts_that_are_put_together_are_one() -> None:
    source = 'def f(name):\n    return "SELECT * FROM alert " + "WHERE site_id = %s"\n'
    assert problems_of(REPOSITORY, source, TABLES) == []
    source = 'def f(name):\n    return f"SELECT {name} FROM alert WHERE alert_id = %s"\n'
    assert len(problems_of(REPOSITORY, source, TABLES)) == 2


def test_sql_stands_in_repositories() -> None:
    sql = "SELECT * FROM alert [IN]"
    assert found(sql, "infra/db/thing.py") == []
    (problem,) = found(sql, "api/thing/service.py")
    assert "repository.py" in problem
    assert found("SELECT 1", "api/thing/service.py")
    # A docstring tells of SQL, and is none.
    assert problems_of("api/thing/service.py", '"""SELECT * FROM alert"""\n', TABLES) == []


def test_the_tables_come_from_the_migrations() -> None:
    tables = site_tables()
    assert {"document", "alert", "event", "backtest", "device_change", "ai_event"} <= tables
    assert "schema_version" not in tables


def test_the_sources_hold_to_it() -> None:
    assert query_problems() == []
