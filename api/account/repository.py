"""The SQL of accounts, and of what an act owes to `audit.v1`.

Every function works in a transaction of `account_scope`; elsewhere these tables are empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed

from api.account.fields import SavedFilter
from api.account.identity import Role
from api.account.records import Account, Holder
from infra.db.pool import AsyncConnection
from infra.secrets import Secret
from schemas.audit import Audit
from schemas.base import encode
from topics.catalogue import AUDIT

__all__ = [
    "add",
    "add_codes",
    "any_account",
    "by_id",
    "by_name",
    "by_subject",
    "change",
    "change_seals",
    "every",
    "holders",
    "lock",
    "looked_at",
    "notify",
    "owe",
    "remove",
    "take_code",
    "take_step",
]

EVERYONES: Final = "*"
"""Under which the outbox keeps what is of no site."""

_COLUMNS: Final = SQL(
    "account_id, name, role, sites, password, must_change, totp, totp_pending, totp_step, "
    "language, timezone, disabled, issuer, created_at, signed_in_at, filters"
)


def _account(row: Mapping[str, Any]) -> Account:
    sites, password = row["sites"], row["password"]
    return Account(
        account_id=row["account_id"],
        name=row["name"],
        role=Role(row["role"]),
        sites=None if sites is None else frozenset(sites),
        password=None if password is None else Secret(password),
        must_change=row["must_change"],
        totp=row["totp"],
        totp_pending=row["totp_pending"],
        totp_step=row["totp_step"],
        language=row["language"],
        timezone=row["timezone"],
        disabled=row["disabled"],
        issuer=row["issuer"],
        created_at=row["created_at"],
        signed_in_at=row["signed_in_at"],
        filters=msgspec.convert(row["filters"], tuple[SavedFilter, ...]),
    )


async def _one(
    connection: AsyncConnection, query: SQL | Composed, values: Mapping[str, Any]
) -> Any:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone()


async def by_id(connection: AsyncConnection, account_id: str) -> Account | None:
    """The account; its row is locked, so that two changes are one after the other."""
    row = await _one(
        connection,
        SQL("SELECT {} FROM account WHERE account_id = %(id)s FOR UPDATE").format(_COLUMNS),
        {"id": account_id},
    )
    return None if row is None else _account(row)


async def looked_at(connection: AsyncConnection, account_id: str) -> Account | None:
    """The account, for who changes nothing."""
    row = await _one(
        connection,
        SQL("SELECT {} FROM account WHERE account_id = %(id)s").format(_COLUMNS),
        {"id": account_id},
    )
    return None if row is None else _account(row)


async def by_name(connection: AsyncConnection, folded: str) -> Account | None:
    """The account of that name, as it is compared."""
    row = await _one(
        connection,
        SQL("SELECT {} FROM account WHERE folded = %(name)s").format(_COLUMNS),
        {"name": folded},
    )
    return None if row is None else _account(row)


async def by_subject(connection: AsyncConnection, issuer: str, subject: str) -> Account | None:
    """The account that another's sign-in says it is."""
    row = await _one(
        connection,
        SQL("SELECT {} FROM account WHERE issuer = %(issuer)s AND subject = %(subject)s").format(
            _COLUMNS
        ),
        {"issuer": issuer, "subject": subject},
    )
    return None if row is None else _account(row)


async def every(connection: AsyncConnection) -> list[Account]:
    """All of them, by name."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(SQL("SELECT {} FROM account ORDER BY folded").format(_COLUMNS))
        return [_account(row) for row in await cursor.fetchall()]


async def holders(connection: AsyncConnection) -> dict[str, Holder]:
    """Those who may do something now, by id."""
    cursor = await connection.execute(
        "SELECT account_id, name, role, sites, must_change FROM account WHERE NOT disabled"
    )
    return {
        account_id: Holder(
            name=name,
            role=Role(role),
            sites=None if sites is None else frozenset(sites),
            must_change=must_change,
        )
        for account_id, name, role, sites, must_change in await cursor.fetchall()
    }


async def change_seals(
    connection: AsyncConnection, account_id: str, totp: bytes | None, pending: bytes | None
) -> None:
    """The same second factor, sealed anew."""
    await connection.execute(
        "UPDATE account SET totp = %s, totp_pending = %s WHERE account_id = %s",
        (totp, pending, account_id),
    )


async def any_account(connection: AsyncConnection) -> bool:
    """Whether there is one."""
    row = await _one(connection, SQL("SELECT EXISTS (SELECT FROM account) AS there"), {})
    return bool(row["there"])


async def lock(connection: AsyncConnection) -> None:
    """One at a time: who makes the first account, and who takes the last administrator away."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtext('accounts.' || current_schema()))"
    )


async def add(connection: AsyncConnection, account: Account, subject: str | None = None) -> bool:
    """Add an account; False where its name, or its subject, is taken."""
    cursor = await connection.execute(
        "INSERT INTO account (account_id, name, folded, role, sites, password, must_change, "
        "language, timezone, issuer, subject, created_at) VALUES (%(account_id)s, %(name)s, "
        "%(folded)s, %(role)s, %(sites)s, %(password)s, %(must_change)s, %(language)s, "
        "%(timezone)s, %(issuer)s, %(subject)s, %(created_at)s) ON CONFLICT DO NOTHING",
        {
            "account_id": account.account_id,
            "name": account.name,
            "folded": account.name.lower(),
            "role": account.role.value,
            "sites": _list(account.sites),
            "password": None if account.password is None else account.password.reveal(),
            "must_change": account.must_change,
            "language": account.language,
            "timezone": account.timezone,
            "issuer": account.issuer,
            "subject": subject,
            "created_at": account.created_at,
        },
    )
    return cursor.rowcount == 1


async def change(connection: AsyncConnection, account: Account) -> None:
    """Write what may change of an account. Raises psycopg's UniqueViolation for a taken name."""
    await connection.execute(
        "UPDATE account SET name = %(name)s, folded = %(folded)s, role = %(role)s, "
        "sites = %(sites)s, password = %(password)s, must_change = %(must_change)s, "
        "totp = %(totp)s, totp_pending = %(totp_pending)s, language = %(language)s, "
        "timezone = %(timezone)s, disabled = %(disabled)s, signed_in_at = %(signed_in_at)s, "
        "filters = %(filters)s "
        "WHERE account_id = %(account_id)s",
        {
            "account_id": account.account_id,
            "name": account.name,
            "folded": account.name.lower(),
            "role": account.role.value,
            "sites": _list(account.sites),
            "password": None if account.password is None else account.password.reveal(),
            "must_change": account.must_change,
            "totp": account.totp,
            "totp_pending": account.totp_pending,
            "language": account.language,
            "timezone": account.timezone,
            "disabled": account.disabled,
            "signed_in_at": account.signed_in_at,
            "filters": msgspec.json.encode(account.filters).decode(),
        },
    )


async def remove(connection: AsyncConnection, account_id: str) -> bool:
    """Remove an account; whether there was one."""
    cursor = await connection.execute("DELETE FROM account WHERE account_id = %s", (account_id,))
    return cursor.rowcount == 1


async def take_step(connection: AsyncConnection, account_id: str, step: int) -> bool:
    """Take a time step's code; False where it, or a later one, was taken already."""
    cursor = await connection.execute(
        "UPDATE account SET totp_step = %s WHERE account_id = %s AND totp_step < %s",
        (step, account_id, step),
    )
    return cursor.rowcount == 1


async def add_codes(connection: AsyncConnection, account_id: str, hashes: list[bytes]) -> None:
    """Recovery codes in the place of those before; none: only take those away."""
    await connection.execute(
        "DELETE FROM account_recovery_code WHERE account_id = %s", (account_id,)
    )
    await connection.execute(
        "INSERT INTO account_recovery_code (account_id, hash) SELECT %s, unnest(%s::bytea[])",
        (account_id, hashes),
    )


async def take_code(connection: AsyncConnection, account_id: str, hash: bytes) -> bool:
    """Use a recovery code up; False where there is none."""
    cursor = await connection.execute(
        "DELETE FROM account_recovery_code WHERE account_id = %s AND hash = %s", (account_id, hash)
    )
    return cursor.rowcount == 1


async def owe(connection: AsyncConnection, said: Audit) -> None:
    """Write an act down, and owe it to `audit.v1`: with its transaction, or not at all."""
    await connection.execute(
        "INSERT INTO audit (audit_id, at, kind, actor, actor_id, target, detail, address) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            said.audit_id,
            said.at,
            said.kind.value,
            said.actor,
            said.actor_id,
            said.target,
            said.detail,
            said.address,
        ),
    )
    await connection.execute(
        "INSERT INTO outbox (site_id, topic, key, revision, value, at) "
        "VALUES (%s, %s, %s, 0, %s, %s)",
        (EVERYONES, AUDIT.name, said.actor, encode(said), said.at),
    )
    await notify(connection, "audit")


async def notify(connection: AsyncConnection, what: str) -> None:
    """Tell every façade, at commit; the channel is the schema's name."""
    await connection.execute("SELECT pg_notify(current_schema(), %s)", (what,))


def _list(sites: frozenset[str] | None) -> list[str] | None:
    return None if sites is None else sorted(sites)
