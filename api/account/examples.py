"""Examples for the API's description: accounts of a small site."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from api.account.fields import SavedFilter
from api.account.identity import ROLE_SCOPES, Role, Scope
from api.account.own.schemas import FactorView, MeView, RecoveryCodes
from api.account.records import Method
from api.account.signin.schemas import JsonWebKey, JsonWebKeySet, Methods, TokenAnswer
from api.account.token.schemas import TokenMade, TokenView
from api.account.user.schemas import Password, SessionView, UserMade, UserView
from schemas.base import Severity

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

AT: Final = datetime(2026, 3, 2, 22, 14, 7, tzinfo=UTC)
USER_ID: Final = "5e6a7c1e-9d0b-4a0e-8d6e-6b1f8a0c2d33"
USER: Final = UserView(
    user_id=USER_ID,
    name="kim",
    role=Role.OPERATOR,
    sites=("north", "south"),
    disabled=False,
    sso=False,
    totp=True,
    must_change_password=False,
    language="en",
    timezone="Europe/Berlin",
    created_at=AT - timedelta(days=90),
    signed_in_at=AT,
)
USER_MADE: Final = UserMade(**msgspec.structs.asdict(USER), password="…")  # noqa: S106
USERS: Final[dict[str, Any]] = {
    "an operator of two sites": {"name": "kim", "role": "operator", "sites": ["north", "south"]},
    "a viewer of every site": {"name": "lee", "role": "viewer", "sites": None, "language": "de"},
}
USER_CHANGES: Final[dict[str, Any]] = {
    "another role": {"role": "admin"},
    "somebody has left": {"disabled": True},
    "the phone is gone": {"totp": False},
}
PASSWORD: Final = Password(password="…")  # noqa: S106
SESSION: Final = SessionView(
    session_id="0d1e8a52-7d0f-4f0e-9f55-6f1c8f0a2b11",
    method=Method.FACTOR,
    address="192.0.2.7",
    agent="Mozilla/5.0 (X11; Linux x86_64)",
    created_at=AT - timedelta(hours=3),
    used_at=AT,
    expires_at=AT + timedelta(hours=24),
    current=True,
)
ME: Final = MeView(
    user_id=USER_ID,
    name="kim",
    role=Role.OPERATOR,
    scopes=tuple(sorted(ROLE_SCOPES[Role.OPERATOR])),
    sites=("north", "south"),
    language="en",
    timezone="Europe/Berlin",
    totp=True,
    must_change_password=False,
    filters=(SavedFilter(name="The gates at night", text="gate", severities=(Severity.HIGH,)),),
)
ME_CHANGES: Final[dict[str, Any]] = {
    "a language": {"language": "de", "timezone": "Europe/Berlin"},
    "a filter": {"filters": [{"name": "Only critical", "severities": ["critical"]}]},
}
PASSWORD_CHANGES: Final[dict[str, Any]] = {"a password": {"old": "…", "new": "…"}}
FACTOR: Final = FactorView(
    secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",  # noqa: S106
    uri="otpauth://totp/Watchfloor:kim?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Watchfloor",
    qr_svg='<svg xmlns="http://www.w3.org/2000/svg" width="148" height="148">…</svg>',
)
CODES: Final[dict[str, Any]] = {"what the app shows": {"code": "492039"}}
RECOVERY_CODES: Final = RecoveryCodes(recovery_codes=("abcd-efgh-jkmn-pqrs",))
TOKEN: Final = TokenView(
    token_id="8a1c0f0e-7a53-5b4e-9c4a-6e2a6a0f7d31",  # noqa: S106
    name="door-system",
    scopes=(Scope.EVENTS_WRITE,),
    sites=("north",),
    created_by="kim",
    created_at=AT,
    expires_at=AT + timedelta(days=365),
)
TOKEN_MADE: Final = TokenMade(**msgspec.structs.asdict(TOKEN), token="wft_…")  # noqa: S106
NEW_TOKENS: Final[dict[str, Any]] = {
    "a program that posts events": {
        "name": "door-system",
        "scopes": ["events:write"],
        "sites": ["north"],
        "expires_at": "2027-03-02T00:00:00Z",
    }
}
