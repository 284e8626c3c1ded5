"""`notification_log` in PostgreSQL: a row a channel and attempt, and only one's own sites'."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb

from agents.archive.rows import plan
from agents.notify.passes import Attempt, Confirming, report, summary
from agents.notify.stage import result_record
from agents.runtime.record import Record
from infra.db.migrate import prepare
from infra.db.pool import connect
from infra.db.target import Role
from infra.settings import Settings
from schemas.notification import ChannelOutcome, NotifyRequest, NotifyResult, Outcome
from tests.unit.agents.notify.parts import T0, asked_for, channel, request
from topics.record import OutRecord

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def settings(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name = f"wf_test_{uuid4().hex[:12]}"
    found = Settings(
        state_dir=tmp_path_factory.mktemp("state"),
        postgres_url=make_conninfo(postgres_url, dbname=name),
    )
    prepare(found)
    yield found
    with psycopg.connect(make_conninfo(postgres_url, dbname="postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def record_of(out: OutRecord) -> Record:
    return Record(
        topic=out.topic,
        partition=0,
        offset=0,
        timestamp_ms=int(T0.timestamp() * 1000),
        key=out.key,
        value=out.value,
        headers=dict(out.headers),
    )


def archive(settings: Settings, *outs: OutRecord) -> None:
    """As the archive does it: planned from records, through the table's function."""
    items, poison = plan([record_of(out) for out in outs])
    assert poison == []
    with connect(settings, Role.ARCHIVE) as connection:
        for item in items:
            assert item.row is not None
            connection.execute(
                f"SELECT archive_{item.row.table.value}(%s)".encode(),
                (Jsonb([msgspec.json.decode(item.row.data)]),),
            )


def rows(settings: Settings, columns: str, *sites: str) -> list[tuple[Any, ...]]:
    with connect(settings, Role.API) as connection, connection.transaction():
        connection.execute(
            "SELECT set_config('watchfloor.sites', %s, true)", ("{" + ",".join(sites) + "}",)
        )
        return connection.execute(
            sql.SQL("SELECT {} FROM notification_log ORDER BY created_at, receiver, id").format(
                sql.SQL(columns)
            )
        ).fetchall()


def passed(of: NotifyRequest, number: int, *outcomes: ChannelOutcome) -> NotifyResult:
    channels = {one.channel: channel(one.kind, one.channel) for one in outcomes}
    attempt = Attempt(request=of, attempt=number)
    later = T0 + timedelta(seconds=number)
    return summary(attempt, outcomes, channels, later, fanout=True, error="no channels")


def outcome(name: str, what: Outcome, **more: Any) -> ChannelOutcome:
    return ChannelOutcome(channel=name, kind="webhook", outcome=what, **more)


def test_a_row_a_channel_and_attempt(settings: Settings) -> None:
    of = request("n-log", site_id="north")
    first = passed(
        of,
        1,
        outcome("hook", Outcome.FAILED, error="https://h answered 500", target="https://h"),
        outcome("push", Outcome.DELIVERED, reference="r-1", latency_ms=12.5),
    )
    about = Confirming(channel="push", kind="webhook", reference="r-1", since=T0)
    later = T0 + timedelta(seconds=60)
    said = report(of, about, None, Outcome.ACKNOWLEDGED, None, "https://p", later)
    again = passed(of, 2, outcome("hook", Outcome.DELIVERED))
    nobody = passed(request("n-none", "zz", site_id="north"), 1)
    south = passed(request("n-log", site_id="south"), 1, outcome("hook", Outcome.DELIVERED))
    outs = [result_record(one) for one in (first, again, said, nobody, south)]
    archive(settings, asked_for(of), *outs)
    # The same records again, as after a crash, are the same rows.
    archive(settings, *outs)
    found = rows(
        settings,
        "channel, status, target, error_message, attempt, reference, latency_ms, severity, "
        "payload->>'receiver'",
        "north",
    )
    no, yes, told = "failed", "delivered", "acknowledged"
    broke = "https://h answered 500"
    assert found == [
        ("hook", no, "https://h", broke, 1, None, None, "high", "soc"),
        ("push", yes, None, None, 1, "r-1", 12.5, "high", "soc"),
        # A notification whose request is not there yet has no payload.
        (None, no, None, "no channels", 1, None, None, "high", None),
        ("hook", yes, None, None, 2, None, None, "high", "soc"),
        ("push", told, "https://p", None, 0, "r-1", None, "high", "soc"),
    ]
    assert len({row[0] for row in rows(settings, "id", "north")}) == 5


def test_nobody_sees_another_sites_log(settings: Settings) -> None:
    assert rows(settings, "site_id") == []
    assert {row[0] for row in rows(settings, "site_id", "south")} == {"south"}
