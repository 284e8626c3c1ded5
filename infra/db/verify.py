"""Whether the database keeps what it promises, asked as each role and not as a superuser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

from infra.db.errors import explain
from infra.db.migrate import head, version
from infra.db.target import DEFINER, Role, Target, target_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["ACCOUNTS", "BOOKKEEPING", "Check", "tables_of", "verify", "views_of"]

BOOKKEEPING: Final = frozenset({"schema_version"})
"""Alembic's own: no site's data is in it, and only the owner may read it."""

ACCOUNTS: Final = frozenset(
    {
        "account",
        "account_flow",
        "account_link",
        "account_recovery_code",
        "account_refresh",
        "account_session",
        "audit",
        "push_subscription",
        "service_token",
        "sign_in_failure",
        "signing_key",
    }
)
"""Of no site: only the API sees them, in a transaction for that purpose (docs/adr/0008)."""

PUSHED: Final = {
    "account": ("account_id", "disabled", "folded", "role", "sites"),
    "push_subscription": (
        *("account_id", "gone_at", "gone_at!", "key", "language", "least_severity", "sealed"),
        *("subscription_id", "taken_at", "taken_at!"),
    ),
}
"""What two functions of act's see of them as well, column by column; `!`: and change (adr/0012)."""

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One promise. detail: what was found where it does not hold."""

    name: str
    ok: bool
    detail: str = ""


def verify(settings: Settings) -> tuple[Check, ...]:
    """Every promise of the schema and its roles. Raises DatabaseError where nobody answers."""
    target = target_of(settings)
    with explain(target):
        checks: list[Check] = []
        with psycopg.connect(target.connection(Role.OWNER), autocommit=True) as owner:
            found = version(owner, target.schema)
            checks.append(Check(name="schema version", ok=found == head(), detail=str(found)))
            checks.append(_roles(owner))
            checks.append(_tables(owner, target))
            checks.append(_accounts(owner, target))
            checks.append(_views(owner, target))
            names = [
                *tables_of(owner, target.schema),
                *views_of(owner, target.schema),
                *sorted(ACCOUNTS),
            ]
        for role in Role:
            with psycopg.connect(target.connection(role), autocommit=True) as connection:
                seen = list(_visible(connection, names))
            checks.append(
                _check(f"{role.value} without sites sees nothing", [f"rows of {n}" for n in seen])
            )
    return tuple(checks)


def tables_of(connection: Connection, schema: str) -> list[str]:
    """The schema's tables with sites' rows: Alembic's own and those of accounts left out."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relkind IN ('r', 'p') ORDER BY 1",
        (schema,),
    )
    return [name for (name,) in rows if name not in BOOKKEEPING | ACCOUNTS]


def views_of(connection: Connection, schema: str) -> list[str]:
    """The schema's views."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relkind IN ('v', 'm') ORDER BY 1",
        (schema,),
    )
    return [name for (name,) in rows]


def _check(name: str, problems: list[str]) -> Check:
    return Check(name=name, ok=not problems, detail="; ".join(problems[:10]))


def _roles(connection: Connection) -> Check:
    rows = connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'watchfloor%' "
        "AND (rolsuper OR rolbypassrls OR rolcreaterole) ORDER BY 1"
    ).fetchall()
    return _check(
        "no role is above row-level security", [f"{name} has more rights" for (name,) in rows]
    )


def _tables(connection: Connection, target: Target) -> Check:
    """site_id, first in the primary key; row-level security on and forced; a policy."""
    rows = connection.execute(
        """
        SELECT c.relname,
               c.relrowsecurity AND c.relforcerowsecurity,
               EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid),
               EXISTS (SELECT FROM pg_attribute a JOIN pg_index i ON i.indrelid = c.oid
                       WHERE a.attrelid = c.oid AND a.attname = 'site_id' AND a.attnotnull
                       AND i.indisprimary AND i.indkey[0] = a.attnum)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relkind IN ('r', 'p')
        """,
        (target.schema,),
    )
    problems: list[str] = []
    for name, forced, policy, keyed in rows:
        if name in BOOKKEEPING | ACCOUNTS:
            continue
        if not forced:
            problems.append(f"{name}: row-level security is not forced")
        if not policy:
            problems.append(f"{name}: no policy")
        if not keyed:
            problems.append(f"{name}: site_id does not begin its primary key")
    return _check("every table is isolated by site", problems)


def _accounts(connection: Connection, target: Target) -> Check:
    """Forced row-level security, one policy, for the API alone; and nobody else has a right.

    Save for what PUSHED says of the functions' owner, who cannot log in.
    """
    rows = connection.execute(
        """
        SELECT c.relname,
               c.relrowsecurity AND c.relforcerowsecurity,
               ARRAY(SELECT p.polname || ' ' || r.rolname FROM pg_policy p
                     CROSS JOIN LATERAL unnest(p.polroles) AS o(oid)
                     JOIN pg_roles r ON r.oid = o.oid WHERE p.polrelid = c.oid ORDER BY 1),
               ARRAY(SELECT DISTINCT coalesce(r.rolname, 'PUBLIC')
                     FROM aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
                     WHERE a.grantee <> c.relowner),
               ARRAY(SELECT coalesce(r.rolname, 'PUBLIC') || ' ' || t.attname
                         || CASE a.privilege_type WHEN 'SELECT' THEN '' ELSE '!' END
                     FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) a
                     LEFT JOIN pg_roles r ON r.oid = a.grantee
                     WHERE t.attrelid = c.oid AND a.grantee <> c.relowner)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND c.relname = ANY (%s)
        """,
        (target.schema, sorted(ACCOUNTS)),
    ).fetchall()
    problems = [f"{name}: missing" for name in ACCOUNTS - {row[0] for row in rows}]
    for name, forced, policies, granted, columns in rows:
        allowed = PUSHED.get(name, ())
        expected = [f"accounts {Role.API.value}", *([f"push {DEFINER}"] if allowed else [])]
        if not forced:
            problems.append(f"{name}: row-level security is not forced")
        if policies != expected:
            problems.append(f"{name}: the policies are {', '.join(policies) or 'none'}")
        if granted != [Role.API.value]:
            problems.append(f"{name}: rights of {', '.join(granted)}")
        if sorted(columns) != [f"{DEFINER} {column}" for column in allowed]:
            problems.append(f"{name}: rights on columns: {', '.join(sorted(columns)) or 'none'}")
    return _check("accounts are seen by the API alone", problems)


def _views(connection: Connection, target: Target) -> Check:
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relkind = 'v' "
        "AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)",
        (target.schema,),
    )
    return _check(
        "every view shows its reader's rows", [f"{name}: not security_invoker" for (name,) in rows]
    )


def _visible(connection: Connection, names: list[str]) -> Iterator[str]:
    """The tables and views of which this session, which has named no sites, sees a row."""
    for name in names:
        query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(name))
        try:
            row = connection.execute(query).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            continue
        if row is not None and row[0]:
            yield name
