"""Keys that sign access tokens: shared by all façades, sealed by the vault, changed by themselves.

Each façade signs with the newest key that it can open, and verifies with every one that still may
have signed a token that is good. So a façade with another vault's key makes a key of its own, and
both verify each other's.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from joserfc.jwk import RSAKey

from api.account import audit
from api.account.access import LEEWAY, new_key
from api.account.key import repository
from api.account.records import ACCESS_FOR, Begin, SigningKey
from api.account.repository import lock, notify, owe
from infra.errors import WatchfloorError
from infra.vault import Vault, VaultError
from schemas.audit import AuditKind

__all__ = ["ROTATE_AFTER", "ensure", "opened", "public_keys", "reseal", "rotate"]

log = logging.getLogger("watchfloor.api.accounts")

ROTATE_AFTER: Final = timedelta(days=30)
VERIFIES_FOR: Final = ACCESS_FOR + 2 * LEEWAY
"""So long a retired key verifies: until the last token that it signed has expired."""
KEPT_FOR: Final = timedelta(days=1)


def _purpose(key_id: str) -> str:
    return f"signing-key {key_id}"


def public_keys(kept: list[SigningKey], now: datetime) -> dict[str, RSAKey]:
    """The keys that may have signed a token that is good now, by id."""
    return {
        key.key_id: RSAKey.import_key(dict(key.public))
        for key in kept
        if key.retired_at is None or now - key.retired_at < VERIFIES_FOR
    }


def opened(kept: list[SigningKey], vault: Vault) -> RSAKey | None:
    """The key to sign with: the newest one that is not retired and that the vault opens."""
    for key in kept:
        if key.retired_at is not None:
            continue
        try:
            private = msgspec.json.decode(vault.unseal(_purpose(key.key_id), key.sealed))
            return RSAKey.import_key(private)
        except WatchfloorError as error:
            log.warning("a signing key does not open: %s", error.message)
    return None


async def ensure(begin: Begin, vault: Vault, now: datetime) -> RSAKey:
    """A key to sign with; made where there is none, or the newest one is old."""
    async with begin() as connection:
        kept = await repository.every(connection)
    found = await asyncio.to_thread(opened, kept, vault)
    newest = max((key.created_at for key in kept if key.retired_at is None), default=None)
    if found is not None and newest is not None and now - newest < ROTATE_AFTER:
        return found
    if found is None:
        return await _add(begin, vault, now, why="none that opens here")
    return await rotate(begin, vault, now, actor="watchfloor")


async def rotate(
    begin: Begin, vault: Vault, now: datetime, *, actor: str, at_once: bool = False
) -> RSAKey:
    """A new key to sign with. Older ones verify until their last token has expired.

    at_once: they do not, because one may be in other hands: whoever is signed in renews a token.
    """
    made = await _add(begin, vault, now, why="", announce=False)
    retired = now - VERIFIES_FOR if at_once else now
    async with begin() as connection:
        await lock(connection)
        await repository.retire(connection, str(made.kid), retired)
        await repository.sweep(connection, now - KEPT_FOR)
        detail = f"now {made.kid}" + (", older ones are not believed any more" if at_once else "")
        await owe(connection, audit.said(AuditKind.KEY_ROTATED, actor, now, detail=detail))
        await notify(connection, "accounts")
    return made


async def reseal(begin: Begin, vault: Vault) -> int:
    """Seal the keys that open anew, with the vault's first key; how many."""
    count = 0
    async with begin() as connection:
        for key in await repository.every(connection):
            purpose = _purpose(key.key_id)
            try:
                private = await asyncio.to_thread(vault.unseal, purpose, key.sealed)
            except VaultError:
                continue  # another façade's, with keys of its own
            sealed = await asyncio.to_thread(vault.seal, purpose, private)
            await repository.reseal(connection, key.key_id, sealed)
            count += 1
        await notify(connection, "accounts")
    return count


async def _add(
    begin: Begin, vault: Vault, now: datetime, *, why: str, announce: bool = True
) -> RSAKey:
    made = await asyncio.to_thread(new_key)
    key_id = str(made.kid)
    private: dict[str, Any] = dict(made.as_dict(private=True))
    sealed = await asyncio.to_thread(vault.seal, _purpose(key_id), msgspec.json.encode(private))
    kept = SigningKey(
        key_id=key_id,
        public=dict(made.as_dict(private=False)),
        sealed=sealed,
        created_at=now,
        retired_at=None,
    )
    async with begin() as connection:
        await repository.add(connection, kept)
        if announce:
            detail = f"now {key_id}: {why}"
            await owe(
                connection, audit.said(AuditKind.KEY_ROTATED, "watchfloor", now, detail=detail)
            )
            await notify(connection, "accounts")
    return made
