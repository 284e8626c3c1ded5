"""The servers of drills: never those of `up`, and each can be stopped, killed and started."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from infra.embedded.kafka import kafka_child
from infra.embedded.postgres import postgres_child
from infra.embedded.process import LOOPBACK, Child, free_port

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Broker", "KafkaServer", "Kind", "Pool", "PostgresServer", "Servers"]

Kind = Literal["one", "cluster", "small"]
"""One broker; three; one on a small disk."""

Start = Callable[[Path, int], contextlib.AbstractContextManager[tuple[str, Child]]]


class Server:
    """One server with a folder and a port of its own, which it keeps across starts."""

    def __init__(self, start: Start, folder: Path) -> None:
        self._start = start
        self._folder = folder
        self._port = free_port()
        self._open = contextlib.ExitStack()
        self.child: Child | None = None
        self.url = f"{LOOPBACK}:{self._port}"

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.child is not None and self.child.process.poll() is None

    def start(self) -> None:
        """Start it, and return when it answers. Raises WatchfloorError where it does not."""
        self._open.close()
        self._open = contextlib.ExitStack()
        self.url, self.child = self._open.enter_context(self._start(self._folder, self._port))

    def stop(self) -> None:
        """Ask it to end, as `down` does."""
        self._open.close()

    def kill(self) -> None:
        """End it as a crash would."""
        if self.child is not None:
            self.child.kill()
        self._open.close()


def _kafka(
    cache: Path, folder: Path, port: int
) -> contextlib.AbstractContextManager[tuple[str, Child]]:
    return kafka_child(folder, cache=cache, port=port)


def _postgres(folder: Path, port: int) -> contextlib.AbstractContextManager[tuple[str, Child]]:
    return postgres_child(folder, port=port)


class Broker(Protocol):
    """What a drill's roles talk to: one broker, or several."""

    @property
    def url(self) -> str:
        """host:port[,host:port]."""

    def start(self) -> None:
        """Start it, and return when it answers."""

    def stop(self) -> None:
        """Ask it to end."""


class KafkaServer(Server):
    """One embedded broker."""

    def __init__(self, folder: Path, cache: Path) -> None:
        super().__init__(lambda place, port: _kafka(cache, place, port), folder)


class PostgresServer(Server):
    """One embedded PostgreSQL. url: the superuser's, once it has been started."""

    def __init__(self, folder: Path) -> None:
        super().__init__(_postgres, folder)


class Servers:
    """A broker, or several, and a database. folder: their logs are in it."""

    def __init__(
        self, settings: Settings, folder: Path, broker: Broker, postgres: PostgresServer
    ) -> None:
        self._settings = settings
        self.folder = folder
        self.broker = broker
        self.postgres = postgres

    @property
    def kafka(self) -> KafkaServer:
        """The one broker. Raises TypeError where there are several."""
        if not isinstance(self.broker, KafkaServer):
            raise TypeError("this drill's broker is no single one")
        return self.broker

    @property
    def settings(self) -> Settings:
        """The settings with these servers, and nobody else's."""
        mine = {"kafka_url": "sandbox", "postgres_url": "sandbox"}
        return replace(
            self._settings,
            kafka_url=self.broker.url,
            kafka_security="PLAINTEXT",
            postgres_url=self.postgres.url,
            blob_url=None,
            origins={**self._settings.origins, **mine},
        )


class Pool:
    """Servers of each kind, started when they are first asked for, and stopped at the end.

    The database is the same one for all of them.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._postgres: PostgresServer | None = None
        self._servers: dict[Kind, Servers] = {}
        self._open = contextlib.ExitStack()
        self._renewed = 0

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def renew(self) -> None:
        """Stop all of them: after a drill that went wrong nobody knows how they are."""
        self._open.close()
        self._open = contextlib.ExitStack()
        self._postgres = None
        self._servers = {}
        self._renewed += 1

    def keep_only(self, kind: Kind) -> None:
        """Stop the brokers of other kinds, which nobody asks for any more; idle they cost, too."""
        for other in [one for one in self._servers if one != kind]:
            self._servers.pop(other).broker.stop()
            # One that is started again after all begins anew.
            self._renewed += 1

    def get(self, kind: Kind, say: Callable[[str], None]) -> Servers:
        """The servers of that kind. Raises WatchfloorError where they do not start."""
        folder = self._folder / str(self._renewed)
        if self._postgres is None:
            say("starting PostgreSQL")
            postgres = PostgresServer(folder / "postgres")
            self._open.callback(postgres.stop)
            postgres.start()
            self._postgres = postgres
        if kind not in self._servers:
            say({"cluster": "starting three brokers"}.get(kind, "starting a broker"))
            broker = self._broker(kind, folder)
            self._open.callback(broker.stop)
            broker.start()
            self._servers[kind] = Servers(self._settings, folder, broker, self._postgres)
        return self._servers[kind]

    def _broker(self, kind: Kind, folder: Path) -> Broker:
        from infra.drills.cluster import Cluster
        from infra.drills.disk import SmallDiskBroker

        cache = self._settings.cache_dir
        if kind == "cluster":
            return Cluster(folder / "cluster", cache)
        if kind == "small":
            return SmallDiskBroker(folder / "small", cache)
        return KafkaServer(folder / "kafka", cache)
