"""One's own account: name and language, password, second factor, sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import psycopg
import pyotp
from msgspec import UNSET, Struct, structs

from api.account import audit, factor
from api.account import repository as rows
from api.account.authority import digest
from api.account.fields import check_filters, check_name, check_timezone
from api.account.identity import Principal
from api.account.own.schemas import FactorView, MeChange
from api.account.passwords import Passwords, refusal
from api.account.records import Account, Begin, Session, Visitor
from api.account.signin import repository as signin_rows
from api.account.signin.service import SignIn, totp_purpose
from api.account.user.service import end_one
from api.problems import (
    Conflict,
    FieldError,
    Invalid,
    SignInAgain,
    Unauthenticated,
    UsersOnly,
)
from infra.db.pool import AsyncConnection
from infra.vault import Vault
from schemas.audit import AuditKind

__all__ = ["Own"]

FRESH: Final = timedelta(minutes=15)
"""So long after a sign-in a second factor may be taken away, or another put in its place."""


class _Seen(Struct, frozen=True):
    account: Account
    session: Session


class Own:
    """What a user does to the own account. changed: told after each change, before its answer."""

    def __init__(
        self,
        begin: Begin,
        passwords: Passwords,
        signin: SignIn,
        vault: Vault,
        changed: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._begin = begin
        self._passwords = passwords
        self._signin = signin
        self._vault = vault
        self._changed = changed
        self._now = now

    async def account(self, principal: Principal) -> Account:
        """The account. Raises UsersOnly for a token, Unauthenticated for one that is gone."""
        if principal.kind != "user":
            raise UsersOnly
        async with self._begin() as connection:
            account = await rows.looked_at(connection, principal.id)
        if account is None:
            raise Unauthenticated("The account is gone.")
        return account

    async def _seen(self, connection: AsyncConnection, principal: Principal) -> _Seen:
        if principal.kind != "user" or principal.session_id is None:
            raise UsersOnly
        # First the account, then the session, as everybody locks them.
        account = await rows.by_id(connection, principal.id)
        session = await signin_rows.session(connection, principal.session_id, self._now())
        if account is None or session is None:
            raise Unauthenticated("The session has ended.")
        return _Seen(account, session)

    async def change(self, principal: Principal, visitor: Visitor, body: MeChange) -> Account:
        """Change name, language, timezone or filters. Raises Conflict and Invalid."""
        if body.name is not UNSET:
            check_name(body.name)
        if body.timezone is not UNSET:
            check_timezone(body.timezone)
        if body.filters is not UNSET:
            check_filters(body.filters)
        given = {n: v for n, v in structs.asdict(body).items() if v is not UNSET}
        async with self._begin() as connection:
            before = (await self._seen(connection, principal)).account
            after = structs.replace(before, **given)
            try:
                await rows.change(connection, after)
            except psycopg.errors.UniqueViolation:
                raise Conflict(f"There is a user {after.name!r} already.") from None
            if after.name != before.name:
                said = audit.by(
                    principal,
                    visitor,
                    AuditKind.USER_CHANGED,
                    self._now(),
                    target=before.name,
                    detail=f"name: now {after.name}",
                )
                await rows.owe(connection, said)
                await rows.notify(connection, "accounts")
        await self._changed()
        return after

    async def change_password(
        self, principal: Principal, visitor: Visitor, old: str, new: str
    ) -> None:
        """Another password; all other sessions end.

        Raises BadCredentials where the old one is not right, LockedOut where that was tried too
        often, Invalid for a new one that is not taken, Conflict for who signs in elsewhere.
        """
        account = await self.account(principal)
        if account.password is None:
            raise Conflict("You sign in elsewhere, and have no password here.")
        await self._signin.confirm(account, old, visitor)
        reason = "is the one before" if new == old else refusal(new, account.name)
        if reason is not None:
            raise Invalid([FieldError(field="body.new", detail=reason)])
        hashed = await self._passwords.hash(new)
        now = self._now()
        async with self._begin() as connection:
            current = (await self._seen(connection, principal)).account
            if current.password != account.password:
                raise Conflict("The password has changed meanwhile.")
            after = structs.replace(current, password=hashed, must_change=False)
            await rows.change(connection, after)
            await signin_rows.revoke_all(connection, principal.id, now, principal.session_id)
            said = audit.by(principal, visitor, AuditKind.PASSWORD_CHANGED, now)
            await rows.owe(connection, said)
            await rows.notify(connection, "accounts")
        await self._changed()

    async def begin_factor(self, principal: Principal) -> FactorView:
        """A secret for an app; nothing is asked for until its code was shown once.

        Raises SignInAgain where there is a second factor already.
        """
        secret = pyotp.random_base32()
        purpose = totp_purpose(principal.id)
        sealed = await asyncio.to_thread(self._vault.seal, purpose, secret.encode())
        async with self._begin() as connection:
            seen = await self._seen(connection, principal)
            if seen.account.totp is not None:
                self._require_fresh(seen.session)
            await rows.change(connection, structs.replace(seen.account, totp_pending=sealed))
        uri = factor.uri_of(secret, seen.account.name)
        return FactorView(secret=secret, uri=uri, qr_svg=factor.picture(uri))

    async def confirm_factor(
        self, principal: Principal, visitor: Visitor, code: str
    ) -> tuple[str, ...]:
        """From now on the second factor is asked for; the codes for when it is lost.

        Raises Conflict where none was begun, Invalid for a code that the app does not show.
        """
        now = self._now()
        codes = factor.fresh_codes()
        async with self._begin() as connection:
            account = (await self._seen(connection, principal)).account
            if account.totp_pending is None:
                raise Conflict("No second factor was begun: POST /v1/me/totp first.")
            secret = await self._signin.factor_secret(account, account.totp_pending)
            step = factor.step_of(secret, code, now, 0)
            if step is None:
                detail = "is not what the app shows now; are the clocks right?"
                raise Invalid([FieldError(field="body.code", detail=detail)])
            after = structs.replace(account, totp=account.totp_pending, totp_pending=None)
            await rows.change(connection, after)
            # It was shown here: it lets nobody in a second time.
            await rows.take_step(connection, account.account_id, step)
            hashes = [digest(f"{account.account_id} {factor.normal_code(one)}") for one in codes]
            await rows.add_codes(connection, account.account_id, hashes)
            said = audit.by(principal, visitor, AuditKind.FACTOR_ADDED, now)
            await rows.owe(connection, said)
        return tuple(codes)

    async def remove_factor(self, principal: Principal, visitor: Visitor) -> None:
        """Ask for no second factor any more. Raises SignInAgain."""
        now = self._now()
        async with self._begin() as connection:
            seen = await self._seen(connection, principal)
            if seen.account.totp is not None:
                self._require_fresh(seen.session)
                said = audit.by(principal, visitor, AuditKind.FACTOR_REMOVED, now)
                await rows.owe(connection, said)
            after = structs.replace(seen.account, totp=None, totp_pending=None)
            await rows.change(connection, after)
            await rows.add_codes(connection, principal.id, [])

    def _require_fresh(self, session: Session) -> None:
        if self._now() - session.created_at > FRESH:
            raise SignInAgain("Sign in again, and do it within 15 minutes.")

    async def sessions(self, principal: Principal) -> list[Session]:
        """The own sessions, the newest first."""
        if principal.kind != "user":
            raise UsersOnly
        async with self._begin() as connection:
            return await signin_rows.sessions(connection, principal.id, self._now())

    async def end_session(self, principal: Principal, visitor: Visitor, session_id: str) -> None:
        """End one of them. Raises NotFound."""
        now = self._now()
        async with self._begin() as connection:
            account = (await self._seen(connection, principal)).account
            await end_one(connection, principal.id, session_id, now)
            said = audit.by(principal, visitor, AuditKind.SESSION_REVOKED, now, target=account.name)
            await rows.owe(connection, said)
            await rows.notify(connection, "accounts")
        await self._changed()
