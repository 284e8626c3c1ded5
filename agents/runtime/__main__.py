"""`python -m agents.runtime ROLE`: a role's process, for those that start it as their child."""

from __future__ import annotations

import argparse
import signal

from agents.runtime.worker import main
from infra.embedded.process import die_with_parent
from infra.logs import log_to_stderr
from infra.settings import load


def run() -> None:
    """Become the role."""
    parser = argparse.ArgumentParser(prog="python -m agents.runtime")
    parser.add_argument("role")
    parser.add_argument("--die-with", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.die_with:
        die_with_parent(signal.SIGTERM, arguments.die_with)
    settings = load()
    log_to_stderr(settings, arguments.role)
    main(arguments.role, settings)


if __name__ == "__main__":
    run()
