"""A role whose clock is off: `python -m infra.drills.shifted ROLE`, run as the role's process.

DRILL_CLOCK names a file with the seconds to add to the wall clock; it is read anew each time, so
that the clock jumps while the role runs. The role is the real one: what it takes for its wall
clock is put in its place before anything else is imported.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from agents.runtime import clock

__all__ = ["VARIABLE"]

VARIABLE: Final = "DRILL_CLOCK"


def _install(file: Path) -> None:
    true = clock.wall

    def wall() -> datetime:
        return true() + timedelta(seconds=float(file.read_text(encoding="ascii") or "0"))

    clock.wall = wall


if __name__ == "__main__":
    _install(Path(os.environ[VARIABLE]))
    from agents.runtime.__main__ import run

    run()
