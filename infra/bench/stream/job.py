"""The job that every contestant does, and how it is told to. Standard library only.

A thousand devices report in turn, once a second by their own clocks. A report is forwarded unless
its device's last one that was forwarded is less than three seconds old: every third one is. The
stateless form decides the same from the report's own number, so that both forward the same ones.
What is forwarded is decoded, and encoded again: nobody passes bytes on.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final

__all__ = ["EVERY", "KEYS", "LAP_MS", "WINDOW_MS", "Task", "forwarded", "reports"]

KEYS: Final = 1_000
LAP_MS: Final = 1_000
EVERY: Final = 3
WINDOW_MS: Final = EVERY * LAP_MS

FIRST_AT_MS: Final = 1_750_000_000_000


def reports(laps: int, seed: int, keys: int = KEYS) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each record: every device once a lap, in an order drawn once.

    A value is JSON of 108 to 112 bytes: device, lap, at_ms, kind, level, place.
    """
    order = list(range(keys))
    Random(seed).shuffle(order)
    heads = [
        (
            b"device-%05d" % device,
            b'{"device":"device-%05d","kind":"motion","place":"north/yard-%02d","level":0.%03d,'
            % (device, device % 16, device % 1_000),
            device % LAP_MS,
        )
        for device in order
    ]
    for lap in range(laps):
        at = FIRST_AT_MS + lap * LAP_MS
        for key, head, phase in heads:
            yield key, b'%b"lap":%d,"at_ms":%d}' % (head, lap, at + phase)


def forwarded(laps: int, keys: int = KEYS) -> int:
    """How many of so many laps' reports are forwarded."""
    return keys * -(-laps // EVERY)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a contestant's process is told.

    source, target: topics by their whole names. group: its consumer group, new with every run.
    count: records that the source holds. partitions: of source and target. note: where it writes
    when it looked at its first record. folder: its own, for state. each: in our runtime, a handler
    of single messages, as most stages have one, instead of one that takes a chunk.
    """

    bootstrap: str
    source: str
    target: str
    group: str
    stateful: bool
    count: int
    partitions: int
    note: Path
    folder: Path
    each: bool = False

    def to_json(self) -> str:
        """For a command line."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Raises ValueError, KeyError or TypeError for anything else."""
        told = json.loads(text)
        return cls(**{**told, "note": Path(told["note"]), "folder": Path(told["folder"])})

    @classmethod
    def given(cls) -> Task:
        """The task on this process's command line; the process ends with whoever started it."""
        from infra.embedded.process import die_with_parent

        if len(sys.argv) > 3 and sys.argv[2] == "--die-with":
            die_with_parent(signal.SIGTERM, int(sys.argv[3]))
        return cls.from_json(sys.argv[1])

    def starter(self) -> Callable[[], None]:
        """What a contestant calls with every record, or with every lot of them: the first call
        notes the time, by the clock that the broker stamps with. The others do nothing.
        """
        begun = False

        def begin() -> None:
            nonlocal begun
            if not begun:
                begun = True
                self._begin(time.time() * 1000)

        return begin

    def _begin(self, now_ms: float) -> None:
        # Of several workers, the first one counts.
        with suppress(FileExistsError), self.note.open("x", encoding="ascii") as file:
            file.write(repr(now_ms))

    def began_ms(self) -> float:
        """What was noted, in ms since 1970. Raises OSError where it noted nothing."""
        return float(self.note.read_text(encoding="ascii"))
