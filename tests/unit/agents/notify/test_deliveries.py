"""The life of a delivery: by channel, by limit, by what channels say later."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.notify.passes import Attempt
from agents.notify.stage import CHECK_FIRST, CHECK_FOR, GRACE, LOST_AFTER
from schemas.base import Severity
from schemas.document import Site, SiteNotifications
from schemas.notification import Outcome
from tests.unit.agents.notify.chain import Act, receiver
from tests.unit.agents.notify.parts import T0, channel, note, request

HOOK = channel("webhook", "hook", url="https://h.example.org")
LOCAL = channel("recording", "local")
PAGER = channel("recording", "pager")
SLOW = channel("recording", "slow", backoff_first="60s", backoff_most="60s")


def test_each_channel_has_its_own_backoff() -> None:
    act = Act(receiver(LOCAL, SLOW))
    (first,) = act.ask(request())
    assert act.end(first, "local", "slow") == []
    assert act.tick(9) == []
    (second,) = act.tick(1)
    assert (second.attempt, second.channels, second.waiting) == (2, ("local",), ("slow",))
    act.end(second, "local")
    (third,) = act.tick(20)
    assert (third.channels, third.waiting) == (("local",), ("slow",))
    act.end(third, "local")
    # 10 + 20 s later the slow one is due, and the quick one 40 s after its third failure.
    (fourth,) = act.tick(30)
    assert (fourth.channels, fourth.waiting, act.seconds()) == (("slow",), ("local",), 60)
    act.end(fourth)
    assert act.tick(600) == []
    row = act.row()
    assert row is not None
    assert row.done


def test_a_channel_with_jitter_comes_a_little_early_and_always_the_same() -> None:
    def begun() -> float:
        act = Act(receiver(HOOK))
        (first,) = act.ask(request())
        act.end(first, "hook")
        while not act.tick(1):
            assert act.seconds() < 20
        return act.seconds()

    assert 8 <= begun() <= 10
    assert begun() == begun()


@pytest.mark.parametrize(("after", "second"), [(3.0, 10), (25.0, 25), (1000.0, None)])
def test_retry_after_is_heard_where_it_is_longer_than_the_backoff(
    after: float, second: float | None
) -> None:
    act = Act(receiver(LOCAL))
    (first,) = act.ask(request())
    act.end(first, "local", retry_after_s=after)
    begun = act.tick(400)
    if second is None:
        # Past the deadline: nobody waits for it.
        assert begun == []
        assert [one.outcome for one in act.told] == [Outcome.EXPIRED]
    else:
        other = Act(receiver(LOCAL))
        (first,) = other.ask(request())
        other.end(first, "local", retry_after_s=after)
        assert other.tick(second - 1) == []
        assert len(other.tick(1)) == 1


def test_what_is_refused_for_good_is_not_tried_again() -> None:
    act = Act(receiver(LOCAL))
    (first,) = act.ask(request())
    act.end(first, "local", final=True)
    assert act.tick(400) == []
    assert [(one.outcome, one.attempt) for one in act.told] == [(Outcome.EXPIRED, 2)]


def test_of_a_fan_out_only_those_that_failed_are_tried_again() -> None:
    act = Act(receiver(LOCAL, PAGER, fanout=True))
    (first,) = act.ask(request())
    act.end(first, "pager")
    row = act.row()
    assert row is not None
    assert (row.done, row.first is not None and row.first.outcome) == (False, Outcome.DELIVERED)
    (second,) = act.tick(10)
    assert (second.channels, second.waiting) == (("pager",), ())
    act.end(second)
    assert act.tick(400) == []
    assert act.told == []


def test_a_fan_out_with_one_that_never_takes_it_ends_and_says_so() -> None:
    act = Act(receiver(LOCAL, PAGER, fanout=True))
    (first,) = act.ask(request())
    act.end(first, "pager")
    while begun := act.tick(130):
        for attempt in begun:
            act.end(attempt, "pager")
    assert [one.outcome for one in act.told] == [Outcome.EXPIRED]
    assert {one.channels for one in act.attempts[1:]} == {("pager",)}


def test_a_lost_pass_gets_a_moment_for_its_outcome_to_be_found() -> None:
    act = Act(receiver(LOCAL))
    (first,) = act.ask(request())
    # The worker was away for a minute, and the clock is the first thing that it reads.
    act.now += timedelta(minutes=1)
    assert act.tick(0) == []
    # Then the outcome, which was there all the time.
    act.end(first)
    assert act.tick(60) == []
    assert len(act.attempts) == 1


def test_a_lost_pass_is_begun_again_with_the_same_channels() -> None:
    act = Act(receiver(LOCAL, SLOW))
    (first,) = act.ask(request())
    act.end(first, "local", "slow")
    (second,) = act.tick(10)
    (again,) = act.tick((LOST_AFTER + GRACE).total_seconds())
    assert (again.attempt, again.channels, again.waiting) == (2, ("local",), ("slow",))
    assert again.request.notification_id == second.request.notification_id


def checks(begun: list[Attempt]) -> list[Attempt]:
    return [one for one in begun if one.checks]


def test_what_can_be_confirmed_is_asked_after_ever_more_seldom() -> None:
    act = Act(receiver(LOCAL))
    (first,) = act.ask(request())
    act.end(first, confirm="r-1")
    times: list[float] = []
    while act.seconds() < CHECK_FOR.total_seconds() + 1000 and len(times) < 8:
        if checks(act.tick(1)):
            times.append(act.seconds())
    assert times[0] == CHECK_FIRST.total_seconds()
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == [20, 40, 80, 160, 300, 300, 300]
    (asked,) = act.attempts[-1].checks
    assert (asked.channel, asked.reference, asked.tries) == ("local", "r-1", 8)


@pytest.mark.parametrize("outcome", [Outcome.CONFIRMED, Outcome.ACKNOWLEDGED, Outcome.EXPIRED])
def test_the_word_ends_the_asking(outcome: Outcome) -> None:
    act = Act(receiver(LOCAL))
    (first,) = act.ask(request())
    act.end(first, confirm="r-1")
    (check,) = act.tick(10)
    act.say(check, outcome)
    assert act.tick(900) == []
    assert act.told == []


def test_the_asking_ends_by_itself() -> None:
    act = Act(receiver(LOCAL))
    (first,) = act.ask(request())
    act.end(first, confirm="r-1")
    act.now += CHECK_FOR
    assert act.tick(0) == []
    row = act.row()
    assert row is not None
    assert row.confirming == ()


def test_what_did_not_arrive_goes_to_the_next_channel() -> None:
    act = Act(receiver(LOCAL, PAGER))
    (first,) = act.ask(request())
    act.end(first, confirm="r-1")
    act.now += timedelta(minutes=20)  # carriers take their time, and the deadline is over
    (check,) = act.tick(0)
    (second,) = act.say(check, Outcome.UNDELIVERED)
    assert (second.attempt, second.channels) == (2, ("pager",))
    act.end(second)
    assert act.tick(900) == []
    # The same word again changes nothing.
    assert act.say(check, Outcome.UNDELIVERED) == []


def test_what_did_not_arrive_and_has_no_other_channel_is_over() -> None:
    act = Act(receiver(LOCAL))
    (first,) = act.ask(request())
    act.end(first, confirm="r-1")
    (check,) = act.tick(10)
    assert act.say(check, Outcome.UNDELIVERED) == []
    assert act.tick(900) == []


def test_a_word_about_something_unknown_does_nothing() -> None:
    act = Act(receiver(LOCAL, PAGER))
    (first,) = act.ask(request())
    act.end(first, confirm="r-1")
    (check,) = act.tick(10)
    other = replace(check, checks=(replace(check.checks[0], reference="another"),))
    assert act.say(other, Outcome.UNDELIVERED) == []


def limited(limit: int, *, enabled: bool = True) -> Site:
    told = SiteNotifications(rate_limit_per_min=limit, enabled=enabled)
    return Site(site_id="north", notifications=told)


def test_notes_of_other_services_keep_to_their_sites_limit() -> None:
    act = Act(receiver(LOCAL), limited(2))
    begun = [len(act.ask(note(f"n-{n}"))) for n in range(3)]
    assert begun == [1, 1, 0]
    for attempt in list(act.attempts):
        act.end(attempt)
    assert act.tick(59) == []
    (third,) = act.tick(1)
    assert third.request.notification_id == "n-2"


def test_critical_notes_and_alerts_do_not_wait() -> None:
    act = Act(receiver(LOCAL), limited(1))
    assert len(act.ask(note("n-1"))) == 1
    assert len(act.ask(note("n-2", Severity.CRITICAL))) == 1
    # An alert has been through route, which knows the limit.
    assert len(act.ask(request("n-3"))) == 1


def test_a_note_that_would_wait_past_its_deadline_is_told_so() -> None:
    act = Act(receiver(LOCAL), limited(1))
    (first,) = act.ask(note("n-1"))
    act.end(first)
    assert act.ask(note("n-2", deadline=T0 + timedelta(seconds=30))) == []
    (told,) = act.told
    assert (told.outcome, told.attempt, told.error) == (
        Outcome.EXPIRED,
        1,
        "the site's limit of 1 a minute",
    )
    assert act.tick(120) == []


@pytest.mark.parametrize("site", [limited(0, enabled=False), Site(site_id="north", enabled=False)])
def test_a_site_that_is_off_sends_no_notes(site: Site) -> None:
    act = Act(receiver(LOCAL), site)
    assert act.ask(note()) == []
    assert [one.outcome for one in act.told] == [Outcome.FAILED]
    # Whoever asks again is told again.
    assert act.ask(note()) == []
    assert len(act.told) == 2


def until_begun(act: Act) -> list[Attempt]:
    """Jump to the next time at which something is begun."""
    row = act.row()
    assert row is not None
    assert row.due is not None
    act.now = row.due
    return act.tick(0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from(["local", "pager", "slow"])), max_size=12),
    st.booleans(),
    st.integers(0, 400),
)
def test_no_delivery_goes_on_for_ever_or_is_told_twice(
    failing: list[set[str]], fanout: bool, retry_for: int
) -> None:
    act = Act(receiver(LOCAL, PAGER, SLOW, fanout=fanout))
    begun = act.ask(request(deadline=T0 + timedelta(seconds=retry_for)))
    took: set[str] = set()
    for number in range(60):
        for attempt in begun:
            bad = failing[number] if number < len(failing) else {"local", "pager", "slow"}
            tried = set(attempt.channels) or {"local", "pager", "slow"}
            if fanout:
                # Nobody is asked again who took it.
                assert not tried & took
                took |= tried - bad
            act.end(attempt, *bad)
        row = act.row()
        assert row is not None
        if row.done:
            break
        begun = until_begun(act)
    row = act.row()
    assert row is not None
    assert row.done
    assert act.tick(300) == []
    numbers = [one.attempt for one in act.attempts]
    assert numbers == list(range(1, len(numbers) + 1))
