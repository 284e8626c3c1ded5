"""`python -m api`: the API's process, for those that start it as their child."""

from __future__ import annotations

import argparse
import logging
import signal

from api.main import serve
from infra.embedded.process import die_with_parent
from infra.settings import load


def run() -> None:
    """Become the API."""
    parser = argparse.ArgumentParser(prog="python -m api")
    parser.add_argument("--die-with", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.die_with:
        die_with_parent(signal.SIGTERM, arguments.die_with)
    settings = load()
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    serve(settings)


if __name__ == "__main__":
    run()
