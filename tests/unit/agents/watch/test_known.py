"""What is remembered of devices' health."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agents.runtime.record import Record
from agents.watch.known import Knowledge
from schemas.base import encode
from schemas.device import Breaker, DeviceHealth, DeviceSeverity
from topics.catalogue import DEVICE_HEALTH

T0 = datetime(2026, 3, 1, tzinfo=UTC)
WELL = DeviceHealth(
    site_id="north",
    device_id="nvr-1",
    severity=DeviceSeverity.NORMAL,
    breaker=Breaker.CLOSED,
    consecutive_failures=0,
    load_shed=False,
    at=T0,
    since=T0,
    next_poll_at=T0 + timedelta(minutes=4),
)
DOWN = replace(
    WELL,
    severity=DeviceSeverity.CRITICAL,
    breaker=Breaker.OPEN,
    load_shed=True,
    at=T0 + timedelta(minutes=1),
)


def record(health: DeviceHealth | bytes | None, key: bytes = b"north/nvr-1") -> Record:
    return Record(
        topic=DEVICE_HEALTH,
        partition=0,
        offset=0,
        timestamp_ms=0,
        key=key,
        value=encode(health) if isinstance(health, DeviceHealth) else health,
        headers={},
    )


def test_the_newest_health_counts() -> None:
    knowledge = Knowledge()
    assert knowledge.take(record(WELL)) == "north/nvr-1"
    assert knowledge.take(record(WELL)) is None
    assert knowledge.take(record(DOWN)) == "north/nvr-1"
    assert knowledge.take(record(WELL)) is None
    known = knowledge.devices["north/nvr-1"]
    assert known.severity is DeviceSeverity.CRITICAL
    assert known.open
    assert known.next_poll == (T0 + timedelta(minutes=4)).timestamp()


def test_a_site_is_relieved_while_one_of_its_devices_is_down() -> None:
    knowledge = Knowledge()
    other = replace(DOWN, device_id="nvr-2")
    knowledge.take(record(DOWN))
    knowledge.take(record(other, b"north/nvr-2"))
    now = T0.timestamp() + 120
    assert knowledge.sheds("north", now)
    assert not knowledge.sheds("south", now)
    knowledge.take(record(replace(WELL, at=T0 + timedelta(minutes=2))))
    assert knowledge.sheds("north", now)
    assert knowledge.take(record(None, b"north/nvr-2")) == "north/nvr-2"
    assert not knowledge.sheds("north", now)
    assert knowledge.take(record(None, b"north/nvr-2")) is None


def test_one_that_nobody_polls_any_more_relieves_nobody() -> None:
    knowledge = Knowledge()
    knowledge.take(record(DOWN))
    assert knowledge.sheds("north", DOWN.at.timestamp() + 599)
    assert not knowledge.sheds("north", DOWN.at.timestamp() + 601)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (b"{", b"north/nvr-1"),
        (DOWN, b"south/nvr-1"),  # says another key
        (DOWN, b""),
    ],
)
def test_a_bad_record_changes_nothing(value: Any, key: bytes) -> None:
    knowledge = Knowledge()
    knowledge.take(record(WELL))
    assert knowledge.take(record(value, key)) is None
    assert list(knowledge.devices) == ["north/nvr-1"]
    assert not knowledge.sheds("north", T0.timestamp() + 120)
