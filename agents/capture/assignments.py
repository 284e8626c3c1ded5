"""Which cameras are this replica's: `device.assignments.v1`, followed from the start."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agents.runtime.follower import Follower
from agents.runtime.record import Record
from schemas.base import SchemaError
from schemas.device import Assignment
from topics.catalogue import ASSIGNMENTS

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Book", "assignments_of", "captured"]

log = logging.getLogger("watchfloor.capture")

CAMERA: Final = "camera"
"""The kind of device that delivers frames."""


def captured(assignment: Assignment) -> bool:
    """Whether it is of a camera whose frames are to be had."""
    return assignment.kind == CAMERA and bool(assignment.source or assignment.substream)


@dataclass
class Book:
    """The newest assignment of each camera of some partitions, by key.

    wanted: which assignments count; watch has its own.
    """

    cameras: dict[str, Assignment] = field(default_factory=dict)
    wanted: Callable[[Assignment], bool] = captured

    def take(self, record: Record) -> None:
        """A record of the topic. One that does not decode changes nothing, and is logged."""
        key = (record.key or b"").decode("utf-8", "replace")
        if record.value is None:
            self.cameras.pop(key, None)
            return
        try:
            assignment = record.message()
        except SchemaError as error:
            log.error("assignment %s at offset %d: %s", key[:130], record.offset, error)
            return
        if not isinstance(assignment, Assignment):
            return
        if f"{assignment.site_id}/{assignment.device_id}" != key:
            log.error("assignment at offset %d has another key: %s", record.offset, key[:130])
            return
        if self.wanted(assignment):
            self.cameras[key] = assignment
        else:
            self.cameras.pop(key, None)


async def assignments_of(
    settings: Settings,
    partitions: Iterable[int],
    *,
    wanted: Callable[[Assignment], bool] = captured,
    role: str = "capture",
) -> AsyncIterator[dict[str, Assignment]]:
    """All wanted assignments of those partitions: first once everything was read, then each change.

    A compacted topic still holds older revisions: acting on them would start every camera twice.
    """
    book = Book(wanted=wanted)
    client = f"watchfloor-{role}-assignments"
    async with Follower(
        settings, [ASSIGNMENTS], partitions=partitions, client_id=client
    ) as follower:
        ends = {part: end for part, end in (await follower.end_offsets()).items() if end > 0}
        caught_up = not ends
        if caught_up:
            yield {}
        async for chunk in follower.chunks():
            for record in chunk:
                book.take(record)
            if not caught_up:
                at = follower.positions()
                # The last offsets may have been compacted away; then nothing more comes.
                caught_up = not chunk or all(at.get(part, 0) >= end for part, end in ends.items())
                if caught_up:
                    yield dict(book.cameras)
            elif chunk:
                yield dict(book.cameras)
