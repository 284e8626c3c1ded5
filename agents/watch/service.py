"""The watch role's service: polls the devices of this replica's partitions."""

from __future__ import annotations

import asyncio
import functools
import logging
import resource
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from agents.capture.assignments import assignments_of
from agents.runtime.emitter import RefusedError
from agents.runtime.follower import Follower, kept_up
from agents.runtime.service import RoleContext
from agents.watch.asking import Asking
from agents.watch.authorities import ca_path
from agents.watch.drivers.base import Limits
from agents.watch.drivers.registry import Registry
from agents.watch.known import Knowledge
from agents.watch.poller import Poller, Rules
from agents.watch.relatives import SiteRelatives
from infra.secrets import lookup
from schemas import ids
from schemas.device import Assignment, Probe
from topics.catalogue import ASSIGNMENTS, DEVICE_HEALTH, PROBES
from topics.record import OutRecord, make

__all__ = ["Outlet", "PollService", "places", "polled", "probe_record"]

log = logging.getLogger("watchfloor.watch")

SOURCE: Final = "watchfloor/watch"
OTHER_FILES: Final = 512
"""What a role has open beside its polls: tables, connections to brokers, its health's clients."""


def polled(assignment: Assignment) -> bool:
    """Whether it is of a device that is polled."""
    return bool(assignment.address and assignment.driver)


def probe_record(probe: Probe) -> OutRecord:
    """The record of a poll: the same poll has the same id."""
    return make(
        PROBES,
        probe,
        id=ids.probe_id(probe.site_id, probe.device_id, probe.kind, probe.at),
        time=probe.at,
        source=SOURCE,
        key=f"{probe.site_id}/{probe.device_id}",
    )


def places(most: int) -> int:
    """How many of so many polls may be under way: each has a socket, and the role has files.

    The process's own limit is raised as far as the system lets it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return most if soft == resource.RLIM_INFINITY else max(1, min(most, soft - OTHER_FILES))


class Outlet:
    """Sends probes: what has come together meanwhile goes together."""

    def __init__(self, ctx: RoleContext) -> None:
        self._ctx = ctx
        self._pending: list[tuple[list[OutRecord], asyncio.Future[None]]] = []
        self._ready = asyncio.Event()

    async def send(self, probes: Sequence[Probe]) -> None:
        """Return once the broker has them."""
        done = asyncio.get_running_loop().create_future()
        self._pending.append(([probe_record(probe) for probe in probes], done))
        self._ready.set()
        await done

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            batch, self._pending = self._pending, []
            self._ctx.alive()
            try:
                await self._ctx.emitter.emit([record for records, _ in batch for record in records])
            except RefusedError as error:
                # The next poll says what this one would have said.
                log.error("probes are lost: %s", error)
            for _, done in batch:
                if not done.done():
                    done.set_result(None)


class PollService:
    """Polls what `device.assignments.v1` gives to this replica, by `device.health.v1`.

    The partitions' owner owns their devices. All health is read before anything is polled, so
    that a restart neither forgets nor stampedes. limits, rules, registry: for tests and benches.
    """

    name = "polls"
    real_time = True

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        rules: Rules | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._rules = rules or Rules()
        self._registry = registry or Registry()

    async def run(self, ctx: RoleContext) -> None:
        """See `Service`."""
        knowledge = Knowledge()
        outlet = Outlet(ctx)
        poller = Poller(
            now=ctx.now,
            knowledge=knowledge,
            asking=Asking(
                _secrets(ctx),
                self._limits,
                self._rules.timeout_s,
                functools.partial(ca_path, ctx.settings.state_dir),
            ),
            send=outlet.send,
            registry=self._registry,
            rules=replace(self._rules, most=places(self._rules.most)),
            relatives=SiteRelatives(ctx.configuration),
            alive=ctx.alive,
        )
        loaded = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(outlet.run())
            group.create_task(kept_up(lambda: _follow_health(ctx, knowledge, poller, loaded)))
            await loaded.wait()
            group.create_task(self._follow_ownership(ctx, poller))
            group.create_task(poller.run())

    async def _follow_ownership(self, ctx: RoleContext, poller: Poller) -> None:
        ownership = ctx.ownership(ASSIGNMENTS)
        owned: frozenset[int] = frozenset()
        while True:
            owned = await ownership.changed(owned)
            log.info("partitions of %s: %s", ASSIGNMENTS, sorted(owned))
            async with asyncio.TaskGroup() as group:
                follow = functools.partial(self._follow, ctx, poller, owned)
                following = group.create_task(kept_up(follow))
                await ownership.changed(owned)
                following.cancel()

    async def _follow(self, ctx: RoleContext, poller: Poller, owned: frozenset[int]) -> None:
        if not owned:
            poller.assign({})
            await asyncio.Event().wait()
        async for devices in assignments_of(ctx.settings, owned, wanted=polled, role="watch"):
            poller.assign(devices)
            ctx.report(self.name, _problem(poller.unknown))


def _problem(unknown: dict[str, str]) -> str | None:
    """What /healthz says of devices that are not polled."""
    if not unknown:
        return None
    key, reason = next(iter(sorted(unknown.items())))
    more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
    return f"{key}{more}: {reason}"


async def _follow_health(
    ctx: RoleContext, knowledge: Knowledge, poller: Poller, loaded: asyncio.Event
) -> None:
    """Keep what is known of devices up to date. loaded: set once everything there was is read."""
    async with Follower(
        ctx.settings, [DEVICE_HEALTH], client_id="watchfloor-watch-health"
    ) as follower:
        ends = {part: end for part, end in (await follower.end_offsets()).items() if end > 0}
        if not ends:
            loaded.set()
        async for chunk in follower.chunks():
            for record in chunk:
                key = knowledge.take(record)
                if key is not None:
                    poller.heard(key)
            if not loaded.is_set():
                at = follower.positions()
                # The last offsets may have been compacted away; then nothing more comes.
                if not chunk or all(at.get(part, 0) >= end for part, end in ends.items()):
                    loaded.set()


def _secrets(ctx: RoleContext) -> Callable[[str, str], Coroutine[Any, Any, str]]:
    async def secret(name: str, site: str) -> str:
        # A file is read, or a command is run for it: not on the loop of all devices.
        found = await asyncio.to_thread(lookup, name, site=site, state_dir=ctx.settings.state_dir)
        return found.reveal()

    return secret
