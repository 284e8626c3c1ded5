"""Examples for the API's description: an act at a small site."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from api.audit.schemas import ActView
from schemas.audit import AuditKind

ACT: Final = ActView(
    audit_id="a6f4f9ce-6f0b-4c3a-9d2b-0c9f1b7c2c11",
    at=datetime(2026, 3, 2, 22, 14, 7, tzinfo=UTC),
    kind=AuditKind.TOKEN_CREATED,
    actor="kim",
    actor_id="0a9c1c9e-52a5-4d6c-8f6e-0d2a5b7e3f10",
    target="reporting",
    detail=None,
    address="192.0.2.17",
)
