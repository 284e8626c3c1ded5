"""Whoever asks, in tests."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from api.account.identity import ROLE_SCOPES, Principal, Role, Scope
from api.problems import Unauthenticated

__all__ = ["ADMIN", "Known", "person", "service"]


def person(role: Role, *sites: str, name: str = "kim") -> Principal:
    """A user of that role at those sites; of every site where none is named."""
    return Principal(
        id=f"user-{name}",
        name=name,
        kind="user",
        role=role,
        scopes=ROLE_SCOPES[role],
        sites=frozenset(sites) or None,
        session_id=f"session-{name}",
    )


def service(*scopes: Scope, sites: Collection[str] | None = None) -> Principal:
    """A service token with those scopes."""
    return Principal(
        id="token-1",
        name="service",
        kind="token",
        role=Role.VIEWER,
        scopes=frozenset(scopes),
        sites=None if sites is None else frozenset(sites),
        session_id=None,
    )


ADMIN = person(Role.ADMIN)


class Known:
    """An authority that knows these credentials; what is in `gone` stands no more."""

    def __init__(self, known: Mapping[str, Principal]) -> None:
        self.known = dict(known)
        self.gone: set[Principal] = set()

    async def principal(self, credential: str) -> Principal:
        found = self.known.get(credential)
        if found is None:
            raise Unauthenticated("The token is none of this server's.")
        return found

    def stands(self, principal: Principal) -> bool:
        return principal not in self.gone
