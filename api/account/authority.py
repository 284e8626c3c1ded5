"""Whose credential that is, answered from memory: no request waits for the database.

What it takes is small and held whole: who may do what, the service tokens by their hash, the keys'
public parts, and the sessions that ended within an access token's life. It is read when the façade
starts, at each change (PostgreSQL says so, within milliseconds), every few seconds all the same,
and when somebody shows a key or a token that is not known. So a request is let in while PostgreSQL
is away, and what was revoked anywhere is revoked here as soon as it can be heard of.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import psycopg
from joserfc.jwk import RSAKey
from msgspec import Struct
from psycopg import sql

from api.account import access, repository
from api.account.identity import ROLE_SCOPES, Principal, Role, Scope
from api.account.key import repository as key_rows
from api.account.key import service as keys
from api.account.records import ACCESS_FOR, Begin, Holder, Method, ServiceToken, SigningKey
from api.account.signin import repository as signin_rows
from api.account.token import repository as token_rows
from api.problems import DatabaseUnavailable, NotReady, Unauthenticated
from infra.db.target import Role as DatabaseRole
from infra.db.target import schema_of, target_of
from infra.secrets import Secret
from infra.vault import Vault
from infra.vault_keys import source_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["TOKEN_PREFIX", "Accounts", "digest", "scopes_of", "token_principal"]

log = logging.getLogger("watchfloor.api.accounts")

TOKEN_PREFIX: Final = "wft_"  # noqa: S105
"""A service token begins so: who finds one in a file knows what it is."""

POLL_S: Final = 5.0
LOOK_AGAIN: Final = timedelta(seconds=1)
"""So often it is looked for what somebody shows and nobody knows."""
BARRED_FOR: Final = ACCESS_FOR + timedelta(minutes=5)
BELIEVED_FOR: Final = timedelta(hours=1)
"""So long a service token is believed of which nothing could be heard."""
CLEAN_EVERY: Final = timedelta(hours=1)


class Roster(Struct, frozen=True):
    """Everything that a credential is held against. at: when it was read."""

    holders: Mapping[str, Holder]
    tokens: Mapping[bytes, ServiceToken]
    barred: frozenset[str]
    keys: Mapping[str, RSAKey]
    kept: tuple[SigningKey, ...]
    at: datetime


def digest(text: str) -> bytes:
    """By what a random token, code or link is kept and found: it has 128 bits or more itself."""
    return hashlib.sha256(text.encode()).digest()


def scopes_of(role: Role, method: Method, must_change: bool) -> frozenset[Scope]:
    """What a session may do: nothing but its own account until a password that others saw is new.

    Who was let in by the console's link has not shown it.
    """
    waits = must_change and method in (Method.PASSWORD, Method.FACTOR)
    return frozenset() if waits else ROLE_SCOPES[role]


def token_principal(token: ServiceToken) -> Principal:
    """Who a service token is. No user's name has a slash, so nobody is taken for it."""
    return Principal(
        id=token.token_id,
        name=f"token/{token.name}",
        kind="token",
        role=Role.VIEWER,
        scopes=token.scopes,
        sites=token.sites,
        session_id=None,
    )


class Accounts:
    """The authority of this façade."""

    def __init__(self, settings: Settings, begin: Begin, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._begin = begin
        self._now = now
        self.vault = Vault(settings.state_dir, lambda: source_of(settings))
        self.issuer = f"urn:watchfloor:{schema_of(settings.namespace)}"
        self._roster: Roster | None = None
        self._signing: RSAKey | None = None
        self._alone = asyncio.Lock()
        self._looked: datetime | None = None
        self._deaf = False
        self._cleaned: datetime | None = None

    @property
    def ready(self) -> bool:
        """Whether it has been read once, and there is a key to sign with."""
        return self._roster is not None and self._signing is not None

    async def principal(self, credential: str) -> Principal:
        """Whose credential that is.

        Raises Unauthenticated for none of ours, NotReady before anything was read, and
        DatabaseUnavailable where it may be new and cannot be looked for.
        """
        roster = self._known()
        try:
            return self._find(credential, roster)
        except _UnknownError:
            await self._look()
        try:
            return self._find(credential, self._known())
        except _UnknownError:
            raise Unauthenticated("That token is not known.") from None

    def stands(self, principal: Principal) -> bool:
        """Whether it is still who it was, and may do what it might."""
        roster = self._roster
        if roster is None:
            return False
        if principal.kind == "token":
            return any(
                token_principal(token) == principal and token.expires_at > self._now()
                for token in roster.tokens.values()
            )
        holder = roster.holders.get(principal.id)
        return (
            holder is not None
            and principal.session_id not in roster.barred
            and (holder.role, holder.sites) == (principal.role, principal.sites)
        )

    def sign(self, account_id: str, session_id: str, method: Method) -> Secret:
        """An access token. Raises NotReady."""
        if self._signing is None:
            raise NotReady("The keys that sign tokens are still being read.")
        return access.mint(
            self._signing,
            issuer=self.issuer,
            account_id=account_id,
            session_id=session_id,
            method=method,
            now=self._now(),
        )

    def public_keys(self) -> list[RSAKey]:
        """What tokens are verified with. Raises NotReady."""
        return list(self._known().keys.values())

    def _known(self) -> Roster:
        if self._roster is None:
            raise NotReady("The accounts are still being read.")
        return self._roster

    def _find(self, credential: str, roster: Roster) -> Principal:
        now = self._now()
        if credential.startswith(TOKEN_PREFIX):
            token = roster.tokens.get(digest(credential))
            if token is None:
                raise _UnknownError
            if token.expires_at <= now:
                raise Unauthenticated("That token has expired.")
            if now - roster.at > BELIEVED_FOR:
                raise DatabaseUnavailable
            return token_principal(token)
        try:
            claims = access.read(credential, roster.keys, issuer=self.issuer, now=now)
        except access.UnknownKeyError:
            raise _UnknownError from None
        except access.NoTokenError as error:
            raise Unauthenticated(f"That token is not believed: {error}.") from None
        if claims.sid in roster.barred:
            raise Unauthenticated("The session has ended.")
        holder = roster.holders.get(claims.sub)
        if holder is None:
            raise _UnknownError
        return Principal(
            id=claims.sub,
            name=holder.name,
            kind="user",
            role=holder.role,
            scopes=scopes_of(holder.role, claims.amr[0], holder.must_change),
            sites=holder.sites,
            session_id=claims.sid,
        )

    async def _look(self) -> None:
        """Read again, not more often than LOOK_AGAIN: made-up tokens must not wear the database."""
        now = self._now()
        if self._looked is not None and now - self._looked < LOOK_AGAIN:
            if self._deaf:
                raise DatabaseUnavailable
            return
        self._looked = now
        await self.load()

    async def load(self) -> None:
        """Read everything. Raises DatabaseUnavailable.

        One at a time: what was read before a change must not stand in place of what came after.
        """
        async with self._alone:
            now = self._now()
            try:
                async with self._begin() as connection:
                    holders = await repository.holders(connection)
                    tokens = await token_rows.by_hash(connection)
                    barred = await signin_rows.barred(connection, now - BARRED_FOR, now)
                    kept = tuple(await key_rows.every(connection))
            except DatabaseUnavailable:
                self._deaf = True
                raise
            self._deaf = False
            if self._roster is None or self._roster.kept != kept:
                self._signing = await asyncio.to_thread(keys.opened, list(kept), self.vault)
            public = keys.public_keys(list(kept), now)
            self._roster = Roster(holders, tokens, barred, public, kept, now)

    async def follow(self) -> None:
        """Read, and read again at each change, until cancelled or PostgreSQL goes away."""
        target = target_of(self._settings)
        conninfo = target.connection(DatabaseRole.API, application="watchfloor-accounts")
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(target.schema)))
            while True:
                await self.load()
                await self._tend()
                async for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                    pass

    async def _tend(self) -> None:
        """A key to sign with; and away with what has ended."""
        now = self._now()
        due = self._cleaned is None or now - self._cleaned >= CLEAN_EVERY
        if due or self._signing is None:
            await keys.ensure(self._begin, self.vault, now)
            async with self._begin() as connection:
                await signin_rows.clean(connection, now)
                await key_rows.sweep(connection, now - keys.KEPT_FOR)
            self._cleaned = now
            await self.load()


class _UnknownError(Exception):
    """Nothing is known of it; it may be newer than what was read."""
