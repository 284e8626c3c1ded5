"""What the WebSocket says, and what it is told. Every message has a `type`.

`alerts`, `alert`, `alert_removed`, `activity` and `pipeline` have a `resume` as well, put in when
they are sent: a listener keeps the newest, and brings it as `?resume=` when it comes back.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from api.alert.schemas import AlertView
from api.camera.schemas import CameraView
from api.health.verdict import PipelineState, Reason
from api.stream.resume import Missed
from infra.onboard.discovery import Found
from schemas.alert import Activity
from schemas.base import UtcTime

__all__ = [
    "ActivityMessage",
    "AlertMessage",
    "AlertRemoved",
    "AlertsMessage",
    "CameraMessage",
    "CamerasMessage",
    "DiscoveryComplete",
    "DiscoveryProgress",
    "Hello",
    "Inbound",
    "Looking",
    "PipelineMessage",
    "PresenceMessage",
    "Reload",
    "StreamMessage",
]


class Hello(Struct, frozen=True, kw_only=True, tag_field="type", tag="hello"):
    """The first message. A client that hears nothing for 3 heartbeats is disconnected, and says so.

    sites: what this stream is about. resumed: true where it goes on after the `resume` that was
    brought: what was missed follows, and no `alerts`.
    """

    at: UtcTime
    sites: tuple[str, ...]
    heartbeat_s: float
    resumed: bool = False


class Reload(Struct, frozen=True, kw_only=True, tag_field="type", tag="reload"):
    """It cannot go on after the `resume` that was brought: what is shown is to be read again.

    The queue follows as `alerts`.
    """

    reason: Missed


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


class ActivityMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="activity"):
    """One entry of an alert's history, once."""

    activity: Activity


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


class PresenceMessage(Struct, frozen=True, kw_only=True, tag_field="type", tag="presence"):
    """Who else looks at the alert that this listener looks at, by name; at most 20."""

    alert_id: str
    names: tuple[str, ...]


class Looking(Struct, frozen=True, kw_only=True, tag_field="type", tag="looking"):
    """From the listener: the alert that it looks at from now on; null: none."""

    alert_id: Annotated[str, Meta(min_length=1, max_length=200)] | None


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
    | Reload
    | AlertsMessage
    | AlertMessage
    | ActivityMessage
    | AlertRemoved
    | PresenceMessage
    | CamerasMessage
    | CameraMessage
    | PipelineMessage
    | DiscoveryProgress
    | DiscoveryComplete
)
"""What the server says."""

Inbound = Looking
"""What a listener may say."""
