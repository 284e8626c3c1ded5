"""A provider of OpenID Connect: found by discovery, asked by the code flow with PKCE.

What it says is believed when its signature, its issuer, its audience, its nonce and its times are
right (OpenID Connect Core, 3.1.3.7). Algorithms are ours: asymmetric ones, whatever a token names.
What it answers is bounded in size and time, and a redirect is not followed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Meta, Struct

from api.account.signin.people import RefusedError
from infra.secrets import Secret

__all__ = ["Asked", "Provider"]

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
TIMEOUT_S: Final = 10.0
MAX_BYTES: Final = 1_048_576
FRESH_FOR: Final = timedelta(hours=1)
LOOK_AGAIN: Final = timedelta(seconds=10)
"""So often the keys are asked for because of one that is not there."""
LEEWAY_S: Final = 60

Url = Annotated[str, Meta(min_length=8, max_length=2000)]


class _Metadata(Struct, frozen=True):
    """What discovery says that we need (OpenID Connect Discovery, 3)."""

    issuer: Url
    authorization_endpoint: Url
    token_endpoint: Url
    jwks_uri: Url
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Answer(Struct, frozen=True):
    id_token: Annotated[str, Meta(max_length=65_536)]
    access_token: Annotated[str, Meta(max_length=65_536)] | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """What a browser is sent off with, and what its return is held against."""

    url: str
    state: str
    nonce: str
    verifier: str


class Provider:
    """issuer: as it calls itself, exactly."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: Secret | None,
        scopes: tuple[str, ...],
        now: Callable[[], datetime],
    ) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._scope = " ".join(("openid", *scopes))
        self._now = now
        self._alone = asyncio.Lock()
        self._metadata: tuple[_Metadata, datetime] | None = None
        self._keys: tuple[KeySet, datetime] | None = None

    async def ask(self, redirect_uri: str) -> Asked:
        """Where to send a browser. Raises RefusedError where the provider does not answer."""
        metadata = await self._described()
        state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        verifier = secrets.token_urlsafe(48)
        url: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=self._scope,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Asked(url=url, state=state, nonce=nonce, verifier=verifier)

    async def claims(
        self, code: str, redirect_uri: str, nonce: str, verifier: str
    ) -> Mapping[str, Any]:
        """What the provider says of whoever came back with that code. Raises RefusedError."""
        metadata = await self._described()
        answer = await self._exchange(metadata, code, redirect_uri, verifier)
        token = await self._verified(metadata, answer.id_token)
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client_id},
            },
            params={
                "nonce": nonce,
                "client_id": self._client_id,
                "access_token": answer.access_token,
            },
        )
        try:
            claims.validate(now=int(self._now().timestamp()), leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise RefusedError(f"its token is not right: {type(error).__name__}") from error
        return dict(claims)

    async def _verified(self, metadata: _Metadata, text: str) -> jwt.Token:
        for fresh in (False, True):
            keys = await self._key_set(metadata, fresh=fresh)
            try:
                return jwt.decode(text, keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError, TypeError, RecursionError) as error:
                # A key that is not there may be a new one: asked for again, once.
                if fresh:
                    raise RefusedError(
                        f"its token is not signed by it: {type(error).__name__}"
                    ) from error
        raise AssertionError("unreachable")

    async def _exchange(
        self, metadata: _Metadata, code: str, redirect_uri: str, verifier: str
    ) -> _Answer:
        body = urlencode(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": verifier,
            }
        )
        given = metadata.token_endpoint_auth_methods_supported
        method = "none"
        if self._client_secret is not None:
            basic = "client_secret_basic" in given or "client_secret_post" not in given
            method = "client_secret_basic" if basic else "client_secret_post"
        secret = self._client_secret.reveal() if self._client_secret is not None else ""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        url, headers, body = ClientAuth(self._client_id, secret, method).prepare(
            "POST", metadata.token_endpoint, headers, body
        )
        data = await _fetch("POST", url, headers=headers, content=body)
        try:
            return msgspec.json.decode(data, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RefusedError("its answer holds no token") from error

    async def _described(self) -> _Metadata:
        async with self._alone:
            now = self._now()
            if self._metadata is not None and now - self._metadata[1] < FRESH_FOR:
                return self._metadata[0]
            place = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
            try:
                found = msgspec.json.decode(await _fetch("GET", place), type=_Metadata)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise RefusedError("its discovery document is none") from error
            if found.issuer != self.issuer:
                raise RefusedError("its discovery document is another issuer's")
            for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                _require_tls(url)
            self._metadata = (found, now)
            return found

    async def _key_set(self, metadata: _Metadata, *, fresh: bool) -> KeySet:
        async with self._alone:
            now = self._now()
            good_for = LOOK_AGAIN if fresh else FRESH_FOR
            if self._keys is not None and now - self._keys[1] < good_for:
                return self._keys[0]
            data = await _fetch("GET", metadata.jwks_uri)
            try:
                given = msgspec.json.decode(data, type=dict[str, Any])
                keys = KeySet.import_key_set(given)  # type: ignore[arg-type]
            except (JoseError, ValueError, TypeError, KeyError, msgspec.DecodeError) as error:
                raise RefusedError("its keys are none") from error
            self._keys = (keys, now)
            return keys


def _require_tls(url: str) -> None:
    """Raise RefusedError for an address that others could answer in its place."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise RefusedError("an address of it is none") from error
    if parts.scheme != "https" and not (
        parts.scheme == "http" and host in ("127.0.0.1", "::1", "localhost")
    ):
        raise RefusedError("an address of it is not https")


async def _fetch(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, content: str | None = None
) -> bytes:
    """The body of a 200, of MAX_BYTES and TIMEOUT_S at most. Raises RefusedError."""
    _require_tls(url)
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            httpx.AsyncClient(trust_env=False, follow_redirects=False) as client,
            client.stream(method, url, headers=headers, content=content) as answer,
        ):
            if answer.status_code != 200:
                raise RefusedError(f"it answers {answer.status_code}")
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise RefusedError("its answer is too large")
            return bytes(body)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise RefusedError(f"it does not answer: {type(error).__name__}") from error
