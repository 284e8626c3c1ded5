"""The deliveries beside the stream: one that hangs delays nobody, and every attempt is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from agents.notify.channels import ChannelError, ChannelTimeoutError, WebhookSender
from agents.notify.service import AT_ONCE, DeliveryService
from schemas.document import Channel, Receiver
from schemas.notification import NotifyRequest, NotifyResult, Outcome
from tests.unit.agents.notify.parts import (
    Recorder,
    Target,
    attempt,
    context,
    target,
    webhook,
)

SECRET = "never-to-be-seen"


class Fake:
    """Takes, refuses, hangs or breaks, by the channel's name; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = asyncio.Event()
        self.now = 0
        self.most = 0

    async def send(self, channel: Channel, request: NotifyRequest, now: datetime) -> None:
        name = channel.name or channel.kind
        self.asked.append(f"{name} {request.notification_id}")
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if name == "no":
                raise ChannelError("no answered 500")
            if name == "late":
                raise ChannelTimeoutError("late did not answer in 10 s")
            if name == "defect":
                raise KeyError(SECRET)
            if name == "hang":
                await self.go_on.wait()
        finally:
            self.now -= 1


def receiver(name: str, *channels: str) -> Receiver:
    return Receiver(name=name, channels=tuple(Channel(kind="fake", name=one) for one in channels))


@asynccontextmanager
async def running(service: DeliveryService, *receivers: Receiver) -> AsyncIterator[Recorder]:
    out = Recorder()
    task = asyncio.create_task(service.run(context(out, *receivers)))
    try:
        yield out
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("channels", "outcome", "channel", "asked"),
    [
        (["yes"], Outcome.DELIVERED, "yes", 1),
        (["no", "yes", "also"], Outcome.DELIVERED, "yes", 2),  # in order, until one takes it
        (["late", "yes"], Outcome.DELIVERED, "yes", 2),
        (["no"], Outcome.FAILED, "no", 1),
        (["no", "late"], Outcome.TIMED_OUT, "late", 2),
        (["late", "no"], Outcome.FAILED, "no", 2),
        (["defect"], Outcome.FAILED, "defect", 1),  # a sender's bug is that channel's failure
        ([], Outcome.FAILED, None, 0),
    ],
)
async def test_a_pass_over_the_channels(
    channels: list[str], outcome: Outcome, channel: str | None, asked: int
) -> None:
    fake = Fake()
    service = DeliveryService({"fake": fake})
    async with running(service, receiver("soc", *channels)) as out:
        service.start_work(attempt(number=3))
        await out.until(lambda: bool(out.results))
    (result,) = out.results
    assert (result.outcome, result.channel, result.attempt) == (outcome, channel, 3)
    assert (result.event_ids, result.alert_ids) == (("e-1",), ("a-1",))
    assert len(fake.asked) == asked
    assert (result.error is None) is (outcome is Outcome.DELIVERED)
    assert SECRET not in repr(result)


@pytest.mark.parametrize(
    ("known", "error"),
    [
        (receiver("other", "yes"), "there is no receiver soc"),
        (receiver("soc"), "receiver soc has no channels"),
        (
            Receiver(name="soc", channels=(Channel(kind="pigeon"),)),
            "no sender for channels of kind pigeon",
        ),
    ],
)
async def test_what_cannot_be_delivered_fails_and_says_why(known: Receiver, error: str) -> None:
    service = DeliveryService({"fake": Fake()})
    async with running(service, known) as out:
        service.start_work(attempt())
        await out.until(lambda: bool(out.results))
    assert (out.results[0].outcome, out.results[0].error) == (Outcome.FAILED, error)


async def test_a_hanging_target_delays_no_other() -> None:
    fake = Fake()
    service = DeliveryService({"fake": fake})
    both = (receiver("bad", "hang"), receiver("good", "yes"))
    async with running(service, *both) as out:
        for number in range(3 * AT_ONCE):
            service.start_work(attempt(f"bad-{number}", "bad"))
        for number in range(20):
            service.start_work(attempt(f"good-{number}", "good"))
        await out.until(lambda: len(out.results) == 20)
        assert {one.receiver for one in out.results} == {"good"}
        # What hangs is bounded: its others wait for a place, and get it.
        assert sum(one.startswith("hang") for one in fake.asked) == AT_ONCE
        fake.go_on.set()
        await out.until(lambda: len(out.results) == 20 + 3 * AT_ONCE)
    assert all(one.outcome is Outcome.DELIVERED for one in out.results)


async def test_an_attempt_that_still_waits_is_not_begun_a_second_time() -> None:
    """Its timer takes it for lost after 20 s, again and again while the target hangs."""
    fake = Fake()
    service = DeliveryService({"fake": fake})
    async with running(service, receiver("soc", "hang")) as out:
        for _ in range(5):
            for number in range(AT_ONCE + 2):
                service.start_work(attempt(f"n-{number}"))
            await asyncio.sleep(0)
        fake.go_on.set()
        await out.until(lambda: len(out.results) == AT_ONCE + 2)
        assert len(fake.asked) == AT_ONCE + 2
        # Once it is over, the next attempt at the same notification is another one.
        service.start_work(attempt("n-0", number=2))
        await out.until(lambda: len(out.results) == AT_ONCE + 3)


async def test_a_target_that_is_no_url_stops_no_other() -> None:
    hook = WebhookSender({}, time_limit=1)
    service = DeliveryService({"fake": Fake(), "webhook": hook})
    broken = Receiver(name="bad", channels=(webhook("http://gate:99999/x"),))
    async with running(service, broken, receiver("good", "yes")) as out:
        service.start_work(attempt("n-1", "bad"))
        service.start_work(attempt("n-2", "good"))
        await out.until(lambda: len(out.results) == 2)
    await hook.close()
    outcomes = {one.receiver: one.outcome for one in out.results}
    assert outcomes == {"bad": Outcome.FAILED, "good": Outcome.DELIVERED}


@pytest.fixture
async def server() -> AsyncIterator[Target]:
    async with target() as found:
        yield found


async def test_real_webhooks_side_by_side(server: Target) -> None:
    hook = WebhookSender({}, time_limit=0.5)
    service = DeliveryService({"webhook": hook})
    receivers = [
        Receiver(name="ok", channels=(webhook(f"{server.base}/ok"),)),
        Receiver(name="broken", channels=(webhook(f"{server.base}/status/500"),)),
        Receiver(name="hangs", channels=(webhook(f"{server.base}/hang"),)),
        # The first fails, the second takes over.
        Receiver(
            name="second",
            channels=(webhook("http://127.0.0.1:1/x"), webhook(f"{server.base}/ok")),
        ),
        Receiver(name="signed", channels=(webhook(f"{server.base}/ok", secret="no-such-secret"),)),
    ]
    async with running(service, *receivers) as out:
        for one in receivers:
            service.start_work(attempt(f"n-{one.name}", one.name))
        await out.until(lambda: len(out.results) == len(receivers))
    await hook.close()
    found: dict[str, NotifyResult] = {one.receiver: one for one in out.results}
    assert {name: one.outcome for name, one in found.items()} == {
        "ok": Outcome.DELIVERED,
        "broken": Outcome.FAILED,
        "hangs": Outcome.TIMED_OUT,
        "second": Outcome.DELIVERED,
        # A secret that is missing sends nothing unsigned.
        "signed": Outcome.FAILED,
    }
    assert found["broken"].error == f"{server.base} answered 500"
    assert found["ok"].target == server.base
    assert sorted(server.paths()) == ["/hang", "/ok", "/ok", "/status/500"]


async def test_an_attempt_that_is_cut_off_says_nothing() -> None:
    fake = Fake()
    service = DeliveryService({"fake": fake})
    async with running(service, receiver("soc", "hang")) as out:
        service.start_work(attempt())
        await out.until(lambda: bool(fake.asked))
    assert out.results == []
    # Started again, it takes the same attempt when its timer brings it.
    fake.go_on.set()
    async with running(service, receiver("soc", "hang")) as again:
        service.start_work(attempt())
        await again.until(lambda: bool(again.results))
    assert [one.outcome for one in again.results] == [Outcome.DELIVERED]
