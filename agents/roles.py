"""The roles, declared. Each is one Faust app, one consumer group, one process or more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agents.runtime.role import Input, Role
from agents.runtime.service import RoleContext, Service
from topics.catalogue import (
    ACTIVITY,
    ALERTS,
    ASSIGNMENTS,
    DECISIONS,
    DETECTIONS,
    DEVICE_HEALTH,
    EVENTS,
    FRAMES,
    NOTIFY_REQUESTS,
    NOTIFY_RESULTS,
    PROBES,
    SNAPSHOTS,
    TRACKS,
)

__all__ = ["ROLES", "ROLE_NAMES", "role"]

ROLE_NAMES: Final = ("capture", "detect", "decide", "act", "watch")
"""In the order in which `up` starts them."""


def _capture() -> Role:
    def service() -> Service:
        from agents.capture.service import CaptureService

        return CaptureService()

    return Role(
        name="capture",
        title="sources to frames",
        owns=(ASSIGNMENTS,),
        services=(service,),
        follows=(EVENTS,),
        writes=(FRAMES, PROBES, SNAPSHOTS),
    )


def _detect() -> Role:
    from agents.runtime.role import Worker

    def worker(ctx: RoleContext) -> Worker:
        from agents.detect.worker import DetectWorker

        return DetectWorker(ctx)

    return Role(
        name="detect",
        title="frames to detections, tracks and events",
        inputs=(
            Input(
                name="detect",
                reads=FRAMES,
                writes=(DETECTIONS, TRACKS, SNAPSHOTS, EVENTS),
                worker=worker,
            ),
        ),
        writes=(DETECTIONS, TRACKS, SNAPSHOTS, EVENTS),
    )


def _decide() -> Role:
    from agents.decide import DECIDE_CHAIN

    return Role(name="decide", title="events to ranked alerts", chains=(DECIDE_CHAIN,))


def _act() -> Role:
    from agents.notify.stage import ACT_CHAIN

    def deliveries() -> Service:
        from agents.notify.service import DeliveryService

        return DeliveryService()

    def archive() -> Service:
        from agents.archive.service import ArchiveService

        return ArchiveService()

    def heartbeat() -> Service:
        from agents.notify.heartbeat import HeartbeatService

        return HeartbeatService()

    return Role(
        name="act",
        title="notifications out, and everything into the archive",
        chains=(ACT_CHAIN,),
        services=(deliveries, archive, heartbeat),
        follows=(
            EVENTS,
            DECISIONS,
            ALERTS,
            ACTIVITY,
            SNAPSHOTS,
            NOTIFY_REQUESTS,
            NOTIFY_RESULTS,
            PROBES,
        ),
        writes=(NOTIFY_RESULTS,),
    )


def _watch() -> Role:
    from agents.watch.stage import WATCH_CHAIN

    def polls() -> Service:
        from agents.watch.service import PollService

        return PollService()

    return Role(
        name="watch",
        title="devices polled, and what that says of their health",
        chains=(WATCH_CHAIN,),
        owns=(ASSIGNMENTS,),
        services=(polls,),
        follows=(DEVICE_HEALTH,),
        writes=(PROBES,),
    )


ROLES: Final[dict[str, Callable[[], Role]]] = {
    "capture": _capture,
    "detect": _detect,
    "decide": _decide,
    "act": _act,
    "watch": _watch,
}


def role(name: str) -> Role:
    """The role of that name. Raises KeyError for another."""
    return ROLES[name]()
