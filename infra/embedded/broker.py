"""How the broker is run: its configuration, its folder, its virtual machine."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from infra.embedded.java import Java
from infra.embedded.process import FEW_ARENAS, LOOPBACK, disk_error
from infra.errors import MachineError, WatchfloorError

__all__ = ["Storage", "aot_cache", "become_broker", "command", "has_content"]

AOT_SINCE: Final = 25
"""JEP 514: from here on one run of the broker writes a cache of its loaded classes and profiles.

Measured: 1.2 s instead of 2.7 s to the first metadata answer, at half the processor time.
"""

JVM: Final = (
    "-Xms64m",
    "-Xmx384m",
    # One collector thread: G1's helpers would compete with the roles for two cores, and idle it
    # takes 3 to 14 MB more (measured).
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Xss512k",
    "-XX:ReservedCodeCacheSize=96m",
    "-Djava.awt.headless=true",
    # The virtual machine's own warnings, about its cache above all; errors still show.
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)
JVM_24: Final = ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")
"""Kafka 4.1 unmaps its index files through Unsafe, and zstd is native: no warnings about it."""

PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=CLIENT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=CLIENT://{host}:{port}
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
log.dirs={data}

# Every topic is created by our own admin, with its settings.
auto.create.topics.enable=false
num.partitions=4
default.replication.factor=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
offsets.topic.segment.bytes=16777216
transaction.state.log.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# The first member of a group need not wait for others; 6 s is our session timeout.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=3000
# A broker that was killed is refused until its old session is over: 9 s by default.
broker.heartbeat.interval.ms=750
broker.session.timeout.ms=3000

# Retention of ten minutes is to mean ten minutes.
log.retention.check.interval.ms=15000
log.segment.delete.delay.ms=5000
log.cleaner.backoff.ms=5000

# Sizes for one machine. The cleaner's buffer (128 MB by default) is allocated at start; an index
# file (10 MB by default) for every partition's segment.
log.cleaner.dedupe.buffer.size=16777216
log.index.size.max.bytes=2097152
offsets.load.buffer.size=1048576
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=2
group.coordinator.threads=1
"""


class Storage:
    """The broker's folder: `data`, its configuration, scratch space."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.cache = cache
        self.data = folder / "data"
        self.config = folder / "server.properties"
        self.scratch = folder / "tmp"

    def configure(self, port: int, controller: int) -> None:
        """Write the configuration, and empty what an earlier broker left in its scratch space."""
        try:
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir(mode=0o700, parents=True)
            text = PROPERTIES.format(
                host=LOOPBACK, port=port, controller=controller, data=_escape(str(self.data))
            )
            fresh = self.config.with_suffix(".new")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.config)
        except OSError as error:
            raise disk_error(self.folder, error) from None

    def format(self, jars: Sequence[Path], java: Java) -> None:
        """Give a new data folder its cluster id; one that has it stays as it is."""
        if (self.data / "meta.properties").exists():
            return
        fresh = self.folder / "data.new"
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(mode=0o700, parents=True)
            template = jars[0].parent / "bootstrap.checkpoint"
            if template.exists():
                shutil.copyfile(template, fresh / template.name)
                (fresh / "meta.properties").write_text(
                    f"version=1\nnode.id=1\ncluster.id={_kafka_uuid()}\n"
                    f"directory.id={_kafka_uuid()}\n",
                    encoding="ascii",
                )
            else:
                self._run_storage_tool(fresh, jars, java)
            shutil.rmtree(self.data, ignore_errors=True)
            fresh.rename(self.data)
        except OSError as error:
            raise disk_error(self.folder, error) from None

    def _run_storage_tool(self, fresh: Path, jars: Sequence[Path], java: Java) -> None:
        config = self.folder / "format.properties"
        config.write_text(
            PROPERTIES.format(host=LOOPBACK, port=1, controller=2, data=_escape(str(fresh))),
            encoding="utf-8",
        )
        arguments = ["format", "-t", _kafka_uuid(), "-c", str(config)]
        line = command(java, jars, "kafka.tools.StorageTool", arguments, self.scratch)
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)
        config.unlink()
        if done.returncode:
            raise WatchfloorError(f"kafka: {fresh}: cannot be formatted:\n{done.stderr[-2000:]}")


def _escape(text: str) -> str:
    """A value in Java's properties format."""
    return text.replace("\\", "\\\\")


def _kafka_uuid() -> str:
    """16 random bytes as Kafka writes them; it takes one that starts with '-' for an option."""
    while (text := base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()[:22])[0] == "-":
        continue
    return text


def aot_cache(jars: Sequence[Path], java: Java) -> Path | None:
    """Where the cache of this Java for these jars is; None where it has none."""
    if java.major < AOT_SINCE:
        return None
    return jars[0].parent / f"java-{java.source}-{java.version}.aot"


def command(
    java: Java,
    jars: Sequence[Path],
    main: str,
    arguments: Sequence[str],
    scratch: Path,
    *extra: str,
) -> list[str]:
    """The command line of one of Kafka's programs."""
    return [
        str(java.path),
        *JVM,
        *(JVM_24 if java.major >= 24 else ()),
        # Native libraries are unpacked here, where a killed broker's leftovers are removed.
        f"-Djava.io.tmpdir={scratch}",
        *extra,
        "-cp",
        os.pathsep.join(str(jar) for jar in jars),
        main,
        *arguments,
    ]


def become_broker(java: Java, jars: Sequence[Path], config: Path, scratch: Path) -> NoReturn:
    """Be the broker that the configuration describes, from its cache where there is one.

    Raises MachineError where Java does not start.
    """
    aot = aot_cache(jars, java)
    extra = [f"-XX:AOTCache={aot}"] if aot is not None and has_content(aot) else []
    line = command(java, jars, "kafka.Kafka", [str(config)], scratch, *extra)
    try:
        os.execve(line[0], line, {**FEW_ARENAS, **os.environ})  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise MachineError(f"java: {line[0]}: {error.strerror}") from None


def has_content(path: Path) -> bool:
    """Whether it was written to its end: it is made empty at first."""
    return path.exists() and path.stat().st_size > 0
