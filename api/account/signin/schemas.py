"""What signing in takes, and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = ["JsonWebKey", "JsonWebKeySet", "LinkBody", "Methods", "TokenAnswer", "TokenForm"]

Short = Annotated[str, Meta(min_length=1, max_length=200)]
Long = Annotated[str, Meta(min_length=1, max_length=1024)]


class TokenForm(Struct, frozen=True, kw_only=True):
    """The form of `POST /v1/auth/token` (RFC 6749, 4.3 and 6).

    cookies: keep the tokens in cookies that no script reads, and leave them out of the answer.
    """

    grant_type: Literal["password", "refresh_token"]
    username: Short | None = None
    password: Long | None = None
    otp: Annotated[str, Meta(max_length=64)] | None = None
    refresh_token: Long | None = None
    cookies: Literal["true", "false"] = "false"


class TokenAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens (RFC 6749, 5.1). expires_in: seconds, of the access token. scope: with blanks between.

    The tokens are absent where they are in cookies.
    """

    access_token: str | None = None
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str | None = None
    scope: str


class LinkBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code that was made at the console."""

    code: Annotated[str, Meta(min_length=1, max_length=200)]


class Methods(Struct, frozen=True, kw_only=True):
    """Ways to sign in. oidc: what the provider is called; null where there is none."""

    password: bool
    oidc: str | None


class JsonWebKey(Struct, frozen=True, kw_only=True):
    """A public key (RFC 7517)."""

    kid: str
    kty: Literal["RSA"]
    use: Literal["sig"]
    alg: Literal["RS256"]
    n: str
    e: str


class JsonWebKeySet(Struct, frozen=True, kw_only=True):
    """The keys that verify access tokens."""

    keys: tuple[JsonWebKey, ...]
