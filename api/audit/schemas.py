"""What is answered about acts."""

from __future__ import annotations

from msgspec import Struct

from schemas.audit import AuditKind
from schemas.base import UtcTime

__all__ = ["ActView"]


class ActView(Struct, frozen=True, kw_only=True):
    """An act, as `audit.v1` has it.

    actor: a user's name, a token's (`token/NAME`), `console` or `watchfloor`; actor_id: the user's
    or token's id. target: what it was done to, where that is not the actor. address: where it was
    asked from.
    """

    audit_id: str
    at: UtcTime
    kind: AuditKind
    actor: str
    actor_id: str | None
    target: str | None
    detail: str | None
    address: str | None
