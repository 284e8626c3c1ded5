"""What is answered about the pipeline's and this server's health."""

from __future__ import annotations

from msgspec import Struct

from api.camera.schemas import CameraView
from api.health.verdict import PipelineState, Reason
from schemas.base import UtcTime

__all__ = ["Check", "Live", "PipelineView", "Ready", "RoleView", "TickView"]


class Live(Struct, frozen=True, kw_only=True):
    """The process is there and its loop turns."""

    status: str = "live"


class Check(Struct, frozen=True, kw_only=True):
    """One thing that has to be so. problem: null where it is."""

    name: str
    ok: bool
    problem: str | None = None


class Ready(Struct, frozen=True, kw_only=True):
    """Whether this server can do its work."""

    status: str
    checks: tuple[Check, ...]


class RoleView(Struct, frozen=True, kw_only=True):
    """A role's consumer group. unit: of `lag`: frames, events, …

    members: workers in it; null where the broker does not say. lag_seconds: the age of the oldest
    record that is not processed yet; at_least: it is older than this server has watched.
    """

    role: str
    members: int | None
    lag: int
    unit: str
    lag_seconds: float
    at_least: bool
    late: bool


class TickView(Struct, frozen=True, kw_only=True):
    """A partition of decide. age_seconds: since its owner last said the time; null: never."""

    partition: int
    age_seconds: float | None


class PipelineView(Struct, frozen=True, kw_only=True):
    """Whether the pipeline sees: `ok`, `late` or `blind`, with every reason."""

    state: PipelineState
    at: UtcTime
    reasons: tuple[Reason, ...]
    roles: tuple[RoleView, ...]
    ticks: tuple[TickView, ...]
    cameras_without_frames: tuple[CameraView, ...]
