"""A delivery: begun, tried again with backoff, found when its worker died, done once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.notify.stage import DELIVERIES, GRACE, LOST_AFTER, Delivery, result_record
from schemas.document import Channel, Receiver
from schemas.ids import result_id
from schemas.notification import NotifyResult, Outcome
from tests.unit.agents.harness import Harness, at, decisions, event, messages, routing, site
from topics.catalogue import NOTIFY_REQUESTS, NOTIFY_RESULTS


def soc(retry_for: timedelta = timedelta(minutes=5)) -> Receiver:
    return Receiver(name="soc", channels=(Channel(kind="recording"),), retry_for=retry_for)


def delivery(harness: Harness) -> Delivery | None:
    key = harness.attempts[0].request.notification_id
    found: Delivery | None = harness.row(DELIVERIES, key)
    return found


def starts(harness: Harness) -> list[int]:
    """The numbers of the attempts that were begun."""
    return [one.attempt for one in harness.attempts]


class Lossy(Harness):
    """An act role whose worker dies with every attempt that it has begun, while `dies`."""

    dies = True

    def deliver(self, attempt: object) -> NotifyResult:
        result = super().deliver(attempt)  # type: ignore[arg-type]
        if self.dies:
            # Its outcome is one that nobody ever heard of.
            return NotifyResult(
                result_id="x",
                notification_id="another",
                site_id="north",
                receiver="soc",
                outcome=Outcome.FAILED,
                attempt=1,
                at=self.now,
            )
        return result


def test_what_is_delivered_is_done_and_forgotten_after_a_day() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    found = delivery(harness)
    assert found is not None
    assert found.done
    harness.wait(600)
    assert starts(harness) == [1]
    harness.command("resolve")
    harness.wait(26 * 3600)
    assert delivery(harness) is None


def test_a_failing_receiver_is_tried_again_until_its_deadline_and_then_given_up() -> None:
    harness = Harness(site(), routing=routing(soc()))
    harness.failing.add(("soc", None))
    harness.send(event("e1"))
    harness.wait(3600)
    results: list[NotifyResult] = messages(harness.outputs, NOTIFY_RESULTS)
    firing = [one for one in harness.attempts if one.request.status.value == "firing"]
    assert [one.attempt for one in firing] == [1, 2, 3, 4, 5, 6]
    # At 0, 10, 30, 70, 150 and 270 s; the next would be at 390 s, past the deadline.
    key = firing[0].request.notification_id
    (expired,) = [
        one for one in results if one.outcome is Outcome.EXPIRED and one.notification_id == key
    ]
    assert expired.at <= firing[0].request.deadline
    found = delivery(harness)
    assert found is not None
    assert found.done
    assert harness.delivered == []


def test_the_attempts_times() -> None:
    harness = Harness(site(), routing=routing(soc()))
    harness.failing.add(("soc", None))
    harness.send(event("e1"))
    begun: list[float] = []
    for second in range(400):
        before = len(harness.attempts)
        harness.advance(at(second))
        begun += [second] * (len(harness.attempts) - before)
    assert begun == [10, 30, 70, 150, 270]


@pytest.mark.parametrize(
    ("retry_for", "attempts"), [(0, 1), (9, 1), (10, 2), (30, 3), (150, 5), (600, 8)]
)
def test_how_often_within_retry_for(retry_for: float, attempts: int) -> None:
    harness = Harness(site(), routing=routing(soc(timedelta(seconds=retry_for))))
    harness.failing.add(("soc", None))
    harness.send(event("e1"))
    harness.advance(at(1799))
    firing = [one for one in harness.attempts if one.request.status.value == "firing"]
    assert len(firing) == attempts


def test_a_receiver_that_comes_back_gets_it_once() -> None:
    harness = Harness(site(), routing=routing(soc()))
    harness.failing.add(("soc", None))
    harness.send(event("e1"))
    harness.wait(20)
    harness.failing.clear()
    harness.wait(900)
    assert [(one.status, one.at) for one in harness.delivered] == [("firing", at(30))]


def test_the_same_request_again_is_the_same_delivery() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    (request,) = [out for out in harness.outputs if out.topic is NOTIFY_REQUESTS]
    rows = dict(harness.act.store.rows)
    again = harness.feed(request)
    assert starts(harness) == [1]
    assert len(harness.delivered) == 1
    assert harness.act.store.rows == rows
    # Its outcome is told again, under the same id.
    told: list[NotifyResult] = messages(again, NOTIFY_RESULTS)
    assert told == messages(harness.results, NOTIFY_RESULTS)


def test_a_decision_is_made_though_the_outcome_came_before_decide_knew_the_question() -> None:
    """Decide died after its request was out and before its state was safe."""
    harness = Harness(site(), act=False)
    harness.advance(at(0))
    state = dict(harness.decide.store.rows)
    harness.send(event("e1"))
    (request,) = [out for out in harness.outputs if out.topic is NOTIFY_REQUESTS]
    harness.decide.store.rows = state
    harness.decide.runner.store = harness.decide.store
    # Act has its request; the outcome finds a decide that knows of nothing.
    harness.start_act()
    assert decisions(harness.feed(request)) == []
    # The event comes again, and so does the request.
    assert harness.result(event("e1")) == ("sent", None)
    assert len(harness.delivered) == 1


def test_the_first_outcome_is_told_again_also_when_a_later_one_was_better() -> None:
    harness = Harness(site(), routing=routing(soc()))
    harness.failing.add(("soc", None))
    harness.send(event("e1"))
    harness.failing.clear()
    harness.wait(10)
    assert starts(harness) == [1, 2]
    (request,) = [out for out in harness.outputs if out.topic is NOTIFY_REQUESTS]
    told: list[NotifyResult] = messages(harness.feed(request), NOTIFY_RESULTS)
    assert [(one.attempt, one.outcome) for one in told] == [(1, Outcome.FAILED)]
    assert starts(harness) == [1, 2]


def test_the_same_outcome_again_changes_nothing() -> None:
    harness = Harness(site(), routing=routing(soc()))
    harness.failing.add(("soc", None))
    harness.send(event("e1"))
    (failed,) = harness.results
    rows = dict(harness.act.store.rows)
    harness.feed(failed)
    assert harness.act.store.rows == rows


def test_an_attempt_that_died_with_its_worker_is_begun_again_as_the_same_attempt() -> None:
    harness = Lossy(site(), routing=routing(soc()))
    harness.send(event("e1"))
    assert starts(harness) == [1]
    harness.wait((LOST_AFTER + GRACE).total_seconds() - 1)
    assert starts(harness) == [1]
    harness.dies = False
    harness.wait(1)
    assert starts(harness) == [1, 1]
    found = delivery(harness)
    assert found is not None
    assert found.done
    # Its outcome is the first pass's: the decision that waits for it becomes final.
    results: list[NotifyResult] = messages(harness.results, NOTIFY_RESULTS)
    assert results[-1].attempt == 1
    assert harness.result(event("e1")) == ("sent", None)


def test_a_late_yes_of_an_attempt_that_was_thought_failed_ends_it() -> None:
    harness = Harness(site(), routing=routing(soc()))
    harness.failing.add(("soc", None))
    harness.send(event("e1"))
    first = harness.attempts[0].request
    yes = NotifyResult(
        result_id=result_id(first.notification_id, 1),
        notification_id=first.notification_id,
        site_id="north",
        receiver="soc",
        outcome=Outcome.DELIVERED,
        attempt=1,
        at=harness.now,
    )
    harness.feed(result_record(yes))
    harness.wait(300)
    assert starts(harness) == [1]


def test_an_outcome_for_a_delivery_that_is_forgotten_does_nothing() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    (done,) = harness.results
    harness.act.store.rows.clear()
    assert harness.feed(done) == []
