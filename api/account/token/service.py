"""Service tokens: made and revoked by whoever may give what they get."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from api.account import audit
from api.account import repository as rows
from api.account.authority import TOKEN_PREFIX, digest
from api.account.identity import Principal
from api.account.records import Begin, ServiceToken, Visitor
from api.account.token import repository as token_rows
from api.account.token.schemas import TokenBody
from api.account.user.service import may_see
from api.problems import BeyondOwn, Conflict, FieldError, Invalid, NotFound
from schemas.audit import AuditKind

__all__ = ["Tokens"]

LONGEST: Final = timedelta(days=731)
MOST: Final = 1000
"""Every façade holds them all."""


class Tokens:
    """changed: told after each change, before its answer."""

    def __init__(
        self, begin: Begin, changed: Callable[[], Awaitable[None]], now: Callable[[], datetime]
    ) -> None:
        self._begin = begin
        self._changed = changed
        self._now = now

    async def every(self, principal: Principal) -> list[ServiceToken]:
        """Those within the principal's sites, by name; expired ones until somebody revokes them."""
        async with self._begin() as connection:
            found = await token_rows.every(connection)
        return [token for token in found if may_see(principal, token.sites)]

    async def add(
        self, principal: Principal, visitor: Visitor, body: TokenBody
    ) -> tuple[ServiceToken, str]:
        """A new token, and its text. Raises BeyondOwn, Invalid and Conflict."""
        now = self._now()
        if not now < body.expires_at <= now + LONGEST:
            detail = "has to be after now, and within two years"
            raise Invalid([FieldError(field="body.expires_at", detail=detail)])
        sites = None if body.sites is None else frozenset(body.sites)
        scopes = frozenset(body.scopes)
        if not scopes <= principal.scopes or not may_see(principal, sites):
            raise BeyondOwn("Nobody gives scopes or sites that they do not have themselves.")
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = ServiceToken(
            token_id=str(uuid.uuid4()),
            name=body.name,
            scopes=scopes,
            sites=sites,
            created_by=principal.name,
            created_at=now,
            expires_at=body.expires_at,
        )
        async with self._begin() as connection:
            await rows.lock(connection)
            if len(await token_rows.every(connection)) >= MOST:
                raise Conflict(f"There are {MOST} tokens already; revoke some.")
            if not await token_rows.add(connection, token, digest(text)):
                raise Conflict(f"There is a token {body.name!r} already.")
            said = audit.by(
                principal,
                visitor,
                AuditKind.TOKEN_CREATED,
                now,
                target=token.name,
                detail=", ".join(sorted(scopes)),
            )
            await rows.owe(connection, said)
            await rows.notify(connection, "accounts")
        await self._changed()
        return token, text

    async def revoke(self, principal: Principal, visitor: Visitor, token_id: str) -> None:
        """Revoke a token: at once here, within seconds elsewhere. Raises NotFound."""
        async with self._begin() as connection:
            token = await token_rows.by_id(connection, token_id)
            if token is None or not may_see(principal, token.sites):
                raise NotFound("token", token_id)
            await token_rows.remove(connection, token_id)
            said = audit.by(
                principal, visitor, AuditKind.TOKEN_REVOKED, self._now(), target=token.name
            )
            await rows.owe(connection, said)
            await rows.notify(connection, "accounts")
        await self._changed()
