"""The recording channel: it takes, refuses, and hangs, by receiver and channel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from agents.notify.senders.local import CHANNEL_HEADER
from infra.conformance.cases import ChannelFault
from infra.conformance.recorder import Recorder
from schemas.base import encode
from schemas.notification import NotifyRequest, NotifyStatus

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as found:
        yield found


def post(recorder: Recorder, receiver: str, channel: str, *, timeout: float = 5) -> int:
    request = NotifyRequest(
        notification_id=f"{receiver}-1",
        site_id="north",
        receiver=receiver,
        status=NotifyStatus.FIRING,
        group="g",
        flush=1,
        requested_at=T0,
        deadline=T0,
        alerts=(),
        total=3,
    )
    headers = {CHANNEL_HEADER: channel}
    reply = httpx.post(
        recorder.url, content=encode(request), headers=headers, timeout=timeout, trust_env=False
    )
    return reply.status_code


def fault(receiver: str, name: str | None = None, **on: bool | None) -> ChannelFault:
    return ChannelFault(
        receiver=receiver, name=name, fails=on.get("fails"), times_out=on.get("times_out")
    )


def test_what_it_took_is_kept_with_its_moment(recorder: Recorder) -> None:
    recorder.turn()
    assert post(recorder, "soc", "sms") == 200
    recorder.turn()
    assert post(recorder, "soc", "sms") == 200
    assert [(one.channel, one.request.total, one.moment) for one in recorder.taken()] == [
        ("sms", 3, 1),
        ("sms", 3, 2),
    ]
    recorder.begin()
    assert recorder.taken() == []


def test_it_fails_for_whom_it_was_told_and_no_longer(recorder: Recorder) -> None:
    recorder.set(fault("soc", "sms", fails=True))
    assert post(recorder, "soc", "sms") == 503
    assert post(recorder, "soc", "mail") == 200
    assert post(recorder, "lead", "sms") == 200
    recorder.set(fault("soc", fails=True))
    assert post(recorder, "soc", "mail") == 503
    recorder.set(fault("soc", fails=False))
    assert post(recorder, "soc", "mail") == 200
    assert post(recorder, "soc", "sms") == 503
    recorder.set(fault("soc", "sms", fails=False))
    assert post(recorder, "soc", "sms") == 200
    assert [one.channel for one in recorder.taken()] == ["mail", "sms", "mail", "sms"]


def test_it_hangs_and_takes_nothing_then(recorder: Recorder) -> None:
    recorder.set(fault("soc", times_out=True))
    with pytest.raises(httpx.ReadTimeout):
        post(recorder, "soc", "sms", timeout=0.2)
    assert recorder.taken() == []
    recorder.begin()
    assert post(recorder, "soc", "sms") == 200


def test_what_is_no_notification_is_refused(recorder: Recorder) -> None:
    reply = httpx.post(recorder.url, content=b"{", trust_env=False)
    assert reply.status_code == 400
    assert recorder.taken() == []
