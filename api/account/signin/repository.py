"""The SQL of sessions and of what begins them. In a transaction of `account_scope`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from psycopg.rows import dict_row
from psycopg.sql import SQL

from api.account.lockout import FORGET, KNOWN_FOR, Failures, Measure, network_of
from api.account.records import Method, Session
from infra.db.pool import AsyncConnection

__all__ = [
    "Flow",
    "Refresh",
    "add_flow",
    "add_link",
    "add_refresh",
    "add_session",
    "barred",
    "child_used",
    "clean",
    "failures",
    "forget_failures",
    "forgive",
    "known_address",
    "refresh_of",
    "renew",
    "revoke",
    "revoke_all",
    "session",
    "sessions",
    "set_failures",
    "take_flow",
    "take_link",
    "use_refresh",
]

_SESSION = SQL("session_id, account_id, method, address, agent, created_at, used_at, expires_at")
ENDED_FOR = timedelta(days=1)


class Refresh(Struct, frozen=True, kw_only=True):
    """A refresh token that was given out."""

    session_id: str
    account_id: str
    parent: bytes | None
    used_at: datetime | None


class Flow(Struct, frozen=True, kw_only=True):
    """A sign-in elsewhere that is under way."""

    nonce: str
    verifier: str


def _session(row: Mapping[str, Any]) -> Session:
    return Session(**{**row, "method": Method(row["method"])})


async def add_session(connection: AsyncConnection, made: Session) -> None:
    """Begin a session."""
    await connection.execute(
        SQL(
            "INSERT INTO account_session ({}, network) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        ).format(_SESSION),
        (
            made.session_id,
            made.account_id,
            made.method.value,
            made.address,
            made.agent,
            made.created_at,
            made.used_at,
            made.expires_at,
            network_of(made.address),
        ),
    )


async def session(connection: AsyncConnection, session_id: str, now: datetime) -> Session | None:
    """A session that stands; its row is locked, so that its tokens are renewed in turn."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            SQL(
                "SELECT {} FROM account_session WHERE session_id = %s "
                "AND revoked_at IS NULL AND expires_at > %s FOR UPDATE"
            ).format(_SESSION),
            (session_id, now),
        )
        row = await cursor.fetchone()
    return None if row is None else _session(row)


async def sessions(connection: AsyncConnection, account_id: str, now: datetime) -> list[Session]:
    """An account's sessions that stand, the newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            SQL(
                "SELECT {} FROM account_session WHERE account_id = %s "
                "AND revoked_at IS NULL AND expires_at > %s "
                "ORDER BY created_at DESC, session_id LIMIT 500"
            ).format(_SESSION),
            (account_id, now),
        )
        return [_session(row) for row in await cursor.fetchall()]


async def known_address(
    connection: AsyncConnection, account_id: str, network: str, since: datetime
) -> bool:
    """Whether the account signed in from there since then."""
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM account_session "
        "WHERE account_id = %s AND network = %s AND created_at > %s)",
        (account_id, network, since),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def renew(
    connection: AsyncConnection, session_id: str, now: datetime, expires_at: datetime
) -> None:
    """The session was used: it expires later."""
    await connection.execute(
        "UPDATE account_session SET used_at = %s, expires_at = %s WHERE session_id = %s",
        (now, expires_at, session_id),
    )


async def revoke(connection: AsyncConnection, session_id: str, now: datetime) -> str | None:
    """End a session; whose it was, or None where it stood no more.

    The device that it was on is told nothing more, even where the session had expired by itself.
    """
    await connection.execute("DELETE FROM push_subscription WHERE session_id = %s", (session_id,))
    cursor = await connection.execute(
        "UPDATE account_session SET revoked_at = %s WHERE session_id = %s "
        "AND revoked_at IS NULL AND expires_at > %s RETURNING account_id",
        (now, session_id, now),
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def revoke_all(
    connection: AsyncConnection, account_id: str, now: datetime, besides: str | None = None
) -> list[str]:
    """End an account's sessions, all but one; which. Their devices are told nothing more."""
    await connection.execute(
        "DELETE FROM push_subscription WHERE account_id = %s AND session_id IS DISTINCT FROM %s",
        (account_id, besides),
    )
    cursor = await connection.execute(
        "UPDATE account_session SET revoked_at = %s WHERE account_id = %s "
        "AND revoked_at IS NULL AND expires_at > %s AND session_id IS DISTINCT FROM %s "
        "RETURNING session_id",
        (now, account_id, now, besides),
    )
    return [str(session_id) for (session_id,) in await cursor.fetchall()]


async def barred(connection: AsyncConnection, since: datetime, now: datetime) -> frozenset[str]:
    """Sessions that ended since then: of older ones no access token is good any more."""
    cursor = await connection.execute(
        "SELECT session_id FROM account_session "
        "WHERE revoked_at > %s OR (expires_at > %s AND expires_at <= %s)",
        (since, since, now),
    )
    return frozenset(str(session_id) for (session_id,) in await cursor.fetchall())


async def add_refresh(
    connection: AsyncConnection, hash: bytes, session_id: str, parent: bytes | None
) -> None:
    """Give out a refresh token."""
    await connection.execute(
        "INSERT INTO account_refresh (hash, session_id, parent) VALUES (%s, %s, %s)",
        (hash, session_id, parent),
    )


async def refresh_of(connection: AsyncConnection, hash: bytes) -> Refresh | None:
    """A refresh token by its hash."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT r.session_id, s.account_id, r.parent, r.used_at FROM account_refresh r "
            "JOIN account_session s USING (session_id) WHERE r.hash = %s",
            (hash,),
        )
        row = await cursor.fetchone()
    return None if row is None else Refresh(**row)


async def child_used(connection: AsyncConnection, hash: bytes) -> bool:
    """Whether a token that was given for this one is used already."""
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM account_refresh r JOIN account_refresh mine "
        "ON mine.session_id = r.session_id WHERE mine.hash = %s AND r.parent = mine.hash "
        "AND r.used_at IS NOT NULL)",
        (hash,),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def use_refresh(connection: AsyncConnection, hash: bytes, now: datetime) -> None:
    """Use a refresh token up, and with it those that were given for the same one."""
    await connection.execute(
        "UPDATE account_refresh r SET used_at = %s FROM account_refresh mine "
        "WHERE mine.hash = %s AND r.session_id = mine.session_id AND r.used_at IS NULL "
        "AND (r.hash = mine.hash OR r.parent = mine.parent)",
        (now, hash),
    )


async def add_link(
    connection: AsyncConnection, hash: bytes, account_id: str, expires_at: datetime
) -> None:
    """Keep a code that signs in once."""
    await connection.execute(
        "INSERT INTO account_link (hash, account_id, expires_at) VALUES (%s, %s, %s)",
        (hash, account_id, expires_at),
    )


async def take_link(connection: AsyncConnection, hash: bytes, now: datetime) -> str | None:
    """Use such a code up; whom it signs in, or None."""
    cursor = await connection.execute(
        "DELETE FROM account_link WHERE hash = %s RETURNING account_id, expires_at", (hash,)
    )
    row = await cursor.fetchone()
    return str(row[0]) if row is not None and row[1] > now else None


async def add_flow(
    connection: AsyncConnection, state: bytes, browser: bytes, flow: Flow, expires_at: datetime
) -> None:
    """Keep what a sign-in elsewhere must come back to."""
    await connection.execute(
        "INSERT INTO account_flow (hash, browser, nonce, verifier, expires_at) "
        "VALUES (%s, %s, %s, %s, %s)",
        (state, browser, flow.nonce, flow.verifier, expires_at),
    )


async def take_flow(
    connection: AsyncConnection, state: bytes, browser: bytes, now: datetime
) -> Flow | None:
    """Take it up again, once, and only for the browser that began it."""
    cursor = await connection.execute(
        "DELETE FROM account_flow WHERE hash = %s AND browser = %s "
        "RETURNING nonce, verifier, expires_at",
        (state, browser),
    )
    row = await cursor.fetchone()
    return Flow(nonce=row[0], verifier=row[1]) if row is not None and row[2] > now else None


async def failures(
    connection: AsyncConnection, subjects: Mapping[Measure, str]
) -> dict[Measure, Failures]:
    """What counts against a try; the rows are locked until it is counted as well.

    In one order, so that two tries that share a measure do not wait for each other.
    """
    for measure in Measure:
        await connection.execute(
            "INSERT INTO sign_in_failure (kind, subject, count, at) VALUES (%s, %s, 0, 'epoch') "
            "ON CONFLICT DO NOTHING",
            (measure.value, subjects[measure]),
        )
    cursor = await connection.execute(
        "SELECT f.kind, f.count, f.at FROM sign_in_failure f "
        "JOIN unnest(%s::text[], %s::text[]) AS s(kind, subject) USING (kind, subject) "
        "ORDER BY f.kind FOR UPDATE OF f",
        ([m.value for m in Measure], [subjects[m] for m in Measure]),
    )
    return {
        Measure(kind): Failures(count=count, at=at) for kind, count, at in await cursor.fetchall()
    }


async def set_failures(
    connection: AsyncConnection, subjects: Mapping[Measure, str], now: Mapping[Measure, Failures]
) -> None:
    """Write what counts now."""
    for measure, found in now.items():
        await connection.execute(
            "UPDATE sign_in_failure SET count = %s, at = %s WHERE kind = %s AND subject = %s",
            (found.count, found.at, measure.value, subjects[measure]),
        )


async def forgive(
    connection: AsyncConnection, subjects: Mapping[Measure, str], *, wholly: bool
) -> None:
    """Take the count of a try away again: it did not fail. wholly: and those of the account.

    An address keeps its others: somebody with one password would otherwise guess on for ever.
    """
    for measure in Measure:
        clear = wholly and measure is not Measure.ADDRESS
        await connection.execute(
            "UPDATE sign_in_failure "
            "SET count = CASE WHEN %s THEN 0 ELSE greatest(count - 1, 0) END "
            "WHERE kind = %s AND subject = %s",
            (clear, measure.value, subjects[measure]),
        )


async def forget_failures(connection: AsyncConnection, veiled: str) -> None:
    """Nothing counts against an account any more, from wherever it came. veiled: its name."""
    await connection.execute(
        "DELETE FROM sign_in_failure WHERE (kind = 'account' AND subject = %s) "
        "OR (kind = 'pair' AND split_part(subject, ' ', 1) = %s)",
        (veiled, veiled),
    )


async def clean(connection: AsyncConnection, now: datetime) -> None:
    """Remove what counts no more, and what ended a while ago."""
    await connection.execute("DELETE FROM sign_in_failure WHERE at < %s", (now - FORGET,))
    await connection.execute("DELETE FROM account_link WHERE expires_at < %s", (now,))
    await connection.execute("DELETE FROM account_flow WHERE expires_at < %s", (now,))
    await connection.execute(
        "DELETE FROM account_refresh r USING account_session s WHERE s.session_id = r.session_id "
        "AND least(s.revoked_at, s.expires_at) < %s",
        (now - ENDED_FOR,),
    )
    # A session that ended still tells from where its account is known.
    await connection.execute(
        "DELETE FROM account_session WHERE created_at < %s AND least(revoked_at, expires_at) < %s",
        (now - KNOWN_FOR, now - ENDED_FOR),
    )
