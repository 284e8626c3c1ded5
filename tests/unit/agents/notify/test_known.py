"""What the service knows of its targets: left alone in trouble, across a restart, and by limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agents.notify import breaker
from agents.notify.passes import Attempt
from schemas.base import Severity
from schemas.document import Channel, Receiver
from schemas.notification import Circuit, NotifyRequest, NotifyResult, Outcome
from tests.unit.agents.notify.fakes import Clock, Fake, one_pass, receiver, running, service
from tests.unit.agents.notify.parts import T0, attempt, line, request


async def test_a_target_in_trouble_is_left_alone_and_another_channel_takes_it() -> None:
    fake, clock = Fake(), Clock()
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "no-faulty", "yes"), now=clock) as out:
        for number in range(breaker.OPEN_AFTER + 3):
            deliveries.start_work(attempt(f"n-{number}"))
            await out.until(lambda: len(out.results) == number + 1)  # noqa: B023
        asked = [one for one in fake.asked if one.startswith("no-faulty")]
        assert len(asked) == breaker.OPEN_AFTER
        assert all(one.outcome is Outcome.DELIVERED for one in out.results)
        refused = out.results[-1].channels[0]
        assert (refused.outcome, refused.retry_after_s) == (Outcome.FAILED, 15.0)
        assert "left alone" in (refused.error or "")
        clock.now += breaker.FIRST_OPEN
        deliveries.start_work(attempt("n-trial"))
        await out.until(lambda: "no-faulty n-trial" in fake.asked)


async def test_what_a_target_has_against_one_message_opens_no_breaker() -> None:
    fake = Fake()
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "never")) as out:
        for number in range(2 * breaker.OPEN_AFTER):
            deliveries.start_work(attempt(f"n-{number}"))
        await out.until(lambda: len(out.results) == 2 * breaker.OPEN_AFTER)
    assert len(fake.asked) == 2 * breaker.OPEN_AFTER


async def test_a_429_is_heard_by_everybody_who_wants_that_target() -> None:
    fake, clock = Fake(), Clock()
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "busy"), now=clock) as out:
        deliveries.start_work(attempt("n-1"))
        await out.until(lambda: len(out.results) == 1)
        clock.now += timedelta(seconds=10)
        deliveries.start_work(attempt("n-2"))
        await out.until(lambda: len(out.results) == 2)
        assert [one.channels[0].retry_after_s for one in out.results] == [40.0, 30.0]
        assert fake.asked == ["busy n-1"]
        clock.now += timedelta(seconds=30)
        deliveries.start_work(attempt("n-3"))
        await out.until(lambda: len(out.results) == 3)
    assert fake.asked == ["busy n-1", "busy n-3"]


def with_circuit(name: str, number: int, circuit: Circuit) -> Attempt:
    """As the stage hands it over, to one channel."""
    return replace(attempt(name, number=number), circuits=(("no-faulty", circuit),))


async def broken(fake: Fake, clock: Clock, times: int) -> NotifyResult:
    """The last outcome of so many passes at a target in trouble."""
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "no-faulty"), now=clock) as out:
        for number in range(times):
            deliveries.start_work(attempt(f"n-{number}"))
            await out.until(lambda: len(out.results) == number + 1)  # noqa: B023
    return out.results[-1]


async def test_after_a_restart_a_target_in_trouble_is_left_alone_and_gets_one_trial() -> None:
    fake, clock = Fake(), Clock()
    last = await broken(fake, clock, breaker.OPEN_AFTER)
    circuit = last.channels[0].circuit
    assert circuit == Circuit(failures=5, opened=1, until=T0 + breaker.FIRST_OPEN)
    fake.asked.clear()
    afresh = service(fake)
    async with running(afresh, receiver("soc", "no-faulty"), now=clock) as out:
        afresh.start_work(with_circuit("n-10", 1, circuit))
        await out.until(lambda: len(out.results) == 1)
        assert fake.asked == []
        assert out.results[0].channels[0].retry_after_s == 15.0
        assert out.results[0].channels[0].circuit == circuit
        # Its trial fails: the pause that follows is twice as long, not the first one again.
        clock.now += breaker.FIRST_OPEN
        afresh.start_work(with_circuit("n-11", 1, circuit))
        await out.until(lambda: len(out.results) == 2)
        assert fake.asked == ["no-faulty n-11"]
        found = out.results[1].channels[0].circuit
        assert found == Circuit(failures=6, opened=2, until=clock.now + 2 * breaker.FIRST_OPEN)


async def test_what_the_service_has_seen_itself_is_newer_than_what_was_kept() -> None:
    fake, clock = Fake(), Clock()
    deliveries = service(fake)
    old = Circuit(failures=9, opened=3, until=T0 + timedelta(minutes=2))
    async with running(deliveries, receiver("soc", "yes"), now=clock) as out:
        deliveries.start_work(attempt("n-1"))
        await out.until(lambda: len(out.results) == 1)
        kept = replace(attempt("n-2"), circuits=(("yes", old),))
        deliveries.start_work(kept)
        await out.until(lambda: len(out.results) == 2)
    assert fake.asked == ["yes n-1", "yes n-2"]


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("yes", None),
        ("never", None),  # it has something against this one
        ("no-faulty", Circuit(failures=1)),
        ("late", Circuit(failures=1)),
        ("busy", Circuit(until=T0 + timedelta(seconds=40))),
    ],
)
async def test_an_outcome_says_how_its_target_is(channel: str, expected: Circuit | None) -> None:
    result = await one_pass(Fake(), attempt(), receiver("soc", channel))
    assert result.channels[0].circuit == expected


async def test_what_is_on_this_machine_has_no_breaker() -> None:
    fake = Fake()
    one = Receiver(name="soc", channels=(Channel(kind="log", name="no-faulty"),))
    deliveries = service(fake, kinds=("log",))
    async with running(deliveries, one) as out:
        for number in range(2 * breaker.OPEN_AFTER):
            deliveries.start_work(attempt(f"n-{number}"))
            await out.until(lambda: len(out.results) == number + 1)  # noqa: B023
    assert len(fake.asked) == 2 * breaker.OPEN_AFTER
    assert out.results[-1].channels[0].circuit is None


def of_severity(name: str, severity: Severity, **more: Any) -> Attempt:
    asked: NotifyRequest = request(name, alerts=(line(1, severity),), **more)
    return Attempt(request=asked, attempt=1)


async def test_a_channels_own_limit_holds_for_all_but_the_critical() -> None:
    fake, clock = Fake(), Clock()
    deliveries = service(fake)
    one = receiver("soc", "yes", rate_limit_per_min=2)
    async with running(deliveries, one, now=clock) as out:
        for number in range(3):
            deliveries.start_work(of_severity(f"n-{number}", Severity.HIGH))
        deliveries.start_work(of_severity("n-critical", Severity.CRITICAL))
        deliveries.start_work(of_severity("n-escalated", Severity.HIGH, kind="escalation"))
        await out.until(lambda: len(out.results) == 5)
        found = {result.notification_id: result for result in out.results}
        assert found["n-2"].outcome is Outcome.FAILED
        assert found["n-2"].channels[0].retry_after_s == 60.0
        assert found["n-2"].owed == ("yes",)
        assert sorted(fake.asked) == ["yes n-0", "yes n-1", "yes n-critical", "yes n-escalated"]
        clock.now += timedelta(seconds=60)
        deliveries.start_work(replace(of_severity("n-2", Severity.HIGH), attempt=2))
        await out.until(lambda: len(out.results) == 6)
    assert out.results[-1].outcome is Outcome.DELIVERED
