"""The deliveries beside the stream: one that hangs delays nobody, and every attempt is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace as replaced
from typing import Any

import pytest
from msgspec.structs import replace

from agents.notify.known import AT_ONCE
from agents.notify.passes import Attempt, Confirming
from agents.notify.senders.base import Report
from agents.notify.service import DeliveryService
from agents.runtime.emitter import EmitError
from agents.runtime.lease import LeaseError
from agents.runtime.metrics import METRICS
from schemas.document import Channel, Receiver, Site, SiteNotifications
from schemas.notification import Outcome
from tests.unit.agents.notify.fakes import SECRET, Fake, one_pass, receiver, running, service
from tests.unit.agents.notify.parts import T0, Recorder, attempt, context, line, request
from topics.record import OutRecord


@pytest.mark.parametrize(
    ("channels", "outcome", "channel", "asked", "owed"),
    [
        (["yes"], Outcome.DELIVERED, "yes", 1, ()),
        (["no", "yes", "also"], Outcome.DELIVERED, "yes", 2, ()),  # until one takes it
        (["late", "yes"], Outcome.DELIVERED, "yes", 2, ()),
        (["no"], Outcome.FAILED, "no", 1, ("no",)),
        (["no", "late"], Outcome.TIMED_OUT, "late", 2, ("no", "late")),
        (["late", "no"], Outcome.FAILED, "no", 2, ("late", "no")),
        (["never", "no"], Outcome.FAILED, "no", 2, ("no",)),  # the same again changes nothing
        (["defect"], Outcome.FAILED, "defect", 1, ("defect",)),
        (["no", "no"], Outcome.FAILED, "no", 2, ("no", "no#2")),
        ([], Outcome.FAILED, None, 0, ()),
    ],
)
async def test_a_pass_over_the_channels(
    channels: list[str], outcome: Outcome, channel: str | None, asked: int, owed: tuple[str, ...]
) -> None:
    fake = Fake()
    result = await one_pass(fake, attempt(number=3), receiver("soc", *channels))
    assert (result.outcome, result.channel, result.attempt) == (outcome, channel, 3)
    assert (result.event_ids, result.alert_ids) == (("e-1",), ("a-1",))
    assert len(fake.asked) == asked == len(result.channels)
    assert (result.error is None) is (outcome is Outcome.DELIVERED)
    assert result.owed == owed
    assert SECRET not in repr(result)


async def test_a_device_that_is_tried_is_told_by_no_other_channel() -> None:
    fake = Fake()
    tried = Attempt(request=request(only="ab"), attempt=1)
    result = await one_pass(fake, tried, receiver("soc", "yes"))
    assert (result.outcome, result.owed, fake.asked) == (Outcome.FAILED, (), [])
    assert result.error == "receiver soc has no channel that pushes to users"


async def test_fan_out_tells_all_and_owes_those_that_failed() -> None:
    fake = Fake()
    result = await one_pass(fake, attempt(), receiver("soc", "no", "yes", "also", fanout=True))
    assert sorted(fake.asked) == ["also n-1", "no n-1", "yes n-1"]
    assert (result.outcome, result.channel, result.owed) == (Outcome.DELIVERED, "yes", ("no",))
    outcomes = [(one.channel, one.outcome.value) for one in result.channels]
    assert outcomes == [("no", "failed"), ("yes", "delivered"), ("also", "delivered")]


async def test_fan_out_waits_for_nobody() -> None:
    """The channels are asked together: one that hangs holds up its own answer only."""
    fake = Fake()
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "hang", "yes", fanout=True)) as out:
        deliveries.start_work(attempt())
        await out.until(lambda: len(fake.asked) == 2)
        fake.go_on.set()
        await out.until(lambda: bool(out.results))


async def test_a_later_pass_asks_only_those_that_are_due() -> None:
    fake = Fake()
    again = Attempt(request=request(), attempt=2, channels=("b", "no"), waiting=("c",))
    result = await one_pass(fake, again, receiver("soc", "a", "b", "c", "no", fanout=True))
    assert sorted(fake.asked) == ["b n-1", "no n-1"]
    assert result.owed == ("no", "c")
    in_order = await one_pass(Fake(), again, receiver("soc", "a", "b", "c", "no"))
    assert in_order.owed == ()  # one of them took it


@pytest.mark.parametrize(
    ("site_channels", "asked"),
    [
        ((), ["a"]),
        (("b",), ["b"]),
        (("fake",), ["a"]),  # a kind is as good as a name
        (("pager",), ["a"]),  # none of the receiver's: who is to be told is told
    ],
)
async def test_a_site_names_the_channels_that_it_uses(
    site_channels: tuple[str, ...], asked: list[str]
) -> None:
    fake = Fake()
    site = Site(site_id="north", notifications=SiteNotifications(channels=site_channels))
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "a", "b"), site=site) as out:
        deliveries.start_work(attempt())
        await out.until(lambda: bool(out.results))
    assert [one.split()[0] for one in fake.asked] == asked


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
    result = await one_pass(Fake(), attempt(), known)
    assert (result.outcome, result.error) == (Outcome.FAILED, error)


async def test_a_hanging_target_delays_no_other() -> None:
    fake = Fake()
    deliveries = service(fake)
    both = (receiver("bad", "hang", to="1"), receiver("good", "yes", to="2"))
    async with running(deliveries, *both) as out:
        for number in range(3 * AT_ONCE):
            deliveries.start_work(attempt(f"bad-{number}", "bad"))
        for number in range(20):
            deliveries.start_work(attempt(f"good-{number}", "good"))
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
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "hang")) as out:
        for _ in range(5):
            for number in range(AT_ONCE + 2):
                deliveries.start_work(attempt(f"n-{number}"))
            await asyncio.sleep(0)
        fake.go_on.set()
        await out.until(lambda: len(out.results) == AT_ONCE + 2)
        assert len(fake.asked) == AT_ONCE + 2
        # Once it is over, the next attempt at the same notification is another one.
        deliveries.start_work(attempt("n-0", number=2))
        await out.until(lambda: len(out.results) == AT_ONCE + 3)


async def test_an_outcome_that_was_not_read_yet_is_told_again_and_nothing_is_sent() -> None:
    """Behind a backlog its own result comes after the timer that takes it for lost."""
    fake = Fake()
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "desk")) as out:
        deliveries.start_work(attempt())
        await out.until(lambda: len(out.results) == 1)
        deliveries.start_work(attempt())
        await out.until(lambda: len(out.results) == 2)
    assert out.results[0] == out.results[1]
    assert len(fake.asked) == 1


async def test_an_attempt_that_is_cut_off_says_nothing_and_can_be_made_again() -> None:
    fake = Fake()
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "hang")) as out:
        deliveries.start_work(attempt())
        await out.until(lambda: bool(fake.asked))
    assert out.results == []
    fake.go_on.set()
    async with running(deliveries, receiver("soc", "hang")) as again:
        deliveries.start_work(attempt())
        await again.until(lambda: bool(again.results))
    assert [one.outcome for one in again.results] == [Outcome.DELIVERED]


@pytest.mark.parametrize("fanout", [False, True])
async def test_a_process_that_stood_still_begins_nothing_more(fanout: bool) -> None:
    """Its partitions are another's by now, who sends what was not begun."""

    def gone() -> None:
        raise LeaseError("this process stood still")

    fake, out = Fake(), Recorder()
    deliveries = service(fake)
    known = receiver("soc", "yes", "also", fanout=fanout)
    deliveries.start_work(attempt())
    with pytest.raises(ExceptionGroup) as ended:
        async with asyncio.timeout(10):
            await deliveries.run(replaced(context(out, known), alive=gone))
    assert ended.value.subgroup(LeaseError) is not None
    assert fake.asked == []
    assert out.results == []


class Away(Recorder):
    """A broker that is away for the first so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def emit(self, records: Sequence[OutRecord]) -> None:
        if self.times > 0:
            self.times -= 1
            raise EmitError("not confirmed")
        await super().emit(records)


async def test_a_broker_that_is_away_does_not_send_the_notification_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agents.notify.service.TELL_AGAIN_S", (0.001,))
    fake, out = Fake(), Away(5)
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "yes"), out=out):
        deliveries.start_work(attempt())
        deliveries.start_work(attempt())  # its timer found it lost meanwhile
        await out.until(lambda: bool(out.results))
    assert fake.asked == ["yes n-1"]


def checking(*references: str) -> Attempt:
    checks = tuple(
        Confirming(channel="confirms", kind="fake", reference=one, since=T0) for one in references
    )
    return Attempt(request=request(), attempt=1, checks=checks)


async def test_what_a_channel_says_later_is_told_and_silence_is_not() -> None:
    fake = Fake()
    fake.reports = {
        "r-1": Report(outcome=Outcome.CONFIRMED),
        "r-2": None,
        "r-3": Report(outcome=Outcome.UNDELIVERED, detail="code 30003"),
    }
    deliveries = service(fake)
    async with running(deliveries, receiver("soc", "confirms")) as out:
        deliveries.start_work(checking("r-1", "broken", "r-2", "r-3"))
        await out.until(lambda: len(out.results) == 2)
    assert fake.asked == ["check r-1", "check broken", "check r-2", "check r-3"]
    told = [(one.attempt, one.outcome, one.error) for one in out.results]
    assert told == [(0, Outcome.CONFIRMED, None), (0, Outcome.UNDELIVERED, "code 30003")]
    assert len({one.result_id for one in out.results}) == 2


async def test_what_can_be_confirmed_says_so() -> None:
    result = await one_pass(Fake(), attempt(), receiver("soc", "confirms"))
    (outcome,) = result.channels
    assert (outcome.reference, outcome.confirm) == ("ref-confirms", True)


async def test_the_counts() -> None:
    def counted() -> tuple[float, float]:
        return (
            METRICS.notification_sent.labels("fake")._value.get(),
            METRICS.notification_failed.labels("fake")._value.get(),
        )

    sent, failed = counted()
    await one_pass(Fake(), attempt(), receiver("soc", "no", "yes"))
    assert counted() == (sent + 1, failed + 1)
    # The names that the first gateway's dashboards read.
    assert METRICS.notification_sent._name + "_total" == "vmm_notification_sent_total"
    assert METRICS.notification_failed._name + "_total" == "vmm_notification_failed_total"


async def test_no_secret_reaches_a_log_or_a_result(caplog: pytest.LogCaptureFixture) -> None:
    result = await one_pass(Fake(), attempt(), receiver("soc", "defect"))
    assert SECRET not in repr(result)
    assert SECRET not in caplog.text
    assert "KeyError" in caplog.text


async def test_a_picture_is_fetched_once_for_all_channels() -> None:
    class Blobs:
        asked = 0

        def get(self, key: str) -> bytes:
            Blobs.asked += 1
            assert key.startswith("snapshots/north/2026/03/02/")
            return b"\xff\xd8\xff picture"

    fake = Fake()
    blobs: Any = Blobs()
    one = receiver("soc", "picture", "picture", fanout=True)
    await one_pass(fake, attempt(), one, deliveries=service(fake, blobs=blobs))
    assert fake.pictures == [b"\xff\xd8\xff picture"] * 2
    assert Blobs.asked == 1


async def test_without_a_picture_it_goes_out_all_the_same() -> None:
    fake = Fake()
    gone = replace(request(), alerts=(line(1, event_id=None),))
    one = receiver("soc", "picture")
    result = await one_pass(fake, Attempt(request=gone, attempt=1), one)
    assert (result.outcome, fake.pictures) == (Outcome.DELIVERED, [None])


async def test_switched_off_nothing_leaves_and_everything_is_said_to_be_delivered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHFLOOR_NOTIFY", "off")
    # Nobody listens there: had anything been sent, it would have failed.
    channels = tuple(
        Channel(kind=kind, options={"url": "http://127.0.0.1:1/", "host": "127.0.0.1"})
        for kind in ("webhook", "email", "slack", "pushover", "recording", "log")
    )
    deliveries = DeliveryService()
    one = Receiver(name="soc", fanout=True, channels=channels)
    result = await one_pass(Fake(), attempt(), one, deliveries=deliveries)
    assert {part.outcome for part in result.channels} == {Outcome.DELIVERED}
    assert len(result.channels) == len(channels)
