"""What is kept about accounts, sessions, tokens and keys, as the code works with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from api.account.fields import SavedFilter
from api.account.identity import Role, Scope
from infra.db.pool import AsyncConnection
from infra.secrets import Secret

__all__ = [
    "ACCESS_FOR",
    "Account",
    "Begin",
    "Holder",
    "Issued",
    "Method",
    "ServiceToken",
    "Session",
    "SigningKey",
    "Visitor",
]

ACCESS_FOR: Final = timedelta(minutes=10)
"""How long an access token is good: what is revoked while a façade cannot hear ends by then."""


Begin = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
"""Opens a transaction that sees accounts (`account_scope`)."""


class Method(StrEnum):
    """How somebody signed in."""

    PASSWORD = "password"  # noqa: S105
    FACTOR = "factor"
    """With a password and a second factor."""
    OIDC = "oidc"
    """Elsewhere."""
    LINK = "link"
    """With a code that was made at the console."""


class Account(Struct, frozen=True, kw_only=True):
    """A person who may sign in. sites: None for every site.

    password: its hash; None for whoever signs in elsewhere. totp, totp_pending: sealed.
    totp_step: the last time step of which a code was taken.
    """

    account_id: str
    name: str
    role: Role
    sites: frozenset[str] | None
    password: Secret | None
    must_change: bool
    totp: bytes | None
    totp_pending: bytes | None
    totp_step: int
    language: str
    timezone: str | None
    disabled: bool
    issuer: str | None
    created_at: datetime
    signed_in_at: datetime | None
    filters: tuple[SavedFilter, ...] = ()


class Holder(Struct, frozen=True, kw_only=True):
    """As much of an account as a request needs."""

    name: str
    role: Role
    sites: frozenset[str] | None
    must_change: bool


class Session(Struct, frozen=True, kw_only=True):
    """One sign-in. used_at: the last time that its tokens were renewed."""

    session_id: str
    account_id: str
    method: Method
    address: str
    agent: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime


class ServiceToken(Struct, frozen=True, kw_only=True):
    """A program's token, without its text."""

    token_id: str
    name: str
    scopes: frozenset[Scope]
    sites: frozenset[str] | None
    created_by: str
    created_at: datetime
    expires_at: datetime


class SigningKey(Struct, frozen=True, kw_only=True):
    """A key that signs access tokens. public: its JWK. sealed: the private one, for the vault."""

    key_id: str
    public: Mapping[str, Any]
    sealed: bytes
    created_at: datetime
    retired_at: datetime | None


class Visitor(Struct, frozen=True, kw_only=True):
    """Where a request comes from. agent: what the client calls itself; believed by nobody."""

    address: str
    agent: str


class Issued(Struct, frozen=True, kw_only=True):
    """What a sign-in gives. refresh_for: how long the refresh token is good."""

    account: Account
    session_id: str
    access: Secret
    refresh: Secret
    refresh_for: timedelta
    scopes: frozenset[Scope]
