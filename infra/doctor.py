"""What may be wrong with a machine: each check says what it found and what to do about it."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from infra.embedded.process import LOOPBACK, free_port, holder_of, listening, prepare_folder
from infra.errors import WatchfloorError
from infra.setting_values import ROOT, show_bytes
from infra.settings import Settings, unknown_variables

__all__ = ["Finding", "Level", "examine"]

GIB: Final = 1024**3
DISK_WANTED: Final = 5 * GIB
MEMORY_WANTED: Final = 2 * GIB
MEMORY_NEEDED: Final = 1 * GIB
"""Measured: an idle `up` takes 0.6 GiB, the broker's heap may grow by 0.3."""
FILES_WANTED: Final = 4_096
CLOCK_TOLERANCE_S: Final = 2.0


class Level(StrEnum):
    """How much it matters."""

    OK = "ok"
    """Nothing to do."""
    NOTE = "note"
    """It works, less well than it could."""
    BLOCKS = "blocks"
    """`up` will not work."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found. advice: what to do, empty where there is nothing to do."""

    check: str
    level: Level
    found: str
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        """For `--json`."""
        return asdict(self)


def ok(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check=check, level=Level.OK, found=found)


def note(check: str, found: str, advice: str) -> Finding:
    """Works, less well than it could."""
    return Finding(check=check, level=Level.NOTE, found=found, advice=advice)


def blocks(check: str, found: str, advice: str) -> Finding:
    """Has to be put right first."""
    return Finding(check=check, level=Level.BLOCKS, found=found, advice=advice)


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check in turn. None of them changes anything; one that fails is itself a finding."""
    checks: tuple[tuple[str, Callable[[Settings], Finding]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("settings", _settings),
        ("state", lambda s: _folder("state", s.state_dir)),
        ("cache", lambda s: _folder("cache", s.cache_dir)),
        ("secrets", _secrets),
        ("memory", _memory),
        ("processors", _processors),
        ("open files", _open_files),
        ("loopback", _loopback),
        ("java", _java),
        ("kafka", _kafka),
        ("postgres", _postgres),
        ("api port", _api_port),
        ("clock", _clock),
        ("time zones", _time_zones),
        ("detector", _providers),
    )
    for name, check in checks:
        try:
            yield check(settings)
        except WatchfloorError as error:
            yield blocks(name, error.message, error.hint or "")
        except OSError as error:
            yield blocks(name, f"{error.filename or ''} {error.strerror}".strip(), "See above.")


def _python(_: Settings) -> Finding:
    # An older one would not have come so far: the launcher looks for 3.11 or newer.
    return ok("python", f"{platform.python_version()} at {sys.executable}")


def _packages(_: Settings) -> Finding:
    from infra.packages import LOCKS, installed_problems

    problems = installed_problems(LOCKS / "runtime.txt")
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        return blocks(
            "packages",
            "; ".join(problems[:3]) + more,
            "Start by ./watchfloor, which installs what the lock says; or remove .venv first.",
        )
    return ok("packages", "as infra/locks/runtime.txt says")


def _settings(settings: Settings) -> Finding:
    unknown = unknown_variables(os.environ)
    if unknown:
        return note(
            "settings",
            f"no setting has the name {', '.join(unknown)}",
            "'watchfloor config show' lists those that there are.",
        )
    return ok("settings", f"{sum(1 for o in settings.origins.values() if o != 'embedded')} are set")


def _existing(path: Path) -> Path:
    """The nearest folder that is there."""
    while not path.is_dir():
        path = path.parent
    return path


def _folder(name: str, path: Path) -> Finding:
    place = _existing(path)
    if place == path:
        prepare_folder(path)
    elif not os.access(place, os.W_OK | os.X_OK):
        return blocks(
            name,
            f"{path} cannot be made: {place} is not writable",
            "Choose another place: --state DIR, or WATCHFLOOR_CACHE.",
        )
    free = shutil.disk_usage(place).free
    found = f"{path}, {show_bytes(free)} free"
    if free < DISK_WANTED:
        return note(name, found, f"Frames and snapshots want {show_bytes(DISK_WANTED)}.")
    return ok(name, found)


def _secrets(settings: Settings) -> Finding:
    folder = settings.state_dir / "secrets"
    if not folder.is_dir():
        return ok("secrets", "none are kept")
    open_ones = [
        path.name
        for path in sorted(folder.iterdir())
        if path.is_file() and path.stat().st_mode & 0o177
    ]
    if open_ones:
        return blocks(
            "secrets",
            f"others can read {', '.join(open_ones[:5])}",
            f"Close them: chmod 600 '{folder}'/*",
        )
    return ok("secrets", f"{sum(1 for _ in folder.iterdir())} in files that only you can read")


def _memory(_: Settings) -> Finding:
    import psutil

    available = psutil.virtual_memory().available
    limit = _memory_limit()
    if limit is not None:
        available = min(available, limit)
    found = f"{show_bytes(available)} available"
    if available < MEMORY_NEEDED:
        return blocks("memory", found, f"Free some: it needs {show_bytes(MEMORY_NEEDED)}.")
    if available < MEMORY_WANTED:
        return note("memory", found, f"{show_bytes(MEMORY_WANTED)} leave room for load.")
    return ok("memory", found)


def _memory_limit() -> int | None:
    """What a container may use still, in bytes; None without a limit (cgroup v2)."""
    folder = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):
        limit = int((folder / "memory.max").read_text(encoding="ascii"))
        return limit - int((folder / "memory.current").read_text(encoding="ascii"))
    return None


def _processors(_: Settings) -> Finding:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if (count or 1) < 2:
        return note("processors", f"{count}", "Two let detection run beside the rest.")
    return ok("processors", f"{count}")


def _open_files(_: Settings) -> Finding:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < FILES_WANTED:
        return note("open files", f"{hard} at most", f"Raise it: ulimit -Hn {FILES_WANTED}")
    return ok("open files", "no limit" if hard == resource.RLIM_INFINITY else f"{hard} at most")


def _loopback(_: Settings) -> Finding:
    with socket.create_server((LOOPBACK, 0)) as server:
        if not listening(server.getsockname()[1]):
            return blocks("loopback", f"no connection to {LOOPBACK}", "Bring up lo.")
    return ok("loopback", f"{LOOPBACK} answers")


def _java(settings: Settings) -> Finding:
    if not settings.kafka_embedded:
        return ok("java", "not needed: the broker is yours")
    from infra.embedded.java import find_java

    java = find_java()
    return ok("java", f"{java.version} ({java.source})")


def _kafka(settings: Settings) -> Finding:
    if settings.kafka_url is not None and not settings.kafka_embedded:
        return _external_kafka(settings)
    from infra.embedded.jars import digest, read_lock
    from infra.embedded.kafka import answers

    if settings.kafka_url is not None and answers(settings.kafka_url, timeout=3):
        return ok("kafka", f"runs at {settings.kafka_url}")
    jars = read_lock()
    size = show_bytes(sum(jar.size for jar in jars))
    if (settings.cache_dir / "kafka" / digest(jars) / ".complete").exists():
        return ok("kafka", "downloaded, does not run")
    return note(
        "kafka", f"not downloaded yet ({size})", "The first 'watchfloor up' does it, from the net."
    )


def _external_kafka(settings: Settings) -> Finding:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({**settings.kafka_client_config(), "log_level": 0})
    try:
        brokers = client.list_topics(timeout=5).brokers
    except KafkaException as error:
        return blocks(
            "kafka",
            f"{settings.kafka_url} does not answer: {error.args[0].str()}",
            "Check WATCHFLOOR_KAFKA_URL, and the WATCHFLOOR_KAFKA_* for TLS and SASL.",
        )
    return ok("kafka", f"{len(brokers)} brokers of yours at {settings.kafka_url}")


def _postgres(settings: Settings) -> Finding:
    from infra.embedded.postgres import answers, find_binaries
    from infra.embedded.privileges import account_for_server
    from infra.secrets import mask_url

    if settings.postgres_url is not None and not settings.postgres_embedded:
        shown = mask_url(settings.postgres_url)
        if answers(settings.postgres_url):
            return ok("postgres", f"yours at {shown}")
        return blocks("postgres", f"{shown} does not answer", "Check WATCHFLOOR_POSTGRES_URL.")
    binaries = find_binaries()
    account = account_for_server()
    found = f"{binaries.major} ({binaries.source})" + (f", as {account.name}" if account else "")
    if settings.postgres_url is not None and answers(settings.postgres_url, timeout=2):
        return ok("postgres", f"{found}, runs")
    return ok("postgres", f"{found}, does not run")


def _api_port(settings: Settings) -> Finding:
    from infra.stack import Stack

    port = settings.api_port
    if free_port(port) == port:
        return ok("api port", f"{port} is free")
    if settings.origin("api_port") == "embedded" and Stack(settings).running:
        return ok("api port", f"{port} is ours")
    found = f"{port} is in use by {holder_of(port) or 'another process'}"
    if settings.origin("api_port") in ("default", "embedded"):
        return note("api port", found, "The next free one is taken instead.")
    return blocks("api port", found, "Stop that, or set another one: WATCHFLOOR_API_PORT.")


def _clock(settings: Settings) -> Finding:
    now = datetime.now(UTC)
    newest = max(path.stat().st_mtime for path in (ROOT / "infra").glob("*.py"))
    if now.timestamp() < newest - 86_400:
        return blocks(
            "clock",
            f"{now:%Y-%m-%d %H:%M} UTC is before this code was written",
            "Set it: systems compare event times with it. (timedatectl set-ntp true)",
        )
    begun, wall = time.monotonic(), time.time()
    time.sleep(0.05)
    drift = abs((time.time() - wall) - (time.monotonic() - begun))
    if drift > 0.02:
        return note("clock", "it is being moved right now", "Wait until it is synchronised.")
    offset = _server_offset(settings)
    if offset is not None and abs(offset) > CLOCK_TOLERANCE_S:
        return note(
            "clock",
            f"the database's is {offset:+.1f} s from ours",
            "Synchronise both (NTP): events more than 5 min ahead are rejected.",
        )
    beside = "" if offset is None else f", the database's {offset:+.1f} s from it"
    return ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC{beside}")


def _server_offset(settings: Settings) -> float | None:
    """The database's clock minus ours, seconds; None where it does not answer."""
    if settings.postgres_url is None:
        return None
    import psycopg

    try:
        with psycopg.connect(settings.postgres_url, connect_timeout=2) as connection:
            before = time.time()
            row = connection.execute("SELECT extract(epoch FROM clock_timestamp())").fetchone()
            after = time.time()
    except psycopg.Error:
        return None
    return None if row is None else float(row[0]) - (before + after) / 2


def _time_zones(_: Settings) -> Finding:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return blocks("time zones", "no data", "Sites have time zones: install tzdata.")
    return ok("time zones", "there")


def _providers(_: Settings) -> Finding:
    import onnxruntime

    names = [name.removesuffix("ExecutionProvider") for name in _available(onnxruntime)]
    shown = ", ".join(names)
    gpu = any(Path("/dev").glob("nvidia[0-9]*"))
    if gpu and not {"CUDA", "Tensorrt"} & set(names):
        return note(
            "detector",
            f"{shown}; there is an NVIDIA GPU that it does not use",
            "Put onnxruntime-gpu in the place of onnxruntime (pip install '.[gpu]').",
        )
    return ok("detector", f"{shown} (ONNX Runtime {onnxruntime.__version__})")


def _available(onnxruntime: Any) -> list[str]:
    return [str(name) for name in onnxruntime.get_available_providers()]
