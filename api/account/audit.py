"""What `audit.v1` is told, made of what an act knows."""

from __future__ import annotations

import uuid
from datetime import datetime

from api.account.identity import Principal
from api.account.records import Visitor
from schemas.audit import Audit, AuditKind

__all__ = ["by", "said"]


def said(
    kind: AuditKind,
    actor: str,
    at: datetime,
    *,
    actor_id: str | None = None,
    target: str | None = None,
    detail: str | None = None,
    address: str | None = None,
) -> Audit:
    """An act."""
    return Audit(
        audit_id=str(uuid.uuid4()),
        at=at,
        kind=kind,
        actor=actor,
        actor_id=actor_id,
        target=target,
        detail=detail,
        address=address,
    )


def by(
    principal: Principal,
    visitor: Visitor,
    kind: AuditKind,
    at: datetime,
    *,
    target: str | None = None,
    detail: str | None = None,
) -> Audit:
    """An act of somebody who has signed in."""
    return said(
        kind,
        principal.name,
        at,
        actor_id=principal.id,
        target=target,
        detail=detail,
        address=visitor.address,
    )
