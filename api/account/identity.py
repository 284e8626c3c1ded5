"""Who asks: a principal, and what it may do.

An endpoint takes `PrincipalDep`; a route says which scope it wants with
`dependencies=[needs(Scope.ALERTS_READ)]`. How a credential becomes a principal is an `Authority`'s
business, which the application has under `app.state.api.authority`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import Depends
from msgspec import Struct
from starlette.requests import HTTPConnection

from api.database import hold
from api.problems import MissingScope, Unauthenticated

__all__ = [
    "ACCESS_COOKIE",
    "ROLE_SCOPES",
    "TOKEN_PREFIX",
    "Authority",
    "Needs",
    "Principal",
    "PrincipalDep",
    "Role",
    "Scope",
    "credential_of",
    "needs",
    "principal_of",
]

ACCESS_COOKIE: Final = "watchfloor_access"
MAX_CREDENTIAL: Final = 8192
"""Characters that a credential may have; a token of ours has about a thousand."""

TOKEN_PREFIX: Final = "wft_"  # noqa: S105
"""A service token begins so: who finds one in a file knows what it is."""

_BASIC: Final = re.compile(r"Basic +([A-Za-z0-9+/=]+) *", re.IGNORECASE)
_BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+) *", re.IGNORECASE)


class Scope(StrEnum):
    """What one may do."""

    ALERTS_READ = "alerts:read"
    """See the queue, alerts, their history, and the stream."""
    ALERTS_ACT = "alerts:act"
    """Acknowledge, assign, snooze, resolve, merge, comment; hand over."""
    EVENTS_READ = "events:read"
    """See events and decisions."""
    EVENTS_WRITE = "events:write"
    """Post events."""
    MEDIA_READ = "media:read"
    """See pictures."""
    DEVICES_READ = "devices:read"
    """See cameras, recorders and their health."""
    DEVICES_WRITE = "devices:write"
    """Look for devices and take them on."""
    CONFIG_READ = "config:read"
    """See sites and zones."""
    CONFIG_WRITE = "config:write"
    """Change sites, zones and rules."""
    BACKTESTS_RUN = "backtests:run"
    """Try rules against what happened."""
    EXPORTS_READ = "exports:read"
    """Take data out in bulk."""
    NOTIFY_WRITE = "notify:write"
    """Have notifications sent."""
    USERS_ADMIN = "users:admin"
    """Make and change users, and end their sessions."""
    TOKENS_ADMIN = "tokens:admin"
    """Make and revoke service tokens."""
    AUDIT_READ = "audit:read"
    """See who did what."""
    METRICS_READ = "metrics:read"
    """See the server's own figures."""


class Role(StrEnum):
    """What a person is here for. Scopes follow from it."""

    VIEWER = "viewer"
    """Looks."""
    OPERATOR = "operator"
    """Works the queue."""
    ADMIN = "admin"
    """May do everything."""


_VIEWER: Final = frozenset(
    {
        Scope.ALERTS_READ,
        Scope.EVENTS_READ,
        Scope.MEDIA_READ,
        Scope.DEVICES_READ,
        Scope.CONFIG_READ,
    }
)
_OPERATOR: Final = _VIEWER | {
    Scope.ALERTS_ACT,
    Scope.EVENTS_WRITE,
    Scope.BACKTESTS_RUN,
    Scope.EXPORTS_READ,
}
ROLE_SCOPES: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: frozenset(Scope),
}


class Principal(Struct, frozen=True, kw_only=True):
    """Whoever asks. name: what is written down as who did it.

    sites: whose data it may see; None: every site's. session_id: of the session that a user signed
    in to; None for a service token. role: a token's is the least one; its scopes are its own.
    """

    id: str
    name: str
    kind: Literal["user", "token"]
    role: Role
    scopes: frozenset[Scope]
    sites: frozenset[str] | None
    session_id: str | None

    def may(self, scope: Scope) -> bool:
        """Whether it has that scope."""
        return scope in self.scopes


class Authority(Protocol):
    """Turns credentials into principals."""

    async def principal(self, credential: str) -> Principal:
        """Whose credential that is. Raises Unauthenticated for one that is none, or no more."""
        ...

    def stands(self, principal: Principal) -> bool:
        """Whether what it was let in by has not been taken back; for connections that stay open."""
        ...


def credential_of(connection: HTTPConnection) -> str | None:
    """The credential of a request or a WebSocket: the header's, else the cookie's.

    None where there is none. Raises Unauthenticated for a header that is no bearer's.
    """
    given = connection.headers.getlist("authorization")
    if given:
        # Of two headers neither is believed: a proxy may have looked at the other one.
        found = _bearer(given[0]) or _of_device(given[0]) if len(given) == 1 else None
        if found is None:
            raise Unauthenticated("Send one header: Authorization: Bearer TOKEN.")
        return found
    cookie = connection.cookies.get(ACCESS_COOKIE)
    if cookie and len(cookie) > MAX_CREDENTIAL:
        raise Unauthenticated("The cookie is no token.")
    return cookie or None


def _bearer(given: str) -> str | None:
    found = _BEARER.fullmatch(given)
    return found[1] if found is not None and len(found[1]) <= MAX_CREDENTIAL else None


def _of_device(given: str) -> str | None:
    """A service token as the password of HTTP Basic: cameras that post events know nothing else.

    Nobody's own password is one, so that no browser keeps it and sends it along.
    """
    found = _BASIC.fullmatch(given)
    if found is None or len(found[1]) > MAX_CREDENTIAL:
        return None
    try:
        _, _, password = base64.b64decode(found[1], validate=True).decode("ascii").partition(":")
    except ValueError:
        return None
    return password if password.startswith(TOKEN_PREFIX) else None


async def principal_of(connection: HTTPConnection) -> Principal:
    """Who asks. Raises Unauthenticated where nobody says who they are."""
    credential = credential_of(connection)
    if credential is None:
        raise Unauthenticated("Sign in, or send Authorization: Bearer TOKEN.")
    authority: Authority = connection.app.state.api.authority
    principal = await authority.principal(credential)
    hold(principal.sites)
    # For the log's line about the request.
    connection.state.principal = principal
    return principal


PrincipalDep = Annotated[Principal, Depends(principal_of)]


class Needs:
    """A dependency that refuses a principal without `scope`; who walks the routes finds it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, principal: PrincipalDep) -> None:
        """Raise MissingScope, or pass."""
        if not principal.may(self.scope):
            raise MissingScope(self.scope)


def needs(scope: Scope) -> Any:
    """For a route's `dependencies`: only principals with that scope pass."""
    return Depends(Needs(scope))
