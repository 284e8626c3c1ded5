"""`python -m infra.fuzz.guided NAME CORPUS …`: one target under Atheris, in its environment.

What follows the name is libFuzzer's. It ends at the first finding, whose input libFuzzer keeps.
"""

from __future__ import annotations

import sys
from typing import Any, Final

__all__ = ["OURS", "run"]

OURS: Final = ["agents", "api", "infra.onboard", "schemas", "topics"]
"""What is instrumented: the coverage of our own code leads the way."""


def run(argv: list[str]) -> None:
    """Fuzz until libFuzzer ends the process."""
    import atheris

    name = argv[1]
    with atheris.instrument_imports(include=OURS):
        from infra.fuzz.targets import TARGETS, probe
    target = TARGETS[name]
    # What is made once, at the first use, is no input's fault.
    for seed in target.seeds():
        probe(target, seed, seconds=60.0)

    def one(data: bytes) -> Any:
        probe(target, data)

    atheris.Setup([argv[0], *argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    run(sys.argv)
