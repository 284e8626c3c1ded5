"""Examples for the API's description: accounts of a small site."""

from __future__ import annotations

from typing import Any, Final

from api.account.signin.schemas import JsonWebKey, JsonWebKeySet, Methods, TokenAnswer

__all__ = ["COOKIES_SET", "KEYS", "LINKS", "METHODS", "TOKENS", "TOKEN_FORMS"]

SCOPE: Final = "alerts:act alerts:read config:read devices:read events:read media:read"

TOKEN_FORMS: Final[dict[str, Any]] = {
    "a sign-in": {"grant_type": "password", "username": "kim", "password": "…"},
    "with a second factor": {
        "grant_type": "password",
        "username": "kim",
        "password": "…",
        "otp": "492039",
        "cookies": "true",
    },
    "a renewal": {"grant_type": "refresh_token", "refresh_token": "wfr_…"},
}
TOKENS: Final = TokenAnswer(
    access_token="eyJhbGciOiJSUzI1NiIsImtpZCI6Ijhvdl9OUSJ9.…",  # noqa: S106
    token_type="Bearer",  # noqa: S106
    expires_in=600,
    refresh_token="wfr_…",  # noqa: S106
    scope=SCOPE,
)
COOKIES_SET: Final = TokenAnswer(token_type="Bearer", expires_in=600, scope=SCOPE)  # noqa: S106
LINKS: Final[dict[str, Any]] = {"a code": {"code": "7Hc0m5…"}}
METHODS: Final = Methods(password=True, oidc="Example Login")
KEYS: Final = JsonWebKeySet(
    keys=(
        JsonWebKey(
            kid="8ov_NQ-jcHjYs6-_mm67_X3zvyrV5VGpZwdkeevgopw",
            kty="RSA",
            use="sig",
            alg="RS256",
            n="2SOv9Wc2FsNmZXx4Jy2xNDSLQgz8023S5e4cz4…",
            e="AQAB",
        ),
    )
)
