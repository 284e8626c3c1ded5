"""One of several brokers: `python -m infra.drills.node --config FILE` becomes it."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path

from infra.embedded.broker import become_broker
from infra.embedded.jars import ensure_jars
from infra.embedded.java import find_java
from infra.embedded.process import die_with_parent, parent_of


def main(argv: Sequence[str] | None = None) -> None:
    """Become the broker that the configuration describes."""
    parser = argparse.ArgumentParser(prog="python -m infra.drills.node")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--die-with", type=parent_of, metavar="PID|parent")
    given = parser.parse_args(argv)
    if given.die_with is not None:
        die_with_parent(signal.SIGTERM, given.die_with)
    java = find_java()
    jars = ensure_jars(given.cache)
    become_broker(java, jars, given.config, given.scratch)


if __name__ == "__main__":
    main()
