"""Signing in elsewhere, and the account that follows from it."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct, structs

from api.account import audit
from api.account import repository as accounts
from api.account.authority import digest
from api.account.records import Account, Begin, Issued, Method, Visitor
from api.account.signin import repository as rows
from api.account.signin.oidc import Provider
from api.account.signin.people import Person, RefusedError, mapper, names, person_of
from api.account.signin.service import SignIn
from infra.db.pool import AsyncConnection
from schemas.audit import AuditKind

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["FLOW_FOR", "Leaving", "SingleSignOn"]

log = logging.getLogger("watchfloor.api.accounts")

FLOW_FOR: Final = timedelta(minutes=10)


class Leaving(Struct, frozen=True, kw_only=True):
    """Where a browser goes, and what it has to bring back in a cookie."""

    url: str
    browser: str


class SingleSignOn:
    """changed: told after an account was made or changed. Without a provider nobody comes."""

    def __init__(
        self,
        settings: Settings,
        begin: Begin,
        signin: SignIn,
        changed: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._begin = begin
        self._signin = signin
        self._changed = changed
        self._now = now
        self._mapper = mapper(
            settings.oidc_name_claim,
            settings.oidc_role_claim,
            settings.oidc_roles,
            settings.oidc_sites_claim,
        )
        self._provider: Provider | None = None
        if settings.oidc_issuer and settings.oidc_client_id:
            self._provider = Provider(
                settings.oidc_issuer,
                settings.oidc_client_id,
                settings.oidc_client_secret,
                settings.oidc_scopes,
                now,
            )

    @property
    def there(self) -> bool:
        """Whether there is a provider."""
        return self._provider is not None

    async def leave(self, redirect_uri: str) -> Leaving:
        """Send somebody off. Raises RefusedError where there is nobody to send them to."""
        if self._provider is None:
            raise RefusedError("there is no provider")
        try:
            asked = await self._provider.ask(redirect_uri)
        except RefusedError as error:
            log.warning("single sign-on: the provider sends nobody: %s", error)
            raise
        browser = secrets.token_urlsafe(32)
        flow = rows.Flow(nonce=asked.nonce, verifier=asked.verifier)
        async with self._begin() as connection:
            await rows.add_flow(
                connection, digest(asked.state), digest(browser), flow, self._now() + FLOW_FOR
            )
        return Leaving(url=asked.url, browser=browser)

    async def back(
        self, state: str, code: str, browser: str, redirect_uri: str, visitor: Visitor
    ) -> Issued:
        """Somebody has come back. Raises RefusedError; why, is told to the log and the audit."""
        now = self._now()
        try:
            if self._provider is None:
                raise RefusedError("there is no provider")
            async with self._begin() as connection:
                flow = await rows.take_flow(connection, digest(state), digest(browser), now)
            if flow is None:
                raise RefusedError("no sign-in of this browser is under way")
            claims = await self._provider.claims(code, redirect_uri, flow.nonce, flow.verifier)
            person = person_of(claims, self._mapper)
            async with self._begin() as connection:
                account = await self._account(connection, person, visitor, now)
                issued = None
                if not account.disabled:
                    issued = await self._signin.begin_session(
                        connection, account, Method.OIDC, visitor, now
                    )
        except RefusedError as error:
            log.warning("single sign-on refused somebody: %s", error)
            async with self._begin() as connection:
                said = audit.said(
                    AuditKind.SIGN_IN_REFUSED,
                    "unknown",
                    now,
                    detail=f"oidc: {error}",
                    address=visitor.address,
                )
                await accounts.owe(connection, said)
            raise
        await self._changed()
        if issued is None:
            raise RefusedError("disabled")
        return issued

    async def _account(
        self, connection: AsyncConnection, person: Person, visitor: Visitor, now: datetime
    ) -> Account:
        """The account of somebody, as the provider says that they are now."""
        await accounts.lock(connection)
        found = await accounts.by_subject(connection, person.issuer, person.subject)
        if found is not None:
            after = structs.replace(found, role=person.role, sites=person.sites)
            if after != found:
                await accounts.change(connection, after)
                await self._owe(connection, AuditKind.USER_CHANGED, after, visitor, now)
            return after
        subject = digest(f"{person.issuer} {person.subject}").hex()
        for name in names(person, subject):
            account = Account(
                account_id=str(uuid.uuid4()),
                name=name,
                role=person.role,
                sites=person.sites,
                password=None,
                must_change=False,
                totp=None,
                totp_pending=None,
                totp_step=0,
                language="en",
                timezone=None,
                disabled=False,
                issuer=person.issuer,
                created_at=now,
                signed_in_at=None,
            )
            if await accounts.add(connection, account, person.subject):
                await self._owe(connection, AuditKind.USER_CREATED, account, visitor, now)
                return account
        raise RefusedError("every name is taken")

    async def _owe(
        self,
        connection: AsyncConnection,
        kind: AuditKind,
        account: Account,
        visitor: Visitor,
        now: datetime,
    ) -> None:
        said = audit.said(
            kind,
            "watchfloor",
            now,
            target=account.name,
            detail=f"{account.role.value}, as {account.issuer} says"[:2000],
            address=visitor.address,
        )
        await accounts.owe(connection, said)
        await accounts.notify(connection, "accounts")
