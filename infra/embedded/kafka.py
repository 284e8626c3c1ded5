"""One Apache Kafka node (KRaft, broker and controller in one) on loopback.

`python -m infra.embedded.kafka --dir D --port P --controller-port C` becomes the broker: it makes
the storage ready and then is replaced by Java, so that who started it holds the broker itself.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from infra.embedded.broker import Storage, aot_cache, become_broker, command
from infra.embedded.jars import Progress, ensure_jars, only_one
from infra.embedded.java import Java, find_java
from infra.embedded.process import (
    LOOPBACK,
    Child,
    child,
    die_with_parent,
    free_port,
    listening,
    listens,
    parent_of,
    prepare_folder,
    require_port,
    wait_for,
)
from infra.errors import WatchfloorError
from infra.setting_values import default_cache

__all__ = ["answers", "embedded_kafka", "make_ready", "wait_ready"]

START_TIMEOUT_S: Final = 120.0
TRAIN_TIMEOUT_S: Final = 240.0
"""Writing the cache takes Java 7 s alone on two cores, and 50 s beside a load of 13 (measured)."""


def make_ready(
    cache: Path | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
    repository: str | None = None,
) -> None:
    """Everything that is done once on a machine: jars, and what makes later starts fast.

    note: told what happens where it takes longer than a second.
    """
    cache = cache or default_cache()
    java = find_java()
    jars = ensure_jars(cache, progress, repository=repository)
    template = jars[0].parent / "bootstrap.checkpoint"
    aot = aot_cache(jars, java)
    if template.exists() and (aot is None or aot.exists()):
        return
    if note is not None:
        note("Preparing Kafka's fast start (once)")
    with (
        only_one(jars[0].parent / ".lock"),
        tempfile.TemporaryDirectory(prefix="watchfloor-kafka-") as scratch,
    ):
        storage = Storage(Path(scratch), cache)
        storage.configure(free_port(), free_port())
        storage.format(jars, java)
        source = storage.data / template.name
        if not template.exists() and source.exists():
            _place(source, template)
        if aot is not None and not aot.exists():
            _train(storage, jars, java, aot)


def _place(source: Path, target: Path) -> None:
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, fresh)
    fresh.replace(target)


def _train(storage: Storage, jars: Sequence[Path], java: Java, aot: Path) -> None:
    """Run the broker once and have Java write what it loaded. Without it starts are only slower."""
    fresh = storage.folder / "broker.aot"
    port, controller = free_port(), free_port()
    storage.configure(port, controller)
    line = command(
        java,
        jars,
        "kafka.Kafka",
        [str(storage.config)],
        storage.scratch,
        f"-XX:AOTCacheOutput={fresh}",
    )
    process = subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        with contextlib.suppress(WatchfloorError):
            wait_for(
                "kafka",
                lambda: process.poll() is not None or answers(f"{LOOPBACK}:{port}"),
                timeout=START_TIMEOUT_S,
            )
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TRAIN_TIMEOUT_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if fresh.exists():
        _place(fresh, aot)
    else:
        # It would fail the next time as well, and that would make every start slow.
        aot.touch()


def answers(bootstrap: str, *, timeout: float = 5.0) -> bool:
    """Whether a broker of ours answers a metadata request with itself in it."""
    port = int(bootstrap.rpartition(":")[2])
    if not listening(port):
        return False
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        return bool(client.list_topics(timeout=timeout).brokers)
    except KafkaException:
        return False


def wait_ready(
    bootstrap: str, *, timeout: float = START_TIMEOUT_S, server: Child | None = None
) -> None:
    """Return once it answers. Raises TimeLimitError, and what `server.check` raises."""
    port = int(bootstrap.rpartition(":")[2])
    wait_for(
        f"kafka at {bootstrap}",
        lambda: (server is None or listens(server.pid, port)) and answers(bootstrap),
        timeout=timeout,
        alive=None if server is None else server.check,
    )


@contextlib.contextmanager
def embedded_kafka(
    folder: Path,
    *,
    cache: Path | None = None,
    port: int | None = None,
    progress: Progress | None = None,
) -> Iterator[str]:
    """A broker as our child, its data in `folder`; gives its `host:port`.

    It ends with the block, and with this process however that ends (see `process.child`). What it
    holds is there again for the next one on the same folder.
    Raises MachineError where this machine cannot run it, WatchfloorError where it does not start.
    """
    with kafka_child(folder, cache=cache, port=port, progress=progress) as (bootstrap, _):
        yield bootstrap


@contextlib.contextmanager
def kafka_child(
    folder: Path,
    *,
    cache: Path | None = None,
    port: int | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[str, Child]]:
    """As `embedded_kafka`, with the process: for tests that kill it."""
    cache = cache or default_cache()
    folder = prepare_folder(folder.absolute())
    make_ready(cache, progress)
    chosen = port or free_port()
    bootstrap = f"{LOOPBACK}:{chosen}"
    arguments = [
        f"--dir={folder}",
        f"--cache={cache}",
        f"--port={chosen}",
        f"--controller-port={free_port(taken=[chosen])}",
    ]
    with child("kafka", "infra.embedded.kafka", arguments, log=folder / "kafka.log") as server:
        wait_ready(bootstrap, server=server)
        yield bootstrap, server


def main(argv: Sequence[str] | None = None) -> None:
    """Become the broker."""
    parser = argparse.ArgumentParser(prog="python -m infra.embedded.kafka")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--controller-port", type=int, required=True)
    parser.add_argument("--die-with", type=parent_of, metavar="PID|parent")
    given = parser.parse_args(argv)
    if given.die_with is not None:
        die_with_parent(signal.SIGTERM, given.die_with)
    prepare_folder(given.dir)
    require_port("kafka", given.port)
    require_port("kafka", given.controller_port)
    java = find_java()
    jars = ensure_jars(given.cache)
    storage = Storage(given.dir, given.cache)
    storage.configure(given.port, given.controller_port)
    storage.format(jars, java)
    become_broker(java, jars, storage.config, storage.scratch)


if __name__ == "__main__":
    try:
        main()
    except WatchfloorError as failure:
        sys.stderr.write(f"watchfloor: {failure.message}\n")
        if failure.hint:
            sys.stderr.write(f"            {failure.hint}\n")
        sys.exit(failure.exit_code)
