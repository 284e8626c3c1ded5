"""Running the fuzzers, one after the other, and keeping what they find.

Atheris is in an environment of its own (`infra/locks/fuzz.txt`), beside the product's packages. A
target's corpus and its findings are under `<state>/fuzz/NAME`: the next run goes on from there.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from infra.bench.stream.rival import rival_python
from infra.fuzz.targets import TARGETS, FuzzTarget
from infra.packages import LOCKS

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Fuzzed", "fuzz", "read_output"]

LOCK: Final = LOCKS / "fuzz.txt"
ROOT: Final = Path(__file__).parents[2]
HARD_STOP_S: Final = 20
"""For what never ends: the second that an input may take is the processor's, which a busy machine
gives out slowly."""
GRACE_S: Final = 120.0
MEMORY_MIB: Final = 2_048
_RUNS: Final = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
_COVERED: Final = re.compile(r"\bcov: (\d+)")
_KEPT: Final = re.compile(r"Test unit written to (\S+)")
_RAISED: Final = re.compile(r"=== Uncaught Python exception: ===\n(.{0,400})")

Say = Callable[[str], None]


class Fuzzed(Struct, frozen=True, kw_only=True):
    """What came of a target. covered: branches of our code that its inputs reach. finding: what is
    wrong, and input: the file that shows it; None: nothing was found."""

    target: str
    seconds: float
    inputs: int
    covered: int
    finding: str | None = None
    input: str | None = None


def fuzz(settings: Settings, target: FuzzTarget, seconds: float, say: Say) -> Fuzzed:
    """Fuzz one target for so long. Raises MachineError where Atheris cannot be had."""
    python = rival_python(settings.cache_dir, say, LOCK, name="Atheris")
    folder = settings.state_dir / "fuzz" / target.name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:40]).write_bytes(seed)
    command = [
        *(str(python), "-m", "infra.fuzz.guided", target.name, str(corpus)),
        f"-artifact_prefix={folder}/",
        f"-max_total_time={max(1, round(seconds))}",
        f"-max_len={target.longest}",
        f"-timeout={HARD_STOP_S}",
        f"-rss_limit_mb={MEMORY_MIB}",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    say(f"{target.name}: {target.what}")
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds + GRACE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        said = (late.stdout or b"").decode("utf-8", "replace")
        return read_output(target.name, seconds, said, 70)
    said = done.stdout.decode("utf-8", "replace")
    (folder / "last.log").write_text(said, encoding="utf-8")
    return read_output(target.name, seconds, said, done.returncode)


def read_output(target: str, seconds: float, said: str, status: int) -> Fuzzed:
    """What libFuzzer said at the end. status: of its process, 0 where nothing was found."""
    runs = _RUNS.search(said)
    covered = _COVERED.findall(said)
    kept = _KEPT.search(said)
    raised = _RAISED.search(said)
    finding = None
    if status:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        errors = [line for line in lines if "ERROR:" in line or "Error:" in line]
        finding = raised[1].strip() if raised else (errors or lines or ["it ended at once"])[-1]
    return Fuzzed(
        target=target,
        seconds=seconds,
        inputs=int(runs[1]) if runs else 0,
        covered=int(covered[-1]) if covered else 0,
        finding=None if finding is None else finding[:400],
        input=kept[1] if kept else None,
    )


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # Atheris' own environment first, then the tree, then what the product works with.
    packages = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    paths = [str(ROOT), *packages, *(one for one in sys.path if one.endswith("site-packages"))]
    return {**kept, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONSAFEPATH": "1"}


def chosen(name: str) -> list[FuzzTarget]:
    """The target of that name, or all of them. Raises KeyError."""
    return list(TARGETS.values()) if name == "all" else [TARGETS[name]]
