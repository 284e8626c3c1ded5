"""What is told of service tokens, and what a new one takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from api.account.fields import Name, Sites
from api.account.identity import Scope
from api.account.records import ServiceToken

__all__ = ["TokenBody", "TokenMade", "TokenView", "token_view"]


class TokenView(Struct, frozen=True, kw_only=True):
    """A service token, without its text. sites: null for every site."""

    token_id: str
    name: str
    scopes: tuple[Scope, ...]
    sites: tuple[str, ...] | None
    created_by: str
    created_at: datetime
    expires_at: datetime


class TokenBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new token. sites: null for every site. expires_at: within two years."""

    name: Name
    scopes: Annotated[
        tuple[Scope, ...], Meta(min_length=1, max_length=50, description="1 to 50 scopes")
    ]
    sites: Sites | None
    expires_at: Annotated[datetime, Meta(tz=True, description="a time with its timezone")]


class TokenMade(TokenView, frozen=True, kw_only=True):
    """A new token, with its text: told this once."""

    token: str


def token_view(token: ServiceToken) -> TokenView:
    """A token as it is told."""
    return TokenView(
        token_id=token.token_id,
        name=token.name,
        scopes=tuple(sorted(token.scopes)),
        sites=None if token.sites is None else tuple(sorted(token.sites)),
        created_by=token.created_by,
        created_at=token.created_at,
        expires_at=token.expires_at,
    )
