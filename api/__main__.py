"""`python -m api`: the API's process, for those that start it as their child."""

from __future__ import annotations

import argparse
import signal

from api.main import serve
from infra.embedded.process import die_with_parent
from infra.logs import log_to_stderr
from infra.settings import load


def run() -> None:
    """Become the API."""
    parser = argparse.ArgumentParser(prog="python -m api")
    parser.add_argument("--die-with", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.die_with:
        die_with_parent(signal.SIGTERM, arguments.die_with)
    settings = load()
    log_to_stderr(settings, "api")
    serve(settings)


if __name__ == "__main__":
    run()
