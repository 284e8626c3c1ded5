"""Access tokens: JSON Web Tokens, signed with RS256 and nothing else (RFC 7519, RFC 9068)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from msgspec import Struct

from api.account.records import ACCESS_FOR, Method
from infra.secrets import Secret

__all__ = ["ALGORITHM", "AUDIENCE", "Claims", "NoTokenError", "UnknownKeyError", "key_id_of"]
__all__ += ["mint", "new_key", "read"]

ALGORITHM: Final = "RS256"
AUDIENCE: Final = "watchfloor-api"
TYPE: Final = "at+jwt"
KEY_BITS: Final = 2048
LEEWAY: Final = timedelta(seconds=30)
"""By so much the clocks of two façades may differ."""

_ID = r"^[A-Za-z0-9_-]{1,64}$"
Id = msgspec.Meta(pattern=_ID)


class NoTokenError(Exception):
    """That is no access token of ours, or not any more. Says what is wrong, and nothing of it."""


class UnknownKeyError(NoTokenError):
    """Signed with a key that is not known here; it may be new."""


class Claims(Struct, frozen=True, kw_only=True):
    """What an access token says. sub: the account's id. sid: its session's."""

    iss: str
    aud: Literal["watchfloor-api"]
    sub: str
    sid: str
    jti: str
    amr: tuple[Method]
    iat: int
    nbf: int
    exp: int


class _Header(Struct, frozen=True, kw_only=True):
    alg: Literal["RS256"]
    typ: Literal["at+jwt"]
    kid: str


def new_key() -> RSAKey:
    """A new key with its id: its thumbprint (RFC 7638). Takes some 100 ms of a core."""
    return RSAKey.generate_key(KEY_BITS, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)


def mint(
    key: RSAKey, *, issuer: str, account_id: str, session_id: str, method: Method, now: datetime
) -> Secret:
    """A token for that session, good for ACCESS_FOR."""
    at = int(now.timestamp())
    claims = Claims(
        iss=issuer,
        aud="watchfloor-api",
        sub=account_id,
        sid=session_id,
        jti=secrets.token_urlsafe(16),
        amr=(method,),
        iat=at,
        nbf=at,
        exp=at + int(ACCESS_FOR.total_seconds()),
    )
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}
    return Secret(jwt.encode(header, msgspec.to_builtins(claims), key, algorithms=[ALGORITHM]))


def key_id_of(token: str) -> str:
    """The id of the key that a token names. Raises NoTokenError for what is no token of ours.

    The header is read before anything is computed: another algorithm, a key of the token's own
    (`jwk`, `jku`, `x5u`) or an extension (`crit`) never gets as far as a key.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise NoTokenError("it has not three parts")
    try:
        raw = _decoded(parts[0])
        header = msgspec.json.decode(raw, type=_Header)
        named = msgspec.json.decode(raw, type=dict[str, Any])
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise NoTokenError("its header is none of ours") from error
    if named.keys() != {"alg", "typ", "kid"}:
        raise NoTokenError("its header is none of ours")
    return header.kid


def read(token: str, keys: Mapping[str, RSAKey], *, issuer: str, now: datetime) -> Claims:
    """What a token says, once it is shown to be ours and good now. keys: public ones, by id.

    Raises UnknownKeyError for a key that is not among them, NoTokenError for all else.
    """
    key = keys.get(key_id_of(token))
    if key is None:
        raise UnknownKeyError("its key is not known")
    try:
        found = jwt.decode(token, key, algorithms=[ALGORITHM])
        claims = msgspec.convert(found.claims, Claims)
    except (JoseError, ValueError, TypeError, msgspec.ValidationError, RecursionError) as error:
        raise NoTokenError("its signature or its claims are not right") from error
    if claims.iss != issuer:
        raise NoTokenError("somebody else has issued it")
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    if not claims.nbf - leeway <= at or not claims.iat - leeway <= at:
        raise NoTokenError("it is not good yet")
    # No leeway at the end: who renews it in time never meets it.
    if at >= claims.exp or claims.exp - claims.iat > ACCESS_FOR.total_seconds():
        raise NoTokenError("it has expired")
    return claims


def _decoded(part: str) -> bytes:
    import base64

    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def expires_at(claims: Claims) -> datetime:
    """When the token ends."""
    return datetime.fromtimestamp(claims.exp, UTC)
