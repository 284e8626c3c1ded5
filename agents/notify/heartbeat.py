"""The dead man's switch: a URL elsewhere that is asked once a minute, while the pipeline moves.

Whoever answers there raises the alarm when nobody asks any more: it is the one alarm that does not
need us. So it must not be asked by something that merely runs: what counts is what the roles have
committed of their clocks, as the broker says, whichever process has done it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition
from prometheus_client import Counter, Gauge

from agents.notify.errors import ChannelError
from agents.notify.targets import Policy
from agents.notify.web import Web
from agents.runtime.service import RoleContext
from topics.catalogue import TICKS_ACT, TICKS_DECIDE
from topics.plan import prefix_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["HeartbeatService", "Progress", "policy_of_settings", "still"]

log = logging.getLogger("watchfloor.heartbeat")

LIMIT_S: Final = 10.0
"""For one request, from the name to the answer's last byte."""
FIRST: Final = 0
"""The partition of act's clock whose owner asks, so that one replica does."""
ROLES: Final = {"decide": TICKS_DECIDE, "act": TICKS_ACT}
"""Whose clocks have to go on."""

BEATS: Final = Counter(
    "watchfloor_heartbeats",
    "Heartbeats to the URL outside: sent, failed, or left out because the pipeline stood still.",
    ("outcome",),
)
LAST: Final = Gauge(
    "watchfloor_heartbeat_last_timestamp_seconds", "When the last heartbeat was taken."
)


def still(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """The roles that have committed no tick between two looks, in order; none: all moved.

    A role that a look does not have has committed none.
    """
    return [role for role in ROLES if after.get(role, 0) <= before.get(role, 0)]


def policy_of_settings(networks: tuple[str, ...]) -> Policy:
    """Where a heartbeat may go: the outside, and these networks (CIDR). One that is none is not."""
    found = []
    for text in networks:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            log.error("heartbeat_networks: %r is no network", text[:60])
    return Policy(networks=tuple(found))


class Progress:
    """How many ticks each role has committed. Blocks; close it at the end."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = prefix_of(settings.namespace)
        self._groups: dict[str, Consumer] = {}
        for role in ROLES:
            config: dict[str, Any] = {
                **settings.kafka_client_config(),
                "group.id": f"{self._prefix}watchfloor-{role}",
                "enable.auto.commit": False,
                "enable.metrics.push": False,
                "log_level": 3,
            }
            self._groups[role] = Consumer(config)

    def ask(self) -> dict[str, int]:
        """The committed offsets of each role's clock, added up over its partitions.

        Raises KafkaException where the broker does not answer.
        """
        found: dict[str, int] = {}
        for role, topic in ROLES.items():
            name = self._prefix + topic.name
            consumer = self._groups[role]
            parts = consumer.list_topics(name, timeout=10).topics[name].partitions
            asked = [TopicPartition(name, number) for number in parts]
            committed = consumer.committed(asked, timeout=10)
            found[role] = sum(max(0, part.offset) for part in committed)
        return found

    def close(self) -> None:
        """Close the connections."""
        for consumer in self._groups.values():
            consumer.close()


class HeartbeatService:
    """Asks the URL of the settings while the pipeline moves; without one, nobody.

    ask, web: for tests.
    """

    name = "heartbeat"
    real_time = True

    def __init__(
        self, *, ask: Callable[[], Mapping[str, int]] | None = None, web: Web | None = None
    ) -> None:
        self._given = ask
        self._web = web or Web()
        self._last: Mapping[str, int] | None = None

    async def run(self, ctx: RoleContext) -> None:
        """See `Service`."""
        url = ctx.settings.heartbeat_url
        if url is None:
            await asyncio.Event().wait()
            return
        progress = None if self._given is not None else Progress(ctx.settings)
        ask = self._given or (progress.ask if progress is not None else dict)
        ownership = ctx.ownership(TICKS_ACT)
        policy = policy_of_settings(ctx.settings.heartbeat_networks)
        self._web.alive = ctx.alive
        self._last = None
        try:
            while True:
                if FIRST in ownership.partitions:
                    await self._beat(ctx, ask, url.reveal(), policy)
                else:
                    # Whoever had it before has looked meanwhile, and we have not.
                    self._last = None
                await asyncio.sleep(ctx.settings.heartbeat_every.total_seconds())
        finally:
            await self._web.close()
            if progress is not None:
                progress.close()

    async def _beat(
        self, ctx: RoleContext, ask: Callable[[], Mapping[str, int]], url: str, policy: Policy
    ) -> None:
        """Look, and ask the URL where all have moved since the last look."""
        try:
            now = await asyncio.to_thread(ask)
        except (KafkaException, KeyError) as error:
            self._left_out(ctx, f"the broker does not say: {type(error).__name__}")
            return
        before, self._last = self._last, now
        if before is None:
            return
        standing = still(before, now)
        if standing:
            self._left_out(ctx, f"{' and '.join(standing)} did not move")
            return
        try:
            answer = await self._web.request("GET", url, policy=policy, limit=LIMIT_S)
            answer.check(now=ctx.now())
        except ChannelError as error:
            # It names the target's host, and never its path, which is the secret.
            log.warning("heartbeat: %s", error)
            BEATS.labels("failed").inc()
            ctx.report(self.name, f"heartbeat: {error}")
            return
        BEATS.labels("sent").inc()
        LAST.set(ctx.now().timestamp())
        ctx.report(self.name, None)

    def _left_out(self, ctx: RoleContext, why: str) -> None:
        log.error("no heartbeat: %s", why)
        BEATS.labels("still").inc()
        ctx.report(self.name, f"no heartbeat: {why}")
