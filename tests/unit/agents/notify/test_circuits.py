"""Breakers as state: kept from outcomes, handed over with attempts, forgotten in the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agents.notify.circuits import KEEP
from agents.notify.passes import Attempt, summary
from agents.notify.places import place_of
from agents.notify.stage import ACT_CHAIN, result_record
from agents.runtime.chain import ChainRunner
from schemas.notification import ChannelOutcome, Circuit, Outcome
from tests.unit.agents.notify.chain import Act, receiver
from tests.unit.agents.notify.parts import T0, channel, request, webhook

OPEN = Circuit(failures=5, opened=1, until=T0 + timedelta(seconds=15))
HOOK = webhook("https://a.example.org/hook")
OTHER = webhook("https://b.example.org/hook")


def met(act: Act, attempt: Attempt, circuit: Circuit | None) -> None:
    """The first channel's target was met, and this is how it is; nothing is tried again."""
    one = act.receiver.channels[0]
    outcome = ChannelOutcome(
        channel=one.kind,
        kind=one.kind,
        outcome=Outcome.FAILED,
        final=True,
        circuit=circuit,
    )
    act.feed(result_record(summary(attempt, [outcome], {one.kind: one}, act.now)))


def first(act: Act, name: str) -> Attempt:
    (attempt,) = act.ask(request(name, deadline=act.now + timedelta(minutes=5)))
    return attempt


def test_an_open_breaker_goes_with_the_next_attempt_until_its_target_works() -> None:
    act = Act(receiver(HOOK, OTHER))
    attempt = first(act, "n-1")
    assert attempt.circuits == ()
    met(act, attempt, OPEN)
    attempt = first(act, "n-2")
    assert attempt.circuits == (("webhook", OPEN),)
    met(act, attempt, None)
    assert first(act, "n-3").circuits == ()


def test_it_outlives_the_worker() -> None:
    act = Act(receiver(HOOK))
    met(act, first(act, "n-1"), OPEN)
    act.runner = ChainRunner(ACT_CHAIN, act.configuration, act.store)
    assert first(act, "n-2").circuits == (("webhook", OPEN),)


@pytest.mark.parametrize(
    ("minutes", "known"),
    [(59, True), (60, True), (61, False)],  # 15 s after the hour
)
def test_what_nobody_met_again_is_forgotten(minutes: int, known: bool) -> None:
    assert timedelta(hours=1) == KEEP
    act = Act(receiver(HOOK))
    met(act, first(act, "n-1"), OPEN)
    act.tick(60 * minutes)
    assert bool(first(act, "n-2").circuits) is known


def test_one_that_opened_again_is_kept_from_then_on() -> None:
    act = Act(receiver(HOOK))
    met(act, first(act, "n-1"), OPEN)
    act.tick(40 * 60)
    again = replace(OPEN, opened=2, until=act.now + timedelta(seconds=30))
    met(act, first(act, "n-2"), again)
    act.tick(40 * 60)
    assert first(act, "n-3").circuits == (("webhook", again),)


def test_an_outcome_of_a_channel_that_is_another_now_says_nothing() -> None:
    act = Act(receiver(HOOK))
    attempt = first(act, "n-1")
    stranger = ChannelOutcome(
        channel="webhook", kind="email", outcome=Outcome.FAILED, final=True, circuit=OPEN
    )
    gone = replace(stranger, channel="pager")
    made = summary(attempt, [stranger, gone], {"pager": HOOK, "webhook": HOOK}, act.now)
    act.feed(result_record(made))
    assert first(act, "n-2").circuits == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (HOOK, webhook("https://a.example.org/another"), True),  # the host is in trouble, or not
        (HOOK, webhook("https://a.example.org:8443/hook"), False),
        (HOOK, OTHER, False),
        (channel("sms", to="+1"), channel("sms", to="+2"), False),
        (channel("gchat", credentials="a"), channel("gchat", credentials="b"), False),
        (channel("slack", credentials="a"), channel("teams", credentials="a"), False),
        (channel("email", host="m", port=25), channel("email", host="m", port=587), False),
        (channel("email", host="m"), channel("email", host="m", picture=False), True),
    ],
)
def test_two_places(one: Any, other: Any, same: bool) -> None:
    assert (place_of(one) == place_of(other)) is same
    assert "+1" not in place_of(one)
