"""Users: made, changed and removed by whoever may give what they get.

Nobody gives more than they have: a role's scopes and the sites of a user are within the acting
principal's own, before a change and after it. A user beyond that is not there for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime

import psycopg
from msgspec import UNSET, structs

from api.account import audit
from api.account import repository as rows
from api.account.fields import check_name, check_timezone
from api.account.identity import ROLE_SCOPES, Principal, Role
from api.account.lockout import veiled
from api.account.passwords import Passwords, random_password
from api.account.records import Account, Begin, Session, Visitor
from api.account.signin import repository as signin_rows
from api.account.user.schemas import UserBody, UserChange
from api.problems import BeyondOwn, Conflict, NotFound
from infra.db.pool import AsyncConnection
from schemas.audit import AuditKind

__all__ = ["Users", "almighty", "end_one", "may_give", "may_see"]


def may_give(principal: Principal, role: Role, sites: frozenset[str] | None) -> bool:
    """Whether a principal may make somebody that, there."""
    return ROLE_SCOPES[role] <= principal.scopes and may_see(principal, sites)


def may_see(principal: Principal, sites: frozenset[str] | None) -> bool:
    """Whether somebody of those sites is within the principal's own."""
    return principal.sites is None or (sites is not None and sites <= principal.sites)


class Users:
    """changed: told after each change, before its answer."""

    def __init__(
        self,
        begin: Begin,
        passwords: Passwords,
        changed: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._begin = begin
        self._passwords = passwords
        self._changed = changed
        self._now = now

    async def every(self, principal: Principal) -> list[Account]:
        """Those within the principal's sites, by name."""
        async with self._begin() as connection:
            found = await rows.every(connection)
        return [account for account in found if may_see(principal, account.sites)]

    async def by_id(self, principal: Principal, account_id: str) -> Account:
        """One of them. Raises NotFound."""
        async with self._begin() as connection:
            return await self._seen(connection, principal, account_id)

    async def by_name(self, principal: Principal, name: str) -> Account:
        """One of them by its name. Raises NotFound."""
        async with self._begin() as connection:
            account = await rows.by_name(connection, name.lower())
        if account is None or not may_see(principal, account.sites):
            raise NotFound("user", name[:63])
        return account

    async def _seen(
        self, connection: AsyncConnection, principal: Principal, account_id: str
    ) -> Account:
        return _within(principal, await rows.looked_at(connection, account_id), account_id)

    async def _changeable(
        self, connection: AsyncConnection, principal: Principal, account_id: str
    ) -> Account:
        """The same, where it has no scope that the principal has not."""
        await rows.lock(connection)
        account = _within(principal, await rows.by_id(connection, account_id), account_id)
        if not may_give(principal, account.role, account.sites):
            raise BeyondOwn("That user may do more than you.")
        return account

    async def add(
        self, principal: Principal, visitor: Visitor, body: UserBody
    ) -> tuple[Account, str]:
        """A new user, and the password for the first sign-in. Raises Conflict and BeyondOwn."""
        check_name(body.name)
        check_timezone(body.timezone)
        sites = None if body.sites is None else frozenset(body.sites)
        if not may_give(principal, body.role, sites):
            raise BeyondOwn("Nobody gives a role or sites that they do not have themselves.")
        password = random_password()
        now = self._now()
        account = Account(
            account_id=str(uuid.uuid4()),
            name=body.name,
            role=body.role,
            sites=sites,
            password=await self._passwords.hash(password),
            must_change=True,
            totp=None,
            totp_pending=None,
            totp_step=0,
            language=body.language,
            timezone=body.timezone,
            disabled=False,
            issuer=None,
            created_at=now,
            signed_in_at=None,
        )
        async with self._begin() as connection:
            if not await rows.add(connection, account):
                raise Conflict(f"There is a user {body.name!r} already.")
            said = audit.by(
                principal,
                visitor,
                AuditKind.USER_CREATED,
                now,
                target=account.name,
                detail=f"{account.role.value}, {_places(account.sites)}",
            )
            await rows.owe(connection, said)
            await rows.notify(connection, "accounts")
        await self._changed()
        return account, password

    async def change(
        self, principal: Principal, visitor: Visitor, account_id: str, body: UserChange
    ) -> Account:
        """Change a user. Raises NotFound, BeyondOwn, Conflict and Invalid."""
        if body.name is not UNSET:
            check_name(body.name)
        if body.timezone is not UNSET:
            check_timezone(body.timezone)
        now = self._now()
        async with self._begin() as connection:
            before = await self._changeable(connection, principal, account_id)
            given = {n: v for n, v in structs.asdict(body).items() if v is not UNSET}
            if "sites" in given and given["sites"] is not None:
                given["sites"] = frozenset(given["sites"])
            if given.pop("totp", None) is False:
                given |= {"totp": None, "totp_pending": None}
                await rows.add_codes(connection, account_id, [])
            after = structs.replace(before, **given)
            if not may_give(principal, after.role, after.sites):
                raise BeyondOwn("Nobody gives a role or sites that they do not have themselves.")
            await self._keep_one(connection, before, after)
            try:
                await rows.change(connection, after)
            except psycopg.errors.UniqueViolation:
                raise Conflict(f"There is a user {after.name!r} already.") from None
            if after.disabled:
                await signin_rows.revoke_all(connection, account_id, now)
            said = audit.by(
                principal,
                visitor,
                AuditKind.USER_CHANGED,
                now,
                target=before.name,
                detail=_difference(before, after),
            )
            await rows.owe(connection, said)
            await rows.notify(connection, "accounts")
        await self._changed()
        return after

    async def remove(self, principal: Principal, visitor: Visitor, account_id: str) -> None:
        """Remove a user. Raises NotFound, BeyondOwn and Conflict."""
        now = self._now()
        async with self._begin() as connection:
            account = await self._changeable(connection, principal, account_id)
            await self._keep_one(connection, account, None)
            await signin_rows.revoke_all(connection, account_id, now)
            await rows.remove(connection, account_id)
            said = audit.by(principal, visitor, AuditKind.USER_REMOVED, now, target=account.name)
            await rows.owe(connection, said)
            await rows.notify(connection, "accounts")
        await self._changed()

    async def _keep_one(
        self, connection: AsyncConnection, before: Account, after: Account | None
    ) -> None:
        """Raise Conflict where nobody would be left who may do everything."""
        if almighty(before) and (after is None or not almighty(after)):
            others = await rows.every(connection)
            if not any(almighty(one) for one in others if one.account_id != before.account_id):
                raise Conflict("That is the last administrator of every site.")

    async def reset_password(
        self, principal: Principal, visitor: Visitor, account_id: str, *, wholly: bool = False
    ) -> str:
        """A temporary password; all sessions end. wholly: no second factor, no waiting either.

        Raises NotFound, BeyondOwn, and Conflict for who signs in elsewhere.
        """
        password = random_password()
        hashed = await self._passwords.hash(password)
        now = self._now()
        async with self._begin() as connection:
            account = await self._changeable(connection, principal, account_id)
            if account.issuer is not None:
                raise Conflict("That user signs in elsewhere, and has no password here.")
            after = structs.replace(account, password=hashed, must_change=True)
            if wholly:
                after = structs.replace(after, totp=None, totp_pending=None, disabled=False)
                await rows.add_codes(connection, account_id, [])
            await rows.change(connection, after)
            await signin_rows.forget_failures(connection, veiled(account.name.lower()))
            await signin_rows.revoke_all(connection, account_id, now)
            said = audit.by(
                principal,
                visitor,
                AuditKind.PASSWORD_RESET,
                now,
                target=account.name,
                detail="the second factor too" if wholly else None,
            )
            await rows.owe(connection, said)
            await rows.notify(connection, "accounts")
        await self._changed()
        return password

    async def sessions(self, principal: Principal, account_id: str) -> list[Session]:
        """A user's sessions, the newest first. Raises NotFound."""
        async with self._begin() as connection:
            await self._seen(connection, principal, account_id)
            return await signin_rows.sessions(connection, account_id, self._now())

    async def end_sessions(
        self, principal: Principal, visitor: Visitor, account_id: str, session_id: str | None
    ) -> None:
        """End one of a user's sessions, or all. Raises NotFound and BeyondOwn."""
        now = self._now()
        async with self._begin() as connection:
            account = await self._changeable(connection, principal, account_id)
            if session_id is None:
                ended = await signin_rows.revoke_all(connection, account_id, now)
            else:
                ended = await end_one(connection, account_id, session_id, now)
            for _ in ended:
                said = audit.by(
                    principal, visitor, AuditKind.SESSION_REVOKED, now, target=account.name
                )
                await rows.owe(connection, said)
            await rows.notify(connection, "accounts")
        await self._changed()


def _within(principal: Principal, account: Account | None, account_id: str) -> Account:
    if account is None or not may_see(principal, account.sites):
        raise NotFound("user", account_id)
    return account


async def end_one(
    connection: AsyncConnection, account_id: str, session_id: str, now: datetime
) -> list[str]:
    """End one of an account's sessions. Raises NotFound for another's, and where there is none."""
    session = await signin_rows.session(connection, session_id, now)
    if session is None or session.account_id != account_id:
        raise NotFound("session", session_id)
    await signin_rows.revoke(connection, session_id, now)
    return [session_id]


def almighty(account: Account) -> bool:
    """Whether somebody may do everything everywhere."""
    return account.role is Role.ADMIN and account.sites is None and not account.disabled


def _places(sites: frozenset[str] | None) -> str:
    if sites is None:
        return "every site"
    return f"sites {', '.join(sorted(sites))}"[:1000] if sites else "no site"


def _difference(before: Account, after: Account) -> str:
    """What changed, for a person to read."""
    found = []
    if before.name != after.name:
        found.append(f"name: now {after.name}")
    if before.role is not after.role:
        found.append(f"role: {before.role.value} to {after.role.value}")
    if before.sites != after.sites:
        found.append(f"from {_places(before.sites)} to {_places(after.sites)}"[:1500])
    if before.disabled is not after.disabled:
        found.append("disabled" if after.disabled else "enabled")
    if before.totp is not None and after.totp is None:
        found.append("second factor taken away")
    return "; ".join(found)[:2000] or "language or timezone"
