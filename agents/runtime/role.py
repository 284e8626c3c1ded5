"""A role's topology, declared: chains, inputs that are worked beside the stream, services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agents.runtime.record import Record
from agents.runtime.service import RoleContext, Service
from agents.runtime.stage import Chain
from topics.declare import Topic

__all__ = ["Input", "Role", "Worker"]


class Worker(Protocol):
    """Takes records whose work is too slow for a stage: inference, for example."""

    async def take(self, record: Record, ack: Callable[[], None]) -> None:
        """Take a record; `ack` once its outputs are confirmed. Waiting here is back-pressure."""

    def assigned(self, partitions: frozenset[int]) -> None:
        """All partitions owned now; called before their records come."""

    def facts(self) -> dict[str, str]:
        """What /healthz says of it."""

    async def close(self) -> None:
        """The role stops."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """A topic whose records go to a worker. writes: what the worker emits."""

    name: str
    reads: Topic
    writes: tuple[Topic, ...]
    worker: Callable[[RoleContext], Worker]


@dataclass(frozen=True, kw_only=True)
class Role:
    """One Faust app. owns: topics that only tell which partitions, hence devices, are ours."""

    name: str
    title: str
    chains: tuple[Chain, ...] = ()
    inputs: tuple[Input, ...] = ()
    owns: tuple[Topic, ...] = ()
    services: tuple[Callable[[], Service], ...] = ()
    follows: tuple[Topic, ...] = ()
    writes: tuple[Topic, ...] = ()
