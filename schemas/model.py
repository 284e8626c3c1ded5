"""Which model a site runs (written by the learning loop)."""

from __future__ import annotations

from typing import ClassVar

from schemas.base import Message, UtcTime

__all__ = ["ModelRollout"]


class ModelRollout(Message, frozen=True, kw_only=True):
    """Which version of a model is champion, challenger or shadow."""

    SCHEMA: ClassVar[str] = "model-rollout.v1"

    model: str
    at: UtcTime
    champion: str
    challenger: str | None = None
    shadow: str | None = None
