"""Programs of this machine: let in by the state directory's token, without the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.account.identity import Authority, Principal, Role, Scope
from infra.local_token import is_local_token

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["LOCAL", "Local"]

LOCAL: Final = Principal(
    id="local",
    name="local",
    kind="token",
    role=Role.ADMIN,
    scopes=frozenset(Scope),
    sites=None,
    session_id=None,
)
"""Who may read the state directory: everything here is theirs already."""


class Local:
    """An authority for the local token; what is none goes to `others`."""

    def __init__(self, settings: Settings, others: Authority) -> None:
        self._settings = settings
        self._others = others

    async def principal(self, credential: str) -> Principal:
        """Whose credential that is. Raises Unauthenticated."""
        if is_local_token(self._settings, credential):
            return LOCAL
        return await self._others.principal(credential)

    def stands(self, principal: Principal) -> bool:
        """Whether what it was let in by has not been taken back."""
        return principal is LOCAL or self._others.stands(principal)
