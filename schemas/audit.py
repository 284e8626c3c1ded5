"""What was done to the system itself, and by whom."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta

from schemas.base import Message, Text, UtcTime

__all__ = ["Audit", "AuditKind"]


class AuditKind(StrEnum):
    """What was done."""

    SIGN_IN_GRANTED = "sign_in_granted"
    SIGN_IN_REFUSED = "sign_in_refused"
    SESSION_REVOKED = "session_revoked"
    """Signed out, ended by somebody, or because a refresh token was used twice: `detail` says."""
    USER_CREATED = "user_created"
    USER_CHANGED = "user_changed"
    USER_REMOVED = "user_removed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    TOKEN_CREATED = "token_created"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    LINK_CREATED = "link_created"
    """A code was made at the console that signs in once."""
    KEY_ROTATED = "key_rotated"


class Audit(Message, frozen=True, kw_only=True):
    """One act. actor: who did it: a user's name, a token's (`token/NAME`), `console`, `watchfloor`.

    actor_id: the user's or token's id. target: what it was done to, where that is not the actor.
    address: where it was asked from. Never holds a secret.
    """

    SCHEMA: ClassVar[str] = "audit.v1"

    audit_id: str
    at: UtcTime
    kind: AuditKind
    actor: Annotated[str, Meta(min_length=1, max_length=200)]
    actor_id: str | None = None
    target: str | None = None
    detail: Text | None = None
    address: str | None = None
