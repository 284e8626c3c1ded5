"""Dead letters: the original record, untouched, with the reason in headers."""

from __future__ import annotations

import traceback
from dataclasses import replace
from functools import cache
from typing import Final

from agents.runtime.record import Record
from topics.declare import Topic
from topics.record import CODE_VERSION, OutRecord

__all__ = ["PREFIX", "dead_letter", "dlq_of"]

PREFIX: Final = "__watchfloor.errors."
MAX_MESSAGE: Final = 2000


def dead_letter(record: Record, *, stage: str, error: BaseException, attempt: int = 1) -> OutRecord:
    """The record for the source's dead-letter topic; its partition is kept."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    reasons = {
        "topic": record.topic.name,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "stage": stage,
        "class": type(error).__name__,
        "message": str(error)[:MAX_MESSAGE],
        "place": place,
        "attempt": str(attempt),
        "code": CODE_VERSION,
    }
    headers = [(k, v) for k, v in record.headers.items() if not k.startswith(PREFIX)]
    headers += [(PREFIX + k, v.encode("utf-8", "replace")) for k, v in reasons.items()]
    return OutRecord(
        topic=dlq_of(record.topic),
        key=record.key,
        value=record.value,
        headers=tuple(headers),
        partition=None,
    )


@cache
def dlq_of(source: Topic) -> Topic:
    """The declaration of a topic's dead-letter topic: like its source, under its own name."""
    return replace(source, name=source.dlq, group=None)
