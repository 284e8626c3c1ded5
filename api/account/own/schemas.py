"""What somebody is told of themselves, and may change."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from api.account.fields import Filters, Language, Name, Timezone
from api.account.identity import Role, Scope

__all__ = ["Code", "FactorView", "MeChange", "MeView", "PasswordChange", "RecoveryCodes"]


class MeView(Struct, frozen=True, kw_only=True):
    """Whoever asks. sites: null for every site. totp: there is a second factor.

    must_change_password: until then there are no scopes. filters: of the queue, as they are kept.
    """

    user_id: str
    name: str
    role: Role
    scopes: tuple[Scope, ...]
    sites: tuple[str, ...] | None
    language: str
    timezone: str | None
    totp: bool
    must_change_password: bool
    filters: Filters


class MeChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change. timezone: null to see each site's own alone. filters: all that stay."""

    name: Name | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    timezone: Timezone | UnsetType | None = UNSET
    filters: Filters | UnsetType = UNSET


class PasswordChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password before, and the one after: 12 characters or more, of whatever kind."""

    old: Annotated[str, Meta(min_length=1, max_length=1024)]
    new: Annotated[str, Meta(min_length=1, max_length=1024)]


class FactorView(Struct, frozen=True, kw_only=True):
    """A second factor to be confirmed. uri, qr_svg: what the app is shown; secret: to be typed."""

    secret: str
    uri: str
    qr_svg: str


class Code(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the app shows now."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{6}$(?!\n)", description="six digits")]


class RecoveryCodes(Struct, frozen=True, kw_only=True):
    """Each stands in for the app once; told this once."""

    recovery_codes: tuple[str, ...]
