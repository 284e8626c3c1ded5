"""What the WebSocket says. Every message has a `type`."""

from __future__ import annotations

from msgspec import Struct

from api.alert.schemas import AlertView
from api.camera.schemas import CameraView
from api.health.verdict import PipelineState, Reason
from infra.onboard.discovery import Found
from schemas.base import UtcTime

__all__ = [
    "AlertMessage",
    "AlertRemoved",
    "AlertsMessage",
    "CameraMessage",
    "CamerasMessage",
    "DiscoveryComplete",
    "DiscoveryProgress",
    "Hello",
    "PipelineMessage",
    "StreamMessage",
]


class Hello(Struct, frozen=True, kw_only=True, tag_field="type", tag="hello"):
    """The first message. A client that hears nothing for 3 heartbeats is disconnected, and says so.

    sites: what this stream is about.
    """

    at: UtcTime
    sites: tuple[str, ...]
    heartbeat_s: float


class AlertsMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="alerts"):
    """The queue as it is, by rank. complete: false where there are more than are sent here.

    history: false where the database did not answer: only what came lately is in it.
    """

    alerts: tuple[AlertView, ...]
    complete: bool
    history: bool


class AlertMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="alert"):
    """One alert's whole state; its `revision` never goes back."""

    alert: AlertView


class AlertRemoved(Struct, frozen=True, kw_only=True, tag_field="type", tag="alert_removed"):
    """The alert is gone from the queue for good."""

    alert_id: str


class CamerasMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="cameras"):
    """All cameras; after a change of configuration again."""

    cameras: tuple[CameraView, ...]


class CameraMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="camera"):
    """One camera's state."""

    camera: CameraView


class PipelineMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="pipeline"):
    """Whether the pipeline sees: at each change, and as the heartbeat."""

    state: PipelineState
    reasons: tuple[Reason, ...]
    at: UtcTime


class DiscoveryProgress(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="discovery_progress"
):
    """How far a scan is: questions sent of how many, and how many devices answered so far."""

    scan_id: str
    asked: int
    total: int
    found: int


class DiscoveryComplete(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="discovery_complete"
):
    """A scan is over. state: as `GET` at its location has it. devices: who answered, by address."""

    scan_id: str
    state: str
    location: str
    devices: tuple[Found, ...]
    error: str | None


StreamMessage = (
    Hello
    | AlertsMessage
    | AlertMessage
    | AlertRemoved
    | CamerasMessage
    | CameraMessage
    | PipelineMessage
    | DiscoveryProgress
    | DiscoveryComplete
)
