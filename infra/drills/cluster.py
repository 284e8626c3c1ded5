"""Three brokers on one machine, each a controller as well, with replicas on all of them."""

from __future__ import annotations

import base64
import contextlib
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from confluent_kafka import ElectionType, KafkaException
from confluent_kafka.admin import AdminClient

from infra.embedded.broker import PROPERTIES
from infra.embedded.jars import ensure_jars
from infra.embedded.kafka import make_ready
from infra.embedded.process import LOOPBACK, Child, child, free_port, listens, wait_for

__all__ = ["Cluster"]

NODES: Final = (1, 2, 3)
START_S: Final = 180.0
IN_SYNC_S: Final = 180.0
ELECT_S: Final = 60.0

OVERRIDES: Final = """\

# A cluster of three: what stands here comes later, and counts.
node.id={node}
controller.quorum.voters={voters}
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
"""


class Cluster:
    """Brokers 1 to 3, each of which can be stopped, killed and started."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder = folder
        self._cache = cache
        self._ports: dict[int, int] = {}
        self._controllers: dict[int, int] = {}
        taken: list[int] = []
        for node in NODES:
            for ports in (self._ports, self._controllers):
                ports[node] = free_port(taken=taken)
                taken.append(ports[node])
        self._open: dict[int, contextlib.ExitStack] = {}
        self.children: dict[int, Child] = {}

    @property
    def url(self) -> str:
        """The three brokers' addresses."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self._ports.values())

    def start(self) -> None:
        """Start all three, and return when they know each other."""
        make_ready(self._cache)
        self._format()
        for node in NODES:
            self._launch(node)
        # None of them serves before there is a quorum.
        self._wait(lambda: self._listen() and self._known() == len(NODES), START_S)

    def stop(self) -> None:
        """Stop all of them."""
        for node in NODES:
            self.stop_node(node)

    def start_node(self, node: int) -> None:
        """Start one again, and return when every replica is in sync."""
        self._launch(node)
        self._wait(
            lambda: self._listen() and self._known() == len(NODES) and self._in_sync(), IN_SYNC_S
        )

    def stop_node(self, node: int) -> None:
        """Ask one to end: it hands its leaderships over first."""
        opened = self._open.pop(node, None)
        if opened is not None:
            opened.close()

    def kill_node(self, node: int) -> None:
        """End one as a crash would."""
        self.children[node].kill()
        self.stop_node(node)

    def leaders(self) -> dict[tuple[str, int], int]:
        """Topic and partition to the node that leads it."""
        topics = self._client().list_topics(timeout=15).topics
        return {
            (name, number): part.leader
            for name, topic in topics.items()
            for number, part in topic.partitions.items()
        }

    def elect_preferred(self) -> None:
        """Move every leadership back to the replica that the partition names first."""
        # Without time limits of its own: confluent-kafka 2.16 raises SystemError for either.
        with contextlib.suppress(KafkaException):
            self._client().elect_leaders(ElectionType.PREFERRED, None).result(ELECT_S)

    def _client(self) -> AdminClient:
        return AdminClient(
            {"bootstrap.servers": self.url, "log_level": 0, "enable.metrics.push": False}
        )

    def _known(self) -> int:
        try:
            return len(self._client().list_topics(timeout=5).brokers)
        except KafkaException:
            return 0

    def _in_sync(self) -> bool:
        try:
            topics = self._client().list_topics(timeout=5).topics
        except KafkaException:
            return False
        return all(
            len(part.isrs) == len(part.replicas)
            for topic in topics.values()
            for part in topic.partitions.values()
        )

    def _wait(self, condition: Callable[[], bool], timeout: float) -> None:
        def alive() -> None:
            for node in self._open:
                self.children[node].check()

        wait_for("the cluster", condition, timeout=timeout, alive=alive, interval=0.2)

    def _format(self) -> None:
        template = ensure_jars(self._cache)[0].parent / "bootstrap.checkpoint"
        cluster = _uuid()
        voters = ",".join(f"{n}@{LOOPBACK}:{self._controllers[n]}" for n in NODES)
        for node in NODES:
            place = self._place(node)
            data = place / "data"
            data.mkdir(mode=0o700, parents=True)
            (place / "tmp").mkdir(mode=0o700)
            shutil.copyfile(template, data / template.name)
            (data / "meta.properties").write_text(
                f"version=1\nnode.id={node}\ncluster.id={cluster}\ndirectory.id={_uuid()}\n",
                encoding="ascii",
            )
            text = PROPERTIES.format(
                host=LOOPBACK,
                port=self._ports[node],
                controller=self._controllers[node],
                data=data,
            )
            (place / "server.properties").write_text(
                text + OVERRIDES.format(node=node, voters=voters), encoding="utf-8"
            )

    def _place(self, node: int) -> Path:
        return self._folder / f"broker-{node}"

    def _launch(self, node: int) -> None:
        place = self._place(node)
        self._open[node] = opened = contextlib.ExitStack()
        server = opened.enter_context(
            child(
                f"broker-{node}",
                "infra.drills.node",
                [
                    f"--config={place / 'server.properties'}",
                    f"--scratch={place / 'tmp'}",
                    f"--cache={self._cache}",
                ],
                log=self._folder / f"broker-{node}.log",
            )
        )
        self.children[node] = server

    def _listen(self) -> bool:
        """Whether those that run are themselves who answers: a port may be somebody else's."""
        return all(listens(self.children[node].pid, self._ports[node]) for node in self._open)


def _uuid() -> str:
    """As Kafka writes ids: 16 bytes, and no '-' first, which it takes for an option."""
    while (text := base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()[:22])[0] == "-":
        continue
    return text
