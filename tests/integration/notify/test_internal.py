"""`POST /internal/notify` through a real broker, with somebody who plays act."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from agents.notify.passes import Attempt, summary
from agents.notify.stage import result_record
from agents.runtime.emitter import Emitter
from infra.db.documents import publish
from infra.db.outbox import drain_outbox
from infra.secrets import write_secret
from infra.settings import Settings
from schemas.document import Channel, Document, Receiver, Route, Routing
from schemas.notification import ChannelOutcome, NotifyRequest, Outcome
from tests.integration.api.support import (
    NOW,
    Stack,
    StandIn,
    document,
    is_ready,
    make_ready,
    run_in_thread,
    serving,
    wait_until,
)
from topics.catalogue import NOTIFY_REQUESTS

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

TOKEN: Final = "a-token-of-some-length"


class Actor(StandIn[NotifyRequest]):
    """Plays act: a note's text says how its first pass ends; `silent` never does."""

    topic = NOTIFY_REQUESTS

    async def answer(self, emitter: Emitter, message: NotifyRequest) -> None:
        """The first pass's outcome."""
        request = message
        assert isinstance(request, NotifyRequest)
        assert request.note is not None
        if request.note.text != "silent":
            await emitter.emit([result_record(_result(request))])


def _result(request: NotifyRequest) -> Any:
    assert request.note is not None
    outcome = Outcome(request.note.text)
    hook = Channel(kind="webhook", name="hook")
    one = ChannelOutcome(
        channel="hook",
        kind="webhook",
        outcome=outcome,
        error=None if outcome is Outcome.DELIVERED else "https://h answered 500",
    )
    return summary(Attempt(request=request, attempt=1), [one], {"hook": hook}, NOW)


@pytest.fixture(scope="module")
def stack(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("notify-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="notify-tests",
    )
    write_secret(settings.state_dir / "secrets", "internal-notify", TOKEN)
    make_ready(settings)
    receivers = (Receiver(name="desk", channels=(Channel(kind="log"),)),)
    routing = Routing(route=Route(receiver="desk"), receivers=receivers)
    publish(settings, Document(sites=document().sites, routing=routing), "test")
    run_in_thread(lambda: drain_outbox(settings))
    with serving(settings, decision_wait_s=3.0) as found:
        wait_until(lambda: is_ready(found), "the façade is ready")
        yield found


@pytest.fixture(scope="module")
def actor(stack: Stack) -> Iterator[Actor]:
    with Actor(stack.settings) as found:
        yield found


def post(stack: Stack, text: str, **headers: str) -> Any:
    with stack.client() as client:
        return client.post(
            "/internal/notify",
            json={"site_id": "north", "title": "Backup failed", "text": text, "source": "backup"},
            headers={"Authorization": f"Bearer {TOKEN}", **headers},
        )


def test_sent(stack: Stack, actor: Actor) -> None:
    answer = wait_until(lambda: _routed(stack), "the routing is known")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["result"], told["channel"], told["reason"]) == ("sent", "hook", None)
    request = actor.seen[-1]
    assert (request.kind, request.receiver, request.site_id) == ("internal", "desk", "north")
    assert request.note is not None
    assert (request.note.title, request.note.source) == ("Backup failed", "backup")
    assert request.notification_id == told["notification_id"]


def _routed(stack: Stack) -> Any:
    answer = post(stack, "delivered")
    return None if answer.status_code == 422 else answer


@pytest.mark.parametrize(
    ("text", "reason"), [("failed", "webhook_send_failed"), ("timed_out", "webhook_timeout")]
)
def test_failed_and_why(stack: Stack, actor: Actor, text: str, reason: str) -> None:
    wait_until(lambda: _routed(stack), "the routing is known")
    told = post(stack, text).json()
    assert (told["result"], told["reason"], told["retrying"]) == ("failed", reason, True)
    assert told["error"] == "https://h answered 500"


def test_one_whose_first_pass_takes_long_is_safe_and_said_to_be(stack: Stack, actor: Actor) -> None:
    wait_until(lambda: _routed(stack), "the routing is known")
    answer = post(stack, "silent")
    assert answer.status_code == 202
    assert answer.json()["result"] == "accepted"
    assert actor.seen[-1].notification_id == answer.json()["notification_id"]


def test_the_same_key_is_the_same_notification(stack: Stack, actor: Actor) -> None:
    wait_until(lambda: _routed(stack), "the routing is known")
    first = post(stack, "delivered", **{"Idempotency-Key": "night-1"}).json()
    again = post(stack, "delivered", **{"Idempotency-Key": "night-1"}).json()
    another = post(stack, "failed", **{"Idempotency-Key": "night-1"})
    other = post(stack, "delivered", **{"Idempotency-Key": "night-2"}).json()
    assert first == again
    assert another.status_code == 422
    assert other["notification_id"] != first["notification_id"]
