"""A broker that refuses for a moment ends no run."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from infra.conformance import flow
from infra.errors import TimeLimitError


def test_what_a_broker_refuses_for_a_moment_is_asked_again() -> None:
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        if len(asked) < 3:
            raise KafkaException(KafkaError(KafkaError.FENCED_LEADER_EPOCH))
        return 7

    assert flow.answered(ask) == 7
    assert len(asked) == 3


def test_what_it_goes_on_refusing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "ANSWER_S", 0.0)

    def ask() -> int:
        raise KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))

    with pytest.raises(TimeLimitError, match="does not answer"):
        flow.answered(ask)
