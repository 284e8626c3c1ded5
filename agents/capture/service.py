"""The capture role's service: a task for each camera that this replica owns."""

from __future__ import annotations

import asyncio
import functools
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import cv2

from agents.capture.assignments import assignments_of
from agents.capture.backlog import AHEAD, Backlog
from agents.capture.camera import Camera, Shared
from agents.capture.gate import GatePolicy
from agents.capture.sight import SightPolicy
from agents.capture.sources import Limits
from agents.runtime.follower import Follower, kept_up
from agents.runtime.service import RoleContext
from infra.secrets import lookup
from schemas.base import SchemaError
from schemas.device import Assignment
from schemas.event import EventSource, SecurityEvent
from topics.catalogue import ASSIGNMENTS, EVENTS

__all__ = ["CaptureService"]

log = logging.getLogger("watchfloor.capture")

AGAIN: Final = 5.0
"""Seconds until a camera's task that failed by a defect of ours is started again."""


@dataclass
class _Running:
    assignment: Assignment
    camera: Camera
    task: asyncio.Task[None]


class CaptureService:
    """Captures what `device.assignments.v1` gives to this replica.

    The partitions' owner owns their cameras: on each rebalance the replica reads its partitions
    from the start, keeps the cameras that stay, stops those that left and starts those that came.
    limits, policy, sight, ahead, rng: for tests and benches; see `Shared` and `Backlog`.
    """

    name = "capture"

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        policy: GatePolicy | None = None,
        sight: SightPolicy | None = None,
        ahead: int = AHEAD,
        rng: random.Random | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._policy = policy or GatePolicy()
        self._sight = sight or SightPolicy()
        self._ahead = ahead
        self._rng = rng or random.Random()
        self._running: dict[str, _Running] = {}

    async def run(self, ctx: RoleContext) -> None:
        """See `Service`."""
        # A camera has its own thread; more of them per picture only cost.
        cv2.setNumThreads(1)
        shared = Shared(
            ctx=ctx,
            backlog=Backlog(ctx.settings, self._ahead),
            secret=_secrets(ctx),
            limits=self._limits,
            policy=self._policy,
            sight=self._sight,
            rng=self._rng,
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(shared.backlog.run())
                group.create_task(kept_up(lambda: self._follow_events(ctx)))
                group.create_task(self._follow_ownership(ctx, shared))
        finally:
            await self._stop(list(self._running))

    async def _follow_ownership(self, ctx: RoleContext, shared: Shared) -> None:
        ownership = ctx.ownership(ASSIGNMENTS)
        owned: frozenset[int] = frozenset()
        while True:
            owned = await ownership.changed(owned)
            log.info("partitions of %s: %s", ASSIGNMENTS, sorted(owned))
            changed = asyncio.ensure_future(ownership.changed(owned))
            follow = functools.partial(self._follow, shared, owned)
            following = asyncio.ensure_future(kept_up(follow))
            try:
                await asyncio.wait({changed, following}, return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    following.result()
            finally:
                await _cancelled(changed)
                await _cancelled(following)

    async def _follow(self, shared: Shared, owned: frozenset[int]) -> None:
        if not owned:
            await self._apply({}, shared)
            await asyncio.Event().wait()
        async for cameras in assignments_of(shared.ctx.settings, owned):
            await self._apply(cameras, shared)

    async def _apply(self, cameras: dict[str, Assignment], shared: Shared) -> None:
        """Make what runs be what is assigned; an assignment that did not change is left alone."""
        await self._stop(
            [key for key, one in self._running.items() if cameras.get(key) != one.assignment]
        )
        for key, assignment in cameras.items():
            if key not in self._running:
                camera = Camera(assignment, shared)
                task = asyncio.create_task(self._guard(key, camera, shared.ctx))
                self._running[key] = _Running(assignment, camera, task)

    async def _stop(self, keys: list[str]) -> None:
        stopped = [self._running.pop(key) for key in keys]
        for one in stopped:
            one.task.cancel()
        if stopped:
            await asyncio.wait({one.task for one in stopped})

    async def _guard(self, key: str, camera: Camera, ctx: RoleContext) -> None:
        """One camera's defect is no other's."""
        while True:
            try:
                await camera.run()
                return
            except Exception as error:
                log.exception("%s: capture failed", key)
                ctx.report(self.name, f"{key}: {type(error).__name__}")
                await asyncio.sleep(AGAIN)
                ctx.report(self.name, None)

    async def _follow_events(self, ctx: RoleContext) -> None:
        """Hand each event of the detector to its camera, if that is ours."""
        async with Follower(
            ctx.settings, [EVENTS], start="latest", client_id="watchfloor-capture-events"
        ) as follower:
            async for chunk in follower.chunks():
                for record in chunk:
                    try:
                        event = record.message()
                    except SchemaError:
                        continue  # decide dead-letters it
                    if not isinstance(event, SecurityEvent):
                        continue
                    running = self._running.get(f"{event.site_id}/{event.camera_id}")
                    if running is not None and event.source is EventSource.DETECTOR:
                        await running.camera.want(event.event_id, event.occurred_at)


def _secrets(ctx: RoleContext) -> Callable[[str, str], str]:
    return lambda name, site: lookup(name, site=site, state_dir=ctx.settings.state_dir).reveal()


async def _cancelled(future: asyncio.Future[Any]) -> None:
    """Cancel it and wait until it is over; unlike awaiting it, our own cancellation passes."""
    future.cancel()
    await asyncio.wait({future})
    if not future.cancelled():
        future.exception()
