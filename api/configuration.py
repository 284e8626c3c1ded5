"""The sites' documents, followed from the topic that every role follows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from agents.runtime.configuration import ROUTING_KEY, Configuration
from agents.runtime.follower import Follower
from agents.runtime.record import Record
from schemas.base import SchemaError
from topics.catalogue import CONFIG

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["follow"]

log = logging.getLogger("watchfloor.api.configuration")


async def follow(
    settings: Settings, configuration: Configuration, changed: Callable[[], None]
) -> None:
    """Keep `configuration` as the topic has it; `changed` is called once read, and at each change.

    Returns only when cancelled. Raises what the broker refuses at the start.
    """
    async with Follower(settings, [CONFIG], client_id="watchfloor-api-config") as follower:
        ends = await follower.end_offsets()
        while not ends:
            # An end that could not be read is not an empty topic.
            ends = await follower.end_offsets()
        async for chunk in follower.chunks(timeout=0.5):
            for record in chunk:
                _apply(configuration, record)
            reached = follower.positions()
            loaded = configuration.loaded.is_set()
            if not loaded and all(reached.get(part, 0) >= end for part, end in ends.items()):
                configuration.loaded.set()
            if configuration.loaded.is_set() and (chunk or not loaded):
                changed()


def _apply(configuration: Configuration, record: Record) -> None:
    key = (record.key or b"").decode("utf-8", "replace")
    try:
        document = None if record.value is None else record.message()
    except SchemaError as error:
        # The document before it stays in force, as in every role.
        log.error("%s: %s", CONFIG, error)
        return
    configuration.apply(key or ROUTING_KEY, document)
