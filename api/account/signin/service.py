"""Signing in, staying signed in, and signing out.

A sign-in with a password goes in this order:

1. Count the try as one that failed, or say how long to wait.
2. Compare the password, outside of any transaction; for a name that nobody has, all the same.
3. Look at the account again, take its code, begin the session, take the count away.

What is refused raises after its transaction has ended, so that what it owes to the audit stays.
"""

from __future__ import annotations

import math
import re
import secrets
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import structs

from api.account import audit, factor
from api.account import repository as accounts
from api.account.authority import Accounts, digest, scopes_of
from api.account.lockout import KNOWN_FOR, POLICIES, Measure, counted, network_of, subjects, wait
from api.account.passwords import Passwords
from api.account.records import Account, Begin, Issued, Method, Session, Visitor
from api.account.signin import repository as rows
from api.problems import BadCredentials, LockedOut, OtpRequired, Overloaded, Problem
from infra.db.pool import AsyncConnection
from infra.secrets import Secret
from schemas.audit import AuditKind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IDLE_FOR", "LINK_FOR", "LONGEST", "SignIn", "folded", "totp_purpose"]

IDLE_FOR: Final = timedelta(hours=24)
"""So long a session lasts without a renewal."""
LONGEST: Final = timedelta(days=7)
"""So long with them."""
GRACE: Final = timedelta(seconds=10)
"""So long after its use a refresh token is taken once more: the answer may have been lost, or two
tabs have asked at once."""
LINK_FOR: Final = timedelta(minutes=10)

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,62}")


def folded(name: str) -> str | None:
    """A name as it is compared; None for what can be nobody's."""
    found = name.strip().lower()
    return found if _NAME.fullmatch(found) else None


def totp_purpose(account_id: str) -> str:
    """For what an account's second factor is sealed."""
    return f"totp {account_id}"


class SignIn:
    """The ways in, all of which end in a session."""

    def __init__(
        self, begin: Begin, authority: Accounts, passwords: Passwords, now: Callable[[], datetime]
    ) -> None:
        self._begin = begin
        self._authority = authority
        self._passwords = passwords
        self._now = now

    async def by_password(
        self, name: str, password: str, otp: str | None, visitor: Visitor
    ) -> Issued:
        """Sign in. Raises BadCredentials, OtpRequired, LockedOut and Overloaded."""
        now = self._now()
        wanted = folded(name)
        # What can be no name is counted as one: it costs what a name costs.
        measures = subjects(wanted or "?", visitor.address)
        account = await self._try(wanted, measures, visitor, now)
        kept = None if account is None else account.password
        try:
            same = await self._passwords.matches(kept, password)
            fresh = None
            if same and kept is not None and self._passwords.outdated(kept):
                fresh = await self._passwords.hash(password)
        except Overloaded:
            async with self._begin() as connection:
                await rows.forgive(connection, measures, wholly=False)
            raise
        if not same or account is None or account.disabled:
            why = "no such name" if account is None else "disabled" if same else "password"
            await self._refused(account, visitor, why, now)
            raise BadCredentials
        return await self._let_in(account, fresh, otp, measures, visitor, now)

    async def confirm(self, account: Account, password: str, visitor: Visitor) -> None:
        """Whether somebody who is signed in knows the password; counted as a sign-in is.

        Raises BadCredentials, LockedOut and Overloaded.
        """
        now = self._now()
        measures = subjects(account.name.lower(), visitor.address)
        await self._try(account.name.lower(), measures, visitor, now)
        try:
            same = await self._passwords.matches(account.password, password)
        except Overloaded:
            async with self._begin() as connection:
                await rows.forgive(connection, measures, wholly=False)
            raise
        if not same:
            raise BadCredentials
        async with self._begin() as connection:
            await rows.forgive(connection, measures, wholly=True)

    async def _try(
        self, name: str | None, measures: Mapping[Measure, str], visitor: Visitor, now: datetime
    ) -> Account | None:
        """Count a try, and find whom it is for. Raises LockedOut."""
        async with self._begin() as connection:
            account = None if name is None else await accounts.by_name(connection, name)
            found = await rows.failures(connection, measures)
            # Asked for a name that nobody has as well: it is to take as long.
            account_id = "" if account is None else account.account_id
            known = await rows.known_address(
                connection, account_id, network_of(visitor.address), now - KNOWN_FOR
            )
            waits = max(
                wait(found.get(measure), POLICIES[measure], now)
                for measure in Measure
                if not (known and measure is Measure.ACCOUNT)
            )
            if waits:
                raise LockedOut(math.ceil(waits.total_seconds()))
            after = {measure: counted(found.get(measure), now) for measure in Measure}
            await rows.set_failures(connection, measures, after)
        return account

    async def _let_in(
        self,
        account: Account,
        fresh: Secret | None,
        otp: str | None,
        measures: Mapping[Measure, str],
        visitor: Visitor,
        now: datetime,
    ) -> Issued:
        problem: Problem | None = None
        issued: Issued | None = None
        async with self._begin() as connection:
            current = await accounts.by_id(connection, account.account_id)
            if current is None or current.disabled or current.password != account.password:
                problem = BadCredentials()
            elif current.totp is not None and not otp:
                # The password was right, and no code was tried.
                await rows.forgive(connection, measures, wholly=False)
                problem = OtpRequired()
            elif current.totp is not None and not await self._take(connection, current, otp or ""):
                await self._owe_refusal(connection, current, visitor, "code", now)
                problem = BadCredentials()
            else:
                await rows.forgive(connection, measures, wholly=True)
                if fresh is not None:
                    current = structs.replace(current, password=fresh)
                method = Method.PASSWORD if current.totp is None else Method.FACTOR
                issued = await self.begin_session(connection, current, method, visitor, now)
        if issued is None:
            raise problem or BadCredentials()
        return issued

    async def _take(self, connection: AsyncConnection, account: Account, given: str) -> bool:
        """Take a code of the second factor, or a recovery code, once."""
        if account.totp is None:
            return False
        given = given.strip()
        if factor.is_totp(given):
            secret = await self.factor_secret(account, account.totp)
            step = factor.step_of(secret, given, self._now(), account.totp_step)
            return step is not None and await accounts.take_step(
                connection, account.account_id, step
            )
        code = digest(f"{account.account_id} {factor.normal_code(given)}")
        return await accounts.take_code(connection, account.account_id, code)

    async def factor_secret(self, account: Account, sealed: bytes) -> str:
        """The secret of a second factor. Raises VaultError."""
        import asyncio

        purpose = totp_purpose(account.account_id)
        return (await asyncio.to_thread(self._authority.vault.unseal, purpose, sealed)).decode()

    async def begin_session(
        self,
        connection: AsyncConnection,
        account: Account,
        method: Method,
        visitor: Visitor,
        now: datetime,
    ) -> Issued:
        """A session for somebody who has shown who they are; written with what is in `account`."""
        session = Session(
            session_id=str(uuid.uuid4()),
            account_id=account.account_id,
            method=method,
            address=visitor.address,
            agent=visitor.agent,
            created_at=now,
            used_at=now,
            expires_at=now + IDLE_FOR,
        )
        await accounts.change(connection, structs.replace(account, signed_in_at=now))
        await rows.add_session(connection, session)
        granted = audit.said(
            AuditKind.SIGN_IN_GRANTED,
            account.name,
            now,
            actor_id=account.account_id,
            detail=method.value,
            address=visitor.address,
        )
        await accounts.owe(connection, granted)
        return await self._issue(connection, account, session, None, now)

    async def by_refresh(self, given: str, visitor: Visitor) -> Issued:
        """Renew a session's tokens. Raises BadCredentials.

        A refresh token that was used before ends its session: one of the two who have it is a
        thief, and nobody can say which. Not so within GRACE, unless what was given for it is used.
        """
        now = self._now()
        hash = digest(given)
        issued: Issued | None = None
        async with self._begin() as connection:
            found = await rows.refresh_of(connection, hash)
            account = session = None
            if found is not None:
                # First the account, then the session, as everybody locks them.
                account = await accounts.by_id(connection, found.account_id)
                session = await rows.session(connection, found.session_id, now)
            # Under their locks: it may have been used while we waited for them.
            found = await rows.refresh_of(connection, hash)
            if found is not None and session is not None:
                used = found.used_at is not None and (
                    now - found.used_at > GRACE or await rows.child_used(connection, hash)
                )
                if used:
                    await self._end(connection, session, account, visitor, now)
                elif account is not None and not account.disabled:
                    if found.used_at is None:
                        await rows.use_refresh(connection, hash, now)
                    issued = await self._issue(connection, account, session, hash, now)
        if issued is None:
            if session is not None:
                await self._authority.load()
            raise BadCredentials
        return issued

    async def _end(
        self,
        connection: AsyncConnection,
        session: Session,
        account: Account | None,
        visitor: Visitor,
        now: datetime,
    ) -> None:
        await rows.revoke(connection, session.session_id, now)
        name = "unknown" if account is None else account.name
        said = audit.said(
            AuditKind.SESSION_REVOKED,
            "watchfloor",
            now,
            target=name,
            detail="a refresh token was used a second time",
            address=visitor.address,
        )
        await accounts.owe(connection, said)
        await accounts.notify(connection, "accounts")

    async def _issue(
        self,
        connection: AsyncConnection,
        account: Account,
        session: Session,
        parent: bytes | None,
        now: datetime,
    ) -> Issued:
        text = "wfr_" + secrets.token_urlsafe(32)
        await rows.add_refresh(connection, digest(text), session.session_id, parent)
        expires_at = min(now + IDLE_FOR, session.created_at + LONGEST)
        await rows.renew(connection, session.session_id, now, expires_at)
        return Issued(
            account=account,
            session_id=session.session_id,
            access=self._authority.sign(account.account_id, session.session_id, session.method),
            refresh=Secret(text),
            refresh_for=expires_at - now,
            scopes=scopes_of(account.role, session.method, account.must_change),
        )

    async def by_link(self, code: str, visitor: Visitor) -> Issued:
        """Sign in with a code that was made at the console. Raises BadCredentials."""
        now = self._now()
        issued: Issued | None = None
        async with self._begin() as connection:
            account_id = await rows.take_link(connection, digest(code), now)
            account = account_id and await accounts.by_id(connection, account_id)
            if account and not account.disabled:
                issued = await self.begin_session(connection, account, Method.LINK, visitor, now)
        if issued is None:
            raise BadCredentials
        return issued

    async def sign_out(self, session_id: str | None, refresh: str | None, visitor: Visitor) -> None:
        """End the session, named by itself or by its refresh token; one that ended stays so."""
        now = self._now()
        async with self._begin() as connection:
            if session_id is None and refresh is not None:
                found = await rows.refresh_of(connection, digest(refresh))
                session_id = None if found is None else found.session_id
            if session_id is None:
                return
            account_id = await rows.revoke(connection, session_id, now)
            if account_id is None:
                return
            account = await accounts.looked_at(connection, account_id)
            said = audit.said(
                AuditKind.SESSION_REVOKED,
                "unknown" if account is None else account.name,
                now,
                actor_id=account_id,
                detail="signed out",
                address=visitor.address,
            )
            await accounts.owe(connection, said)
            await accounts.notify(connection, "accounts")
        await self._authority.load()

    async def _refused(
        self, account: Account | None, visitor: Visitor, why: str, now: datetime
    ) -> None:
        async with self._begin() as connection:
            await self._owe_refusal(connection, account, visitor, why, now)

    async def _owe_refusal(
        self,
        connection: AsyncConnection,
        account: Account | None,
        visitor: Visitor,
        why: str,
        now: datetime,
    ) -> None:
        # A name that nobody has is not repeated: people type passwords there.
        said = audit.said(
            AuditKind.SIGN_IN_REFUSED,
            "unknown" if account is None else account.name,
            now,
            actor_id=None if account is None else account.account_id,
            detail=why,
            address=visitor.address,
        )
        await accounts.owe(connection, said)
