"""What the service assigns, sends, and says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest

from agents.roles import role
from agents.runtime.configuration import Configuration
from agents.runtime.emitter import RefusedError
from agents.runtime.ownership import Ownership
from agents.runtime.service import RoleContext
from agents.watch.service import OTHER_FILES, Outlet, PollService, places, polled, probe_record
from infra.settings import Settings
from schemas.device import Assignment, Probe, ProbeKind
from topics.catalogue import ASSIGNMENTS, PROBES
from topics.record import OutRecord

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def probe(device: str = "a", seconds: float = 0, kind: ProbeKind = ProbeKind.TCP) -> Probe:
    at = T0 + timedelta(seconds=seconds)
    return Probe(site_id="north", device_id=device, kind=kind, at=at, ok=True)


def header(record: OutRecord, name: str) -> bytes:
    return dict(record.headers)[name]


def test_the_same_poll_has_the_same_id_and_another_has_another() -> None:
    one = probe_record(probe())
    assert (one.topic, one.key) == (PROBES, b"north/a")
    assert header(one, "ce_id") == header(probe_record(probe()), "ce_id")
    others = [probe("b"), probe(seconds=0.001), probe(kind=ProbeKind.HTTP)]
    ids = {header(probe_record(other), "ce_id") for other in others}
    assert len(ids | {header(one, "ce_id")}) == 4


@pytest.mark.parametrize(
    ("address", "driver", "expected"),
    [
        ("10.0.0.2:80", "tcp", True),
        (None, "tcp", False),
        ("10.0.0.2:80", None, False),
        ("", "", False),
    ],
)
def test_what_is_polled(address: str | None, driver: str | None, expected: bool) -> None:
    one = Assignment(
        site_id="n", device_id="d", kind="camera", source="sim:x", address=address, driver=driver
    )
    assert polled(one) is expected


class Broker:
    """Takes records when it is told to; refuses those of a device."""

    def __init__(self) -> None:
        self.batches: list[list[OutRecord]] = []
        self.refuses = b""
        self.open = asyncio.Event()

    async def emit(self, records: Sequence[OutRecord]) -> None:
        self.batches.append(list(records))
        await self.open.wait()
        bad = [record for record in records if record.key == self.refuses]
        if bad:
            raise RefusedError([(record, "too large") for record in bad])


def context(broker: Broker, alive: Callable[[], None] = lambda: None) -> RoleContext:
    return RoleContext(
        role="watch",
        settings=Settings(state_dir=Path("unused")),
        emitter=broker,
        now=lambda: T0,
        configuration=Configuration(),
        ownership=lambda _topic: Ownership(ASSIGNMENTS),
        report=lambda _name, _problem: None,
        alive=alive,
    )


async def until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not condition():
        assert monotonic() < deadline
        await asyncio.sleep(0.005)


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_what_comes_while_one_batch_is_under_way_goes_together() -> None:
    broker = Broker()
    outlet = Outlet(context(broker))
    running = asyncio.create_task(outlet.run())
    first = asyncio.create_task(outlet.send([probe("a")]))
    await until(lambda: len(broker.batches) == 1)
    others = [asyncio.create_task(outlet.send([probe(name)])) for name in ("b", "c")]
    await asyncio.sleep(0)
    assert not first.done()
    broker.open.set()
    await asyncio.gather(first, *others)
    assert [[record.key for record in batch] for batch in broker.batches] == [
        [b"north/a"],
        [b"north/b", b"north/c"],
    ]
    await stopped(running)


async def test_a_refused_probe_stops_nobody() -> None:
    broker = Broker()
    broker.refuses = b"north/a"
    broker.open.set()
    outlet = Outlet(context(broker))
    running = asyncio.create_task(outlet.run())
    await outlet.send([probe("a")])
    await outlet.send([probe("b")])
    assert len(broker.batches) == 2
    await stopped(running)


async def test_who_lost_its_partitions_sends_nothing() -> None:
    broker = Broker()

    def dead() -> None:
        raise RuntimeError("its partitions are another's")

    outlet = Outlet(context(broker, dead))
    running = asyncio.create_task(outlet.run())
    sending = asyncio.create_task(outlet.send([probe()]))
    await asyncio.wait({running})
    assert isinstance(running.exception(), RuntimeError)
    assert broker.batches == []
    await stopped(sending)


def test_each_poll_has_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _what: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _what, pair: limits.append(pair))
    assert places(1000) == 1000
    assert limits[-1] == (1000 + OTHER_FILES, 4096)
    limits[:] = [(1024, 1024)]
    assert places(1000) == 1024 - OTHER_FILES
    limits[:] = [(64, 64)]
    assert places(1000) == 1
    limits[:] = [(resource.RLIM_INFINITY, resource.RLIM_INFINITY)]
    assert places(1000) == 1000
    assert len(limits) == 1


def test_the_role_polls_and_not_where_time_is_a_runners() -> None:
    made = role("watch")
    assert ASSIGNMENTS in made.owns
    assert PROBES in made.writes
    (service,) = [make() for make in made.services]
    assert isinstance(service, PollService)
    assert service.real_time
