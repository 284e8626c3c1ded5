"""What is told of users, and what may be asked."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from api.account.fields import Language, Name, Sites, Timezone
from api.account.identity import Role
from api.account.records import Account, Method, Session

__all__ = ["Password", "SessionView", "UserBody", "UserChange", "UserMade", "UserView"]
__all__ += ["session_view", "user_view"]


class UserView(Struct, frozen=True, kw_only=True):
    """A user. sites: null for every site. sso: signs in elsewhere. totp: has a second factor."""

    user_id: str
    name: str
    role: Role
    sites: tuple[str, ...] | None
    disabled: bool
    sso: bool
    totp: bool
    must_change_password: bool
    language: str
    timezone: str | None
    created_at: datetime
    signed_in_at: datetime | None


class UserBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new user. sites: null for every site; an empty list for none."""

    name: Name
    role: Role
    sites: Sites | None
    language: Language = "en"
    timezone: Timezone | None = None


class UserMade(UserView, frozen=True, kw_only=True):
    """A new user. password: for the first sign-in, told this once; it has to be changed then."""

    password: str


class UserChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change. totp: `false` takes a second factor that was lost away."""

    name: Name | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    sites: Sites | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    timezone: Timezone | UnsetType | None = UNSET
    totp: Literal[False] | UnsetType = UNSET


class Password(Struct, frozen=True, kw_only=True):
    """A temporary password, told this once."""

    password: str


class SessionView(Struct, frozen=True, kw_only=True):
    """A sign-in that lasts. agent: what the client calls itself. current: the asking one."""

    session_id: str
    method: Method
    address: str
    agent: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    current: bool


def user_view(account: Account) -> UserView:
    """An account as it is told."""
    return UserView(
        user_id=account.account_id,
        name=account.name,
        role=account.role,
        sites=None if account.sites is None else tuple(sorted(account.sites)),
        disabled=account.disabled,
        sso=account.issuer is not None,
        totp=account.totp is not None,
        must_change_password=account.must_change,
        language=account.language,
        timezone=account.timezone,
        created_at=account.created_at,
        signed_in_at=account.signed_in_at,
    )


def session_view(session: Session, current: str | None) -> SessionView:
    """A session as it is told. current: the asking one's id."""
    return SessionView(
        session_id=session.session_id,
        method=session.method,
        address=session.address,
        agent=session.agent,
        created_at=session.created_at,
        used_at=session.used_at,
        expires_at=session.expires_at,
        current=session.session_id == current,
    )
