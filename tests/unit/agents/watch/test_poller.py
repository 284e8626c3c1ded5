"""Who is polled when, how many at once, and what is kept back: drivers of the tests' own."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from prometheus_client import generate_latest

from agents.watch.asking import Asking, credentials_of, probe_of
from agents.watch.drivers.base import Driver, DriverError, Fact, Fault, Limits, Outcome, Target
from agents.watch.drivers.registry import DRIVERS, Registry, drivers_of
from agents.watch.known import Knowledge, Known
from agents.watch.poller import Poller, Rules, planned
from schemas.base import decode, encode
from schemas.device import Assignment, DeviceSeverity, Probe, ProbeKind

T0 = datetime(2026, 3, 1, tzinfo=UTC)
LIMIT_S = 20.0
NORMAL, SUSPECT, CRITICAL = DeviceSeverity


class Told:
    """A driver that does as it is told, and counts. hold: nobody is answered until it is set."""

    def __init__(self, name: str = "told", probe: ProbeKind = ProbeKind.TCP) -> None:
        self.name = name
        self.probe = probe
        self.targets: list[Target] = []
        self.answers: Callable[[Target], Outcome] = lambda _target: Outcome(ok=True, latency_ms=1.0)
        self.hold = asyncio.Event()
        self.hold.set()
        self.at_host: Counter[str] = Counter()
        self.most_at_host = 0
        self.most = 0

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        self.targets.append(target)
        self.at_host[target.address] += 1
        self.most_at_host = max(self.most_at_host, *self.at_host.values())
        self.most = max(self.most, self.at_host.total())
        try:
            await self.hold.wait()
            return self.answers(target)
        finally:
            self.at_host[target.address] -= 1

    def times(self, device: str) -> int:
        return sum(target.device_id == device for target in self.targets)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Scene:
    """A poller with drivers, a clock, and what it sent."""

    def __init__(self, *drivers: Driver, rules: Rules) -> None:
        self.clock = Clock()
        self.knowledge = Knowledge()
        self.secrets = {"lab": "admin:hunter2"}
        self.sent: list[Probe] = []
        self.parents: dict[str, str] = {}
        self.broker = asyncio.Event()
        self.broker.set()
        self.poller = Poller(
            now=self.clock,
            knowledge=self.knowledge,
            asking=Asking(self._secret, Limits(), rules.timeout_s),
            send=self._send,
            registry=Registry({"told": drivers}),
            rules=rules,
            relatives=self,
        )

    def parent(self, key: str) -> str | None:
        return self.parents.get(key)

    def children(self, key: str) -> list[str]:
        return [child for child, parent in self.parents.items() if parent == key]

    async def _secret(self, name: str, _site: str) -> str:
        return self.secrets[name]

    async def _send(self, probes: Sequence[Probe]) -> None:
        await self.broker.wait()
        self.sent += probes

    def know(
        self, device: str, severity: DeviceSeverity, in_s: float, *, ago_s: float = 60
    ) -> None:
        now = self.clock().timestamp()
        down = severity is CRITICAL
        at = now - ago_s
        fails = severity is not NORMAL
        known = Known(severity, down, down, at, now + in_s, at, fails)
        self.knowledge._put(f"north/{device}", known)
        self.poller.heard(f"north/{device}")

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = monotonic() + LIMIT_S
        while not condition():
            assert monotonic() < deadline
            await asyncio.sleep(0.005)

    async def later(self, seconds: float) -> None:
        """Let time go on, and whatever is due by then begin."""
        self.clock.move(seconds)
        self.poller._wake.set()
        for _ in range(50):
            await asyncio.sleep(0)


@asynccontextmanager
async def scene(*drivers: Driver, rules: Rules | None = None) -> AsyncIterator[Scene]:
    made = Scene(*drivers, rules=rules or Rules())
    task = asyncio.create_task(made.poller.run())
    try:
        yield made
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def assigned(
    *names: str, address: str = "10.0.0.1:80", **fields: str | float | bool
) -> dict[str, Assignment]:
    values = {"kind": "nvr", "driver": "told", "address": address, **fields}
    return {
        f"north/{name}": Assignment(site_id="north", device_id=name, **values)  # type: ignore[arg-type]
        for name in names
    }


async def test_a_device_is_polled_when_it_is_due_and_again_an_interval_later() -> None:
    driver = Told()
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=100)
        one.poller.assign(assigned("a"))
        await one.later(99)
        assert driver.targets == []
        await one.later(2)
        await one.until(lambda: len(one.sent) == 1)
        probe = one.sent[0]
        assert (probe.ok, probe.latency_ms, probe.at) == (True, 1.0, one.clock())
        await one.later(119)
        assert driver.times("a") == 1
        await one.later(360)
        await one.until(lambda: len(one.sent) == 2)


async def test_health_says_when_to_poll_again() -> None:
    driver = Told()
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a"))
        await one.until(lambda: len(one.sent) == 1)
        await one.until(lambda: "north/a" in one.poller._schedule)
        one.know("a", SUSPECT, in_s=60, ago_s=0)
        await one.later(59)
        assert driver.times("a") == 1
        await one.later(2)
        await one.until(lambda: len(one.sent) == 2)
        # What an older poll said is no reason to ask sooner.
        await one.until(lambda: "north/a" in one.poller._schedule)
        due = one.poller._schedule.due_of("north/a")
        one.know("a", SUSPECT, in_s=1, ago_s=30)
        assert one.poller._schedule.due_of("north/a") == due


async def test_one_host_is_asked_by_so_many_at_once_and_others_do_not_wait_for_it() -> None:
    driver = Told()
    driver.hold.clear()
    crowd = [f"d{number}" for number in range(12)]
    async with scene(driver, rules=Rules(per_host=3)) as one:
        for name in (*crowd, "other"):
            one.know(name, NORMAL, in_s=0)
        one.poller.assign(assigned(*crowd) | assigned("other", address="10.0.0.2:80"))
        await one.until(lambda: driver.times("other") == 1)
        assert driver.at_host["10.0.0.1:80"] == 3
        driver.hold.set()
        await one.until(lambda: len(one.sent) == 13)
    assert driver.most_at_host == 3


async def test_there_are_never_more_under_way_than_allowed() -> None:
    driver = Told()
    driver.hold.clear()
    devices = dict[str, Assignment]()
    async with scene(driver, rules=Rules(most=5)) as one:
        for number in range(15):
            one.know(f"d{number}", NORMAL, in_s=0)
            devices |= assigned(f"d{number}", address=f"10.0.0.{number}:80")
        one.poller.assign(devices)
        await one.until(lambda: len(driver.targets) == 5)
        await one.later(0.1)
        assert len(driver.targets) == 5
        driver.hold.set()
        await one.until(lambda: len(one.sent) == 15)
    assert driver.most == 5


async def test_while_the_broker_is_away_nothing_piles_up() -> None:
    driver = Told()
    devices = dict[str, Assignment]()
    async with scene(driver, rules=Rules(most=4)) as one:
        one.broker.clear()
        for number in range(10):
            one.know(f"d{number}", NORMAL, in_s=0)
            devices |= assigned(f"d{number}", address=f"10.0.0.{number}:80")
        one.poller.assign(devices)
        await one.until(lambda: len(driver.targets) == 4)
        await one.later(5)
        assert len(driver.targets) == 4
        one.broker.set()
        await one.until(lambda: len(one.sent) == 10)


async def test_a_device_that_left_says_nothing_any_more() -> None:
    driver = Told()
    driver.hold.clear()
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a"))
        await one.until(lambda: driver.times("a") == 1)
        one.poller.assign({})
        driver.hold.set()
        await one.until(lambda: not one.poller._under_way)
        await one.later(1000)
        assert one.sent == []
        assert driver.times("a") == 1


async def test_a_device_that_was_changed_is_asked_anew_at_once() -> None:
    driver = Told()
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=300)
        one.poller.assign(assigned("a"))
        one.poller.assign(assigned("a", address="10.0.0.9:80"))
        await one.later(1.5)
        await one.until(lambda: len(one.sent) == 1)
        assert driver.targets[0].address == "10.0.0.9:80"


async def test_one_that_was_moved_while_it_waited_holds_up_nobody() -> None:
    driver = Told()
    driver.hold.clear()
    async with scene(driver, rules=Rules(per_host=1)) as one:
        for name in ("a", "b", "c"):
            one.know(name, NORMAL, in_s=0)
        devices = assigned("a", "b", "c")
        one.poller.assign(devices)
        await one.until(lambda: len(driver.targets) == 1)
        first = driver.targets[0].device_id
        waiting = [name for name in ("a", "b", "c") if name != first]
        one.poller.assign(devices | assigned(waiting[0], address="10.0.0.9:80"))
        driver.hold.set()
        await one.until(lambda: len(one.sent) == 3)
    assert driver.at_host.total() == 0
    assert {target.address for target in driver.targets} == {"10.0.0.1:80", "10.0.0.9:80"}


async def test_a_clock_that_is_set_back_keeps_nobody_waiting() -> None:
    driver = Told()
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=10)
        one.poller.assign(assigned("a"))
        await one.later(-86_400)
        await one.later(361)
        await one.until(lambda: len(one.sent) == 1)


async def test_one_that_did_not_change_keeps_its_plan() -> None:
    driver = Told()
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=300)
        one.poller.assign(assigned("a"))
        due = one.poller._schedule.due_of("north/a")
        one.poller.assign(assigned("a", "b"))
        assert one.poller._schedule.due_of("north/a") == due


async def test_an_unknown_driver_is_told_and_stops_nobody() -> None:
    driver = Told()
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a") | assigned("b", driver="carrier-pigeon"))
        await one.until(lambda: len(one.sent) == 1)
        assert "carrier-pigeon" in one.poller.unknown["north/b"]
        one.poller.assign(assigned("a"))
        assert one.poller.unknown == {}


async def test_a_site_may_be_asked_less_often_and_for_less() -> None:
    main, pictures = Told(), Told(probe=ProbeKind.PICTURE)
    async with scene(main, pictures) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a", normal_s=1200.0, optional=False))
        await one.until(lambda: len(one.sent) == 1)
        assert planned(NORMAL, one.sent[0], 1200) - one.sent[0].at.timestamp() >= 600
        # Five times the interval of others, of which 120 s is the shortest.
        await one.later(599)
        assert main.times("a") == 1
        await one.later(1202)
        await one.until(lambda: len(one.sent) == 2)
        assert pictures.targets == []
        # What is not well is asked every minute all the same.
        assert planned(SUSPECT, one.sent[1], 1200) - one.sent[1].at.timestamp() == 60


async def test_a_ca_file_is_the_target_s_or_a_failure() -> None:
    driver = Told()
    asking = Asking(_no_secret, Limits(), 5.0, {"lab.pem": "/ca/lab.pem"}.get)
    (assignment,) = assigned("a", ca_file="lab.pem").values()
    (probe,) = await asking.ask(assignment, (driver,), T0, lambda: False)
    assert probe.ok
    assert [target.ca_file for target in driver.targets] == ["/ca/lab.pem"]
    (gone,) = assigned("a", ca_file="gone.pem", credentials="lab").values()
    (probe,) = await asking.ask(gone, (driver,), T0, lambda: False)
    assert (probe.ok, probe.error) == (False, "certificate: there is no file 'gone.pem'")
    # Nobody was asked by other authorities' certificates instead.
    assert len(driver.targets) == 1


async def _no_secret(name: str, _site: str) -> str:
    raise LookupError(name)


async def test_what_fails_is_named_and_polled_again_in_a_minute() -> None:
    driver = Told()

    def fail(_target: Target) -> Outcome:
        raise DriverError(Fault.GARBAGE, "its answer is no HTTP", latency_ms=12.0)

    driver.answers = fail
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a"))
        await one.until(lambda: len(one.sent) == 1)
        probe = one.sent[0]
        assert (probe.ok, probe.error) == (False, "garbage: its answer is no HTTP")
        assert probe.latency_ms == 12.0
        assert planned(NORMAL, probe) == probe.at.timestamp() + 60
        await one.later(61)
        await one.until(lambda: len(one.sent) == 2)


async def test_who_does_not_answer_in_time_is_a_timeout() -> None:
    driver = Told()
    driver.hold.clear()
    async with scene(driver, rules=Rules(timeout_s=0.05)) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a"))
        await one.until(lambda: len(one.sent) == 1)
        assert one.sent[0].error == "timeout: after 0.05 s"


async def test_a_defect_of_ours_says_nothing_of_the_device_and_stops_nobody() -> None:
    driver = Told()

    def break_down(target: Target) -> Outcome:
        if target.device_id == "a":
            raise KeyError("a defect")
        return Outcome(ok=True)

    driver.answers = break_down
    async with scene(driver) as one:
        for name in ("a", "b"):
            one.know(name, NORMAL, in_s=0)
        one.poller.assign(assigned("a", "b"))
        await one.until(lambda: len(one.sent) == 1)
        assert one.sent[0].device_id == "b"
        await one.until(lambda: "north/a" in one.poller._schedule)
        await one.later(61)
        await one.until(lambda: driver.times("a") == 2)


async def test_too_few_files_on_this_machine_say_nothing_of_the_device() -> None:
    driver = Told()

    def starve(_target: Target) -> Outcome:
        raise DriverError(Fault.DEFECT, "Too many open files")

    driver.answers = starve
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a"))
        await one.until(lambda: "north/a" in one.poller._schedule and driver.times("a") == 1)
        assert one.sent == []


async def test_refused_credentials_are_not_sent_again_until_they_are_others() -> None:
    driver = Told()

    def picky(target: Target) -> Outcome:
        if target.password != "correct":
            raise DriverError(Fault.CREDENTIALS)
        return Outcome(ok=True)

    driver.answers = picky
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a", credentials="lab"))
        for count in range(1, 4):
            await one.until(lambda count=count: len(one.sent) == count)  # type: ignore[misc]
            await one.until(lambda: "north/a" in one.poller._schedule)
            await one.later(61)
        assert [target.password for target in driver.targets][:3] == ["hunter2", None, None]
        one.secrets["lab"] = "admin:correct"
        await one.later(61)
        await one.until(lambda: one.sent[-1].ok)
        assert {probe.error for probe in one.sent} == {"bad_credentials", None}


async def test_who_may_not_list_channels_is_still_let_in() -> None:
    main, extra = Told(), Told("extra", ProbeKind.CHANNELS)

    def forbid(_target: Target) -> Outcome:
        raise DriverError(Fault.CREDENTIALS, "it answered 403")

    extra.answers = forbid
    async with scene(main, extra) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a", credentials="lab"))
        await one.until(lambda: len(one.sent) == 2)
        await one.until(lambda: "north/a" in one.poller._schedule)
        await one.later(361)
        await one.until(lambda: len(one.sent) == 4)
    assert [target.password for target in main.targets] == ["hunter2", "hunter2"]
    assert [target.password for target in extra.targets] == ["hunter2", None]


async def test_a_secret_that_is_missing_is_named_and_nothing_is_asked() -> None:
    driver = Told()
    async with scene(driver) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a", credentials="no-such"))
        await one.until(lambda: len(one.sent) == 1)
        assert one.sent[0].error == "no_secret: no-such"
        assert driver.targets == []


async def test_optional_polls_are_left_out_while_the_site_has_a_critical_device() -> None:
    main, extra = Told(), Told("extra", ProbeKind.CHANNELS)
    async with scene(main, extra) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a"))
        await one.until(lambda: len(one.sent) == 2)
        one.know("z", CRITICAL, in_s=60, ago_s=0)
        await one.until(lambda: "north/a" in one.poller._schedule)
        await one.later(400)
        await one.until(lambda: len(one.sent) == 3)
        assert extra.times("a") == 1
        one.know("z", NORMAL, in_s=60, ago_s=-500)
        await one.until(lambda: "north/a" in one.poller._schedule)
        await one.later(400)
        await one.until(lambda: extra.times("a") == 2)


async def test_a_device_that_is_not_well_is_asked_nothing_more() -> None:
    main, extra = Told(), Told("extra", ProbeKind.CHANNELS)
    main.answers = lambda _target: Outcome(ok=False, error="unwell: disk")
    async with scene(main, extra) as one:
        one.know("a", NORMAL, in_s=0)
        one.poller.assign(assigned("a"))
        await one.until(lambda: len(one.sent) == 1)
        assert extra.targets == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("admin:a:b\n", ("admin", "a:b")),
        ("only", ("", "only")),
        (":p", ("", "p")),
    ],
)
def test_credentials(text: str, expected: tuple[str, str]) -> None:
    assert credentials_of(text) == expected


def test_an_error_shows_no_password_and_no_control_characters() -> None:
    one = assigned("a")["north/a"]
    outcome = Outcome(ok=False, latency_ms=float("nan"), error="no\x1b[31m hunter2 " + "x" * 9000)
    probe = probe_of(one, drivers_of("tcp")[0], T0, outcome, "hunter2")
    assert probe.error is not None
    assert probe.error.startswith("no?[31m *** x")
    assert len(probe.error) == 500
    assert probe.latency_ms is None


def test_facts_are_told_without_the_password_and_as_json_can() -> None:
    facts: dict[str, Fact] = {
        "model": "DS-7608 hunter2\x00",
        "channels": 8,
        "clock_offset_s": float("inf"),
        "disk_free_mib": 1.5,
        "recording": True,
        "n" * 90: 1,
    }
    one = assigned("a")["north/a"]
    probe = probe_of(one, drivers_of("tcp")[0], T0, Outcome(ok=True, facts=facts), "hunter2")
    assert probe.facts == {
        "model": "DS-7608 ***?",
        "channels": 8,
        "disk_free_mib": 1.5,
        "recording": True,
        "n" * 63: 1,
    }
    assert decode(encode(probe), Probe) == probe
    many: dict[str, Fact] = {f"f{number}": number for number in range(1000)}
    assert len(probe_of(one, drivers_of("tcp")[0], T0, Outcome(ok=True, facts=many)).facts) == 64


def test_a_targets_password_is_not_shown() -> None:
    target = Target(site_id="n", device_id="d", kind="nvr", address="h:1", password="hunter2")
    assert "hunter2" not in repr(target)


def test_every_driver_has_its_module_and_one_main_kind() -> None:
    for name in DRIVERS:
        first, *others = drivers_of(name)
        assert first.probe not in (ProbeKind.PICTURE, ProbeKind.CHANNELS, ProbeKind.FRAMES)
        assert all(one.probe in (ProbeKind.PICTURE, ProbeKind.CHANNELS) for one in others)
    with pytest.raises(LookupError, match="carrier-pigeon"):
        drivers_of("carrier-pigeon")


async def test_what_hangs_on_a_device_has_it_asked_at_once_and_until_it_is_sure() -> None:
    driver = Told()
    async with scene(driver) as one:
        # The camera is another replica's.
        one.parents["north/cam"] = "north/nvr"
        one.know("nvr", NORMAL, in_s=200)
        one.know("cam", NORMAL, in_s=200)
        one.poller.assign(assigned("nvr", "other"))
        one.know("other", NORMAL, in_s=200)
        await one.later(100)
        assert driver.times("nvr") == 0
        driver.answers = lambda _target: Outcome(ok=False, error="refused")
        one.know("cam", SUSPECT, in_s=60, ago_s=0)
        await one.until(lambda: driver.times("nvr") == 1)
        await one.until(lambda: "north/nvr" in one.poller._schedule)
        # It fails as well: asked every ten seconds, and by its own plan once it is critical.
        for times in (2, 3):
            one.know("nvr", SUSPECT, in_s=60, ago_s=0)
            await one.later(9)
            assert driver.times("nvr") == times - 1
            await one.later(1)
            await one.until(lambda times=times: driver.times("nvr") == times)  # type: ignore[misc]
            await one.until(lambda: "north/nvr" in one.poller._schedule)
        one.know("nvr", CRITICAL, in_s=60, ago_s=0)
        await one.later(59)
        assert driver.times("nvr") == 3
        await one.later(2)
        await one.until(lambda: driver.times("nvr") == 4)
        # Who hangs on nobody was left alone.
        assert driver.times("other") == 0


async def test_a_device_that_answers_is_asked_once_for_one_that_fails() -> None:
    driver = Told()
    async with scene(driver) as one:
        one.parents["north/cam"] = "north/nvr"
        one.know("nvr", NORMAL, in_s=300)
        one.poller.assign(assigned("nvr"))
        one.know("cam", SUSPECT, in_s=60, ago_s=0)
        await one.later(11)
        one.know("cam", SUSPECT, in_s=60, ago_s=0)
        await one.until(lambda: driver.times("nvr") >= 1)
        await one.until(lambda: "north/nvr" in one.poller._schedule)
        one.know("nvr", NORMAL, in_s=300, ago_s=0)
        asked = driver.times("nvr")
        await one.later(100)
        assert driver.times("nvr") == asked


async def test_a_recorder_goes_before_its_channels_at_one_address() -> None:
    driver = Told()
    driver.hold.clear()
    crowd = [f"d{number}" for number in range(12)]
    async with scene(driver, rules=Rules(per_host=2)) as one:
        one.parents = {f"north/{name}": "north/nvr" for name in crowd}
        for name in crowd:
            one.know(name, NORMAL, in_s=0)
        one.know("nvr", NORMAL, in_s=300)
        one.poller.assign(assigned(*crowd, "nvr"))
        await one.until(lambda: len(driver.targets) == 2)
        failed = driver.targets[0].device_id
        one.know(failed, SUSPECT, in_s=60, ago_s=0)
        await one.until(lambda: "north/nvr" in one.poller._under_way)
        assert driver.times("nvr") == 0
        driver.hold.set()
        await one.until(lambda: driver.times("nvr") == 1)
        order = [target.device_id for target in driver.targets]
        # Two were being asked; of the ten that waited none was before it but for the other place.
        assert order.index("nvr") <= 3


async def test_devices_are_counted_by_kind_and_health_for_prometheus() -> None:
    async with scene(Told()) as one:
        one.know("a", NORMAL, in_s=100)
        one.know("b", CRITICAL, in_s=100)
        one.know("c", SUSPECT, in_s=100)
        one.know("d", CRITICAL, in_s=100)
        one.poller.assign(
            {
                **assigned("a", "b", kind="nvr"),
                **assigned("c", "new", kind="camera"),
                **assigned("d", kind="../of another release"),
            }
        )
        await one.later(1)
    lines = generate_latest().decode().splitlines()
    counted = {
        tuple(re.findall('"(.*?)"', line)): float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("watchfloor_watch_devices{")
    }
    assert len(counted) == 16
    assert {labels: count for labels, count in counted.items() if count} == {
        ("nvr", "normal"): 1,
        ("nvr", "critical"): 1,
        ("camera", "suspect"): 1,
        ("camera", "unknown"): 1,
        ("other", "critical"): 1,
    }
    assert 'watchfloor_watch_breakers{state="open"} 2.0' in lines
    assert 'watchfloor_watch_breakers{state="closed"} 2.0' in lines
