"""What the façade's tests share: a running server, a decide of few words, and a small site."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any, Generic, Self, TypeVar

import httpx
import msgspec
import uvicorn
from fastapi import FastAPI
from psycopg.types.json import Jsonb
from websockets.asyncio.client import connect as connect_socket

from agents.runtime.emitter import Emitter
from agents.runtime.follower import Follower
from api import examples
from api.account.console import Console
from api.binding import listen
from api.main import MAX_SOCKET_MESSAGE, create_app
from infra.db.documents import publish
from infra.db.migrate import prepare
from infra.db.outbox import drain_outbox
from infra.db.pool import connect
from infra.db.target import Role
from infra.local_token import bearer
from infra.settings import Settings
from schemas.alert import Alert
from schemas.base import Severity, encode
from schemas.decision import Decision, Result
from schemas.device import CameraState, Probe, ProbeKind
from schemas.document import Camera, Device, Document, Site, Zone
from schemas.event import SecurityEvent
from schemas.ids import decision_id
from schemas.tick import Tick
from tests.integration.api.callers import signed
from topics.admin import ensure
from topics.catalogue import ALERTS, DECISIONS, EVENTS, PROBES, TICKS_DECIDE
from topics.declare import Topic
from topics.record import OutRecord, make

M = TypeVar("M")

DEADLINE_S = 30.0
DEVICES = ("hikvision", "dahua")
"""Vendors whose events the decider sends."""

NOW = datetime.now(UTC).replace(microsecond=0)

PROCEDURE = ("Look at the fence, too.", "Call the guard at the <dock>.")
"""Of zone `dock`."""


def document() -> Document:
    """Two sites: zone `yard` is at both, `dock` at one; recorder `nvr-1` at one."""
    return Document(
        sites=(
            Site(
                site_id="north",
                name="North yard",
                timezone="Europe/Berlin",
                devices=(Device(device_id="nvr-1", kind="nvr"),),
                cameras=(
                    Camera(camera_id="gate", name="Main gate", stream="sim:day?seed=1"),
                    Camera(camera_id="fence"),
                ),
                zones=(
                    Zone(zone_id="yard", camera_ids=("gate",), severity=Severity.HIGH),
                    Zone(
                        zone_id="dock",
                        camera_ids=("gate", "fence"),
                        labels=("person",),
                        procedure=PROCEDURE,
                    ),
                ),
            ),
            Site(
                site_id="south",
                cameras=(Camera(camera_id="gate"),),
                zones=(Zone(zone_id="yard", camera_ids=("gate",)),),
            ),
        )
    )


def wait_until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_S) -> Any:
    """What `condition` gives, once that is true. Fails after `seconds`."""
    deadline = monotonic() + seconds
    while not (found := condition()):
        assert monotonic() < deadline, f"{what}: not within {seconds} s"
        sleep(0.05)
    return found


@dataclass(frozen=True)
class Stack:
    """A running façade with its broker and its database.

    served: itself, where it is in a thread of this process.
    """

    settings: Settings
    url: str
    served: FastAPI | None = None

    @property
    def app(self) -> FastAPI:
        """The application of a façade in this process."""
        assert self.served is not None
        return self.served

    def client(self, timeout: float = 20.0) -> httpx.Client:
        """A client that may do everything, and reads nothing from the environment."""
        headers = bearer(self.settings)
        return httpx.Client(base_url=self.url, timeout=timeout, trust_env=False, headers=headers)

    def anonymous(self, timeout: float = 20.0) -> httpx.Client:
        """A client that nobody is, until it says who."""
        return httpx.Client(base_url=self.url, timeout=timeout, trust_env=False)

    def async_client(self, timeout: float = 20.0) -> httpx.AsyncClient:
        """The same, for concurrent requests."""
        return httpx.AsyncClient(
            base_url=self.url, timeout=timeout, trust_env=False, headers=bearer(self.settings)
        )

    def by(self, name: str) -> dict[str, str]:
        """The header of somebody else who may do everything: `token/NAME`."""
        return signed(self.settings, self.url, name)

    def door(self) -> str:
        """An address that signs a browser in once, as the first administrator."""
        codes: list[str | None] = []

        async def make() -> None:
            codes.append(await Console(self.settings).door())

        run_in_thread(make)
        return f"{self.url}/sign-in/{codes[0]}"

    def listen(self, query: str = "", **options: Any) -> connect_socket:
        """The stream, by whoever may see everything."""
        return connect_socket(
            self.ws_url + query, additional_headers=bearer(self.settings), **options
        )

    @property
    def ws_url(self) -> str:
        """Where the stream is."""
        return self.url.replace("http", "ws", 1) + "/v1/stream"

    def produce(self, *records: OutRecord) -> None:
        """Emit records, confirmed."""

        async def emit() -> None:
            async with emitting(self.settings) as emitter:
                await emitter.emit(records)

        run_in_thread(emit)

    def archive(self, table: str, rows: Sequence[Any]) -> None:
        """Write rows as the archive role does. rows: messages, or objects by column name."""
        # A message leaves its defaults out of JSON; a row has every column.
        plain = [
            msgspec.structs.asdict(row) if isinstance(row, msgspec.Struct) else row for row in rows
        ]
        values = [msgspec.to_builtins(row) for row in plain]
        with connect(self.settings, Role.ARCHIVE) as connection:
            connection.execute(f"SELECT archive_{table}(%s)".encode(), (Jsonb(values),))


def run_in_thread(work: Callable[[], Any]) -> None:
    """Run a coroutine function to its end, whether or not a loop runs here."""
    failure: list[BaseException] = []

    def body() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


@contextlib.asynccontextmanager
async def emitting(settings: Settings) -> AsyncIterator[Emitter]:
    """An emitter for as long as the block."""
    emitter = Emitter(settings, "test")
    await emitter.start()
    try:
        yield emitter
    finally:
        await emitter.stop()


def make_ready(settings: Settings) -> None:
    """Topics, schema, and the small document, published as `apply` does."""
    ensure(settings)
    prepare(settings)
    publish(settings, document(), "test")
    run_in_thread(lambda: drain_outbox(settings))


@contextlib.contextmanager
def serving(settings: Settings, **options: Any) -> Iterator[Stack]:
    """The façade on a free port, in a thread with a loop of its own."""
    socket = listen("127.0.0.1", 0)
    app = create_app(settings, **options)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws_max_size=MAX_SOCKET_MESSAGE,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[socket]), daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "the server starts")
        assert thread.is_alive()
        yield Stack(settings, f"http://127.0.0.1:{socket.getsockname()[1]}", app)
    finally:
        server.should_exit = True
        thread.join(15)
        socket.close()
        assert not thread.is_alive()


def is_ready(stack: Stack) -> bool:
    """Whether it says that it can do its work."""
    with stack.client() as client:
        return client.get("/health/ready").status_code == 200


class StandIn(Generic[M]):
    """Plays a role, as a consumer of `topic` and a producer, in a thread of its own.

    seen: the messages, in order.
    """

    topic: Topic

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.seen: list[M] = []

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(DEADLINE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(15)
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        follower = Follower(self._settings, [self.topic], start="latest", client_id="stand-in")
        async with emitting(self._settings) as emitter, follower:
            self._started.set()
            async for chunk in follower.chunks(timeout=0.1):
                for record in chunk:
                    message: M = record.message()
                    self.seen.append(message)
                    await self.answer(emitter, message)
                if self._stop.is_set():
                    return

    async def answer(self, emitter: Emitter, message: M) -> None:
        """Say what the role would."""
        raise AssertionError(f"{type(self).__name__} has no answer to {message}")


class Decider(StandIn[SecurityEvent]):
    """Plays decide, as a producer on `security.decisions.v1`: an event's `vendor` says how.

    `sent`, `suppressed:REASON`, …; `silent` is never decided. seen: events, in order.
    """

    topic = EVENTS

    async def answer(self, emitter: Emitter, message: SecurityEvent) -> None:
        """The event's decision."""
        event = message
        said = "sent" if event.vendor in DEVICES else event.vendor or "sent"
        result, _, reason = said.partition(":")
        if result == "silent":
            return
        decision = Decision(
            decision_id=decision_id(event.site_id, event.event_id),
            event_id=event.event_id,
            site_id=event.site_id,
            result=Result(result),
            reason=reason or None,
            alert_id=f"alert-of-{event.event_id}" if result == "sent" else None,
            decided_at=event.occurred_at,
        )
        await emitter.emit([decision_record(decision)])


def decision_record(decision: Decision) -> OutRecord:
    """As decide writes it."""
    return make(
        DECISIONS,
        decision,
        id=decision.decision_id,
        time=decision.decided_at,
        source="test",
        key=decision.site_id,
    )


def alert_record(alert_id: str, site: str = "north", **fields: Any) -> OutRecord:
    """An alert of that site, opened now."""
    known = msgspec.structs.asdict(examples.ALERT)
    known.pop("snapshot_url")
    now = datetime.now(UTC)
    times = {"opened_at": now, "updated_at": now, "first_event": now, "last_event": now}
    alert = Alert(**{**known, **times, "alert_id": alert_id, "site_id": site, **fields})
    return make(
        ALERTS, alert, id=f"{alert_id}.{alert.revision}", time=now, source="test", key=alert_id
    )


def probe_record(
    state: CameraState, at: datetime, *, camera: str = "gate", site: str = "north"
) -> OutRecord:
    """Capture's word about a camera."""
    probe = Probe(
        site_id=site,
        device_id=camera,
        kind=ProbeKind.FRAMES,
        at=at,
        ok=state is CameraState.CONNECTED,
        state=state,
        last_frame_at=at - timedelta(seconds=0 if state is CameraState.CONNECTED else 25),
        fps=25.0,
        width=1280,
        height=720,
    )
    return make(PROBES, probe, id=str(at), time=at, source="test", key=f"{site}/{camera}")


def tick_records(now: datetime) -> list[OutRecord]:
    """One tick of each of decide's partitions."""
    return [
        make(
            TICKS_DECIDE,
            Tick(now=now),
            id=f"tick-{number}-{now.timestamp()}",
            time=now,
            source="test",
            key=None,
            partition=number,
        )
        for number in range(TICKS_DECIDE.partitions)
    ]


def as_json(value: Any) -> Any:
    """A message as it looks in JSON."""
    return msgspec.json.decode(encode(value))
