"""Accounts from the console: straight in the database, so also when nobody can sign in.

Whoever may read the state directory has the database's password already; this gives nothing more.
Every façade hears of a change from PostgreSQL, as it does of another façade's.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import psycopg

from agents.notify.push.subscription import purpose_of
from api.account import audit
from api.account import repository as rows
from api.account.authority import digest
from api.account.identity import Principal, Role, Scope
from api.account.key import service as keys
from api.account.passwords import Passwords
from api.account.records import Account, Session, Visitor
from api.account.signin import repository as signin_rows
from api.account.signin.service import LINK_FOR, totp_purpose
from api.account.user.schemas import UserBody, UserChange
from api.account.user.service import Users, almighty
from api.problems import Problem
from api.push import repository as push_rows
from infra.db.errors import explain
from infra.db.pool import AsyncConnection, account_scope
from infra.db.target import Role as DatabaseRole
from infra.db.target import target_of
from infra.errors import WatchfloorError
from infra.vault import Vault, VaultError
from infra.vault_keys import source_of
from schemas.audit import AuditKind

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["ADMIN", "Console"]

ADMIN: Final = "admin"
"""The administrator that the first start makes."""

CONSOLE: Final = Principal(
    id="console",
    name="console",
    kind="token",
    role=Role.ADMIN,
    scopes=frozenset(Scope),
    sites=None,
    session_id=None,
)
HERE: Final = Visitor(address="console", agent="")


def _utc() -> datetime:
    return datetime.now(UTC)


class Console:
    """Accounts of a namespace's database. now: the clock.

    Everything raises WatchfloorError: for a name that is not there or is taken, and for a database
    that is away.
    """

    def __init__(self, settings: Settings, now: Callable[[], datetime] = _utc) -> None:
        self._settings = settings
        self._target = target_of(settings)
        self._now = now

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees accounts, on a connection of its own."""
        async with (
            await psycopg.AsyncConnection.connect(
                self._target.connection(DatabaseRole.API, application="watchfloor-console"),
                autocommit=True,
            ) as connection,
            account_scope(connection) as seen,
        ):
            yield seen

    @contextlib.asynccontextmanager
    async def _users(self) -> AsyncIterator[Users]:
        passwords = Passwords()

        async def changed() -> None:
            """The façades hear of it from the database."""

        try:
            with explain(self._target):
                yield Users(self.begin, passwords, changed, self._now)
        except Problem as error:
            raise WatchfloorError(
                f"user: {error.document.detail}", hint="See: watchfloor user list"
            ) from None
        finally:
            passwords.close()

    async def first(self) -> str | None:
        """Make the first administrator, and return the password; None where there is a user.

        Two that start at once make one.
        """
        async with self._users() as users:
            async with self.begin() as connection:
                if await rows.any_account(connection):
                    return None
            with contextlib.suppress(Problem):
                _, password = await users.add(
                    CONSOLE, HERE, UserBody(name=ADMIN, role=Role.ADMIN, sites=None)
                )
                return password
        return None

    async def add(self, body: UserBody) -> str:
        """Make a user; the password for the first sign-in."""
        async with self._users() as users:
            return (await users.add(CONSOLE, HERE, body))[1]

    async def every(self) -> list[Account]:
        """All of them, by name."""
        async with self._users() as users:
            return await users.every(CONSOLE)

    async def reset(self, name: str) -> str:
        """A temporary password; no second factor, no lock, no session, and not disabled."""
        async with self._users() as users:
            account = await users.by_name(CONSOLE, name)
            return await users.reset_password(CONSOLE, HERE, account.account_id, wholly=True)

    async def disable(self, name: str, *, disabled: bool = True) -> None:
        """Let somebody in no more, or again; sessions end."""
        async with self._users() as users:
            account = await users.by_name(CONSOLE, name)
            await users.change(CONSOLE, HERE, account.account_id, UserChange(disabled=disabled))

    async def sessions(self, name: str) -> list[Session]:
        """Somebody's sessions."""
        async with self._users() as users:
            account = await users.by_name(CONSOLE, name)
            return await users.sessions(CONSOLE, account.account_id)

    async def end_sessions(self, name: str) -> None:
        """Sign somebody out everywhere."""
        async with self._users() as users:
            account = await users.by_name(CONSOLE, name)
            await users.end_sessions(CONSOLE, HERE, account.account_id, None)

    async def link(self, name: str, good_for: timedelta = LINK_FOR) -> str:
        """A code that signs somebody in once, soon."""
        code = secrets.token_urlsafe(24)
        now = self._now()
        async with self._users() as users:
            account = await users.by_name(CONSOLE, name)
            if account.disabled:
                raise WatchfloorError(
                    f"user: {account.name} is disabled", hint="See: watchfloor user disable --help"
                )
            async with self.begin() as connection:
                await signin_rows.add_link(
                    connection, digest(code), account.account_id, now + good_for
                )
                said = audit.by(CONSOLE, HERE, AuditKind.LINK_CREATED, now, target=account.name)
                await rows.owe(connection, said)
        return code

    async def door(self, good_for: timedelta = LINK_FOR) -> str | None:
        """A code that signs an administrator in once; None where there is none.

        For who has just started all of this on a machine of their own.
        """
        await self.first()
        for account in await self.every():
            if almighty(account):
                return await self.link(account.name, good_for)
        return None

    async def reseal(self, vault: Vault) -> int:
        """Seal signing keys, second factors and push subscriptions anew, with the vault's first
        key; how many.

        Raises VaultError for a second factor that does not open: it would be lost with its key.
        """
        with explain(self._target):
            count = await keys.reseal(self.begin, vault)
            async with self.begin() as connection:
                for account in await rows.every(connection):
                    if account.totp is None and account.totp_pending is None:
                        continue
                    purpose = totp_purpose(account.account_id)
                    totp, pending = (
                        sealed and vault.seal(purpose, vault.unseal(purpose, sealed))
                        for sealed in (account.totp, account.totp_pending)
                    )
                    await rows.change_seals(connection, account.account_id, totp, pending)
                    count += 1
            async with self.begin() as connection:
                for account_id, push_id, sealed in await push_rows.seals(connection):
                    purpose = purpose_of(account_id, push_id)
                    try:
                        plain = vault.unseal(purpose, sealed)
                    except VaultError:
                        continue  # nobody can push to it any more, and its browser can come again
                    await push_rows.reseal(connection, push_id, vault.seal(purpose, plain))
                    count += 1
        return count

    async def rotate_keys(self, *, at_once: bool = False) -> str:
        """Sign with a new key; its id."""
        vault = Vault(self._settings.state_dir, lambda: source_of(self._settings))
        with explain(self._target):
            made = await keys.rotate(
                self.begin, vault, self._now(), actor=CONSOLE.name, at_once=at_once
            )
        return str(made.kid)
