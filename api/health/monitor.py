"""Looks at the pipeline every two seconds, and says what it sees.

The verdict itself is `verdict.judge`, which is pure; here is only where its facts come from.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from agents.runtime.configuration import Configuration
from api.database import Database
from api.health.groups import Broker, BrokerAway, GroupSeen
from api.health.lag import Lag, LagTracker
from api.health.schemas import Check, PipelineView, RoleView, TickView
from api.health.verdict import (
    ARCHIVE_LATE_AFTER_S,
    LATE_AFTER_S,
    Observation,
    PipelineState,
    RoleSeen,
    Verdict,
    judge,
    without_frames,
)
from api.stream.live import Live
from topics.catalogue import (
    ACTIVITY,
    ALERTS,
    COMMANDS,
    DECISIONS,
    EVENTS,
    FRAMES,
    NOTIFY_REQUESTS,
    NOTIFY_RESULTS,
    SNAPSHOTS,
    TICKS_DECIDE,
)
from topics.declare import Topic

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["GROUPS", "Group", "Monitor"]

log = logging.getLogger("watchfloor.api.health")

EVERY_S: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Group:
    """A role's consumer group. needs_cameras: only where something is captured."""

    role: str
    group: str
    topics: tuple[Topic, ...]
    unit: str
    needs_cameras: bool = False
    late_after_s: float = LATE_AFTER_S
    without: PipelineState = PipelineState.BLIND


GROUPS: Final = (
    Group(
        role="capture",
        group="watchfloor-capture",
        topics=(),
        unit="assignments",
        needs_cameras=True,
    ),
    Group(
        role="detect",
        group="watchfloor-detect",
        topics=(FRAMES,),
        unit="frames",
        needs_cameras=True,
    ),
    Group(
        role="decide",
        group="watchfloor-decide",
        topics=(EVENTS, COMMANDS, NOTIFY_RESULTS),
        unit="records",
    ),
    Group(role="act", group="watchfloor-act", topics=(NOTIFY_REQUESTS,), unit="requests"),
    Group(
        role="archive",
        group="watchfloor-archive",
        topics=(EVENTS, DECISIONS, ALERTS, ACTIVITY, SNAPSHOTS),
        unit="records",
        late_after_s=ARCHIVE_LATE_AFTER_S,
        # Everything is still seen and told; only history waits.
        without=PipelineState.LATE,
    ),
)


class Monitor:
    """The pipeline's state as it was seen last."""

    def __init__(
        self,
        settings: Settings,
        configuration: Configuration,
        live: Live,
        database: Database,
        now: Callable[[], datetime],
        following: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._configuration = configuration
        self._live = live
        self._database = database
        self._now = now
        self._following = following
        self._started = now()
        self._lags = LagTracker()
        self._groups: dict[str, GroupSeen] = {}
        self._tick_partitions = TICKS_DECIDE.partitions
        self.broker_ok = False
        self.database_ok = False

    async def run(self) -> None:
        """Look until cancelled."""
        broker = Broker(self._settings)
        while True:
            # Side by side: a database that is away must not hold back what is known of Kafka.
            await asyncio.gather(self._ask_broker(broker), self._ask_database())
            await asyncio.sleep(EVERY_S)

    async def _ask_broker(self, broker: Broker) -> None:
        topics = {topic.name for group in GROUPS for topic in group.topics}
        try:
            ends = await broker.ends({*topics, TICKS_DECIDE.name})
            self._lags.observe(self._now(), ends)
            found = await asyncio.gather(*(broker.group(group.group) for group in GROUPS))
        except BrokerAway as error:
            if self.broker_ok:
                log.warning("Kafka does not answer: %s", error)
            self.broker_ok = False
            return
        self._groups = {group.role: seen for group, seen in zip(GROUPS, found, strict=True)}
        ticks = [part for name, part in ends if name == TICKS_DECIDE.name]
        self._tick_partitions = len(ticks) or TICKS_DECIDE.partitions
        self.broker_ok = True

    async def _ask_database(self) -> None:
        self.database_ok = await self._database.answers()

    def _lag(self, group: Group, seen: GroupSeen) -> Lag:
        names = [topic.name for topic in group.topics]
        return self._lags.lag(names, seen.committed, self._now())

    def observation(self, sites: frozenset[str]) -> Observation:
        """What is known now of the pipeline and of those sites' cameras."""
        captured = self._live.captured()
        cameras = [camera for camera in captured if camera.site_id in sites]
        roles = tuple(
            RoleSeen(
                role=group.role,
                members=seen.members,
                lag=self._lag(group, seen),
                unit=group.unit,
                late_after_s=group.late_after_s,
                without=group.without,
            )
            for group in GROUPS
            if (seen := self._groups.get(group.role)) is not None
            and (captured or not group.needs_cameras)
        )
        return Observation(
            now=self._now(),
            started=self._started,
            broker_ok=self.broker_ok,
            database_ok=self.database_ok,
            following=self._following() and self._configuration.loaded.is_set(),
            sites=len(self._configuration.sites),
            roles=roles,
            ticks=tuple(self._live.ticks.get(n) for n in range(self._tick_partitions)),
            cameras=tuple(cameras),
        )

    def verdict(self, sites: frozenset[str] | None = None) -> Verdict:
        """What to make of it, for those sites; None: for all."""
        if sites is None:
            sites = frozenset(self._configuration.sites)
        return judge(self.observation(sites))

    def checks(self) -> tuple[Check, ...]:
        """What this server itself needs."""
        facts: Mapping[str, tuple[bool, str]] = {
            "broker": (self.broker_ok, "Kafka does not answer"),
            "database": (self.database_ok, "PostgreSQL does not answer, or is not migrated"),
            "configuration": (
                self._configuration.loaded.is_set(),
                "the sites' configuration is still being read",
            ),
            "followers": (self._following(), "what has happened lately is still being read"),
        }
        return tuple(
            Check(name=name, ok=ok, problem=None if ok else problem)
            for name, (ok, problem) in facts.items()
        )

    def view(self, sites: frozenset[str]) -> PipelineView:
        """The pipeline, with the cameras of these sites that deliver no frames."""
        seen = self.observation(sites)
        verdict = judge(seen)
        blind = {reason.subject for reason in without_frames(seen)}
        return PipelineView(
            state=verdict.state,
            at=seen.now,
            reasons=verdict.reasons,
            roles=tuple(
                RoleView(
                    role=role.role,
                    members=role.members,
                    lag=role.lag.records,
                    unit=role.unit,
                    lag_seconds=round(role.lag.seconds, 1),
                    at_least=role.lag.at_least,
                    late=role.lag.seconds > role.late_after_s,
                )
                for role in seen.roles
            ),
            ticks=tuple(
                TickView(
                    partition=number,
                    age_seconds=None
                    if tick is None
                    else round((seen.now - tick).total_seconds(), 1),
                )
                for number, tick in enumerate(seen.ticks)
            ),
            cameras_without_frames=tuple(
                camera
                for camera in self._live.cameras(sites)
                if f"{camera.site_id}/{camera.camera_id}" in blind
            ),
        )
