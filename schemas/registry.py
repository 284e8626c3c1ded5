"""Every message that travels on a topic, by the name and version of its schema."""

from __future__ import annotations

import re
from typing import Final

from schemas.alert import Activity, Alert, Command
from schemas.audit import Audit
from schemas.base import Message
from schemas.decision import Decision
from schemas.detection import FrameDetections, TrackPath
from schemas.device import Assignment, DeviceHealth, Probe, Pulse
from schemas.document import ConfigRecord
from schemas.event import SecurityEvent
from schemas.frame import FrameMeta, SnapshotMeta
from schemas.model import ModelRollout
from schemas.notification import NotifyRequest, NotifyResult
from schemas.tick import Tick

__all__ = ["MESSAGES", "split_version"]

_ALL: Final[tuple[type[Message], ...]] = (
    Activity,
    Alert,
    Assignment,
    Audit,
    Command,
    ConfigRecord,
    Decision,
    DeviceHealth,
    FrameDetections,
    FrameMeta,
    ModelRollout,
    NotifyRequest,
    NotifyResult,
    Probe,
    Pulse,
    SecurityEvent,
    SnapshotMeta,
    Tick,
    TrackPath,
)

MESSAGES: Final[dict[str, type[Message]]] = {message.SCHEMA: message for message in _ALL}
"""`event.v1` and so on; a test holds that no message with a SCHEMA is missing."""


def split_version(schema: str) -> tuple[str, int]:
    """`event.v1` is ("event", 1). Raises ValueError for a name that is not shaped so."""
    found = re.fullmatch(r"([a-z][a-z0-9-]*)\.v([1-9]\d{0,3})", schema)
    if found is None:
        raise ValueError(f"{schema!r} is no schema name; write name.v1")
    return found[1], int(found[2])
