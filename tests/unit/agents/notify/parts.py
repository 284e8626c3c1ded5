"""Requests, jobs, a role's context, and what takes the place of Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agents.notify.message import Said, compose, speaking
from agents.notify.passes import Attempt
from agents.notify.push.subscribers import Subscribers
from agents.notify.senders.base import Job
from agents.notify.targets import Policy
from agents.runtime.configuration import Configuration
from agents.runtime.ownership import Ownership
from agents.runtime.service import RoleContext
from infra.settings import Settings
from schemas.base import Severity, decode
from schemas.document import (
    Channel,
    ConfigRecord,
    Receiver,
    Route,
    Routing,
    Site,
    SiteNotifications,
    Template,
)
from schemas.notification import Line, Note, NotifyRequest, NotifyResult, NotifyStatus
from topics.catalogue import NOTIFY_REQUESTS
from topics.record import OutRecord, make

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LOOPBACK = Policy(internal=True)


def line(number: int = 1, severity: Severity = Severity.HIGH, **more: Any) -> Line:
    fields: dict[str, Any] = {
        "alert_id": f"a-{number}",
        "title": "person at Gate (yard), North depot",
        "severity": severity,
        "rank": 71 - number,
        "last_event": T0,
        "event_id": f"e-{number}",
    }
    return Line(**{**fields, **more})


def request(name: str = "n-1", receiver: str = "soc", **more: Any) -> NotifyRequest:
    lines = more.pop("alerts", (line(),))
    fields: dict[str, Any] = {
        "notification_id": name,
        "site_id": "north",
        "receiver": receiver,
        "status": NotifyStatus.FIRING,
        "group": "g",
        "flush": 1,
        "requested_at": T0,
        "deadline": T0 + timedelta(minutes=5),
        "alerts": lines,
        "total": len(lines),
        "event_ids": ("e-1",),
    }
    return NotifyRequest(**{**fields, **more})


def asked_for(one: NotifyRequest) -> OutRecord:
    """The record that asks for a notification."""
    return make(
        NOTIFY_REQUESTS,
        one,
        id=one.notification_id,
        time=one.requested_at,
        source="test",
        key=one.site_id,
    )


def note(name: str = "n-1", severity: Severity = Severity.INFO, **more: Any) -> NotifyRequest:
    return request(
        name,
        kind="internal",
        alerts=(),
        event_ids=(),
        note=Note(title="Backup failed", text="The disk is full.", severity=severity),
        **more,
    )


def attempt(name: str = "n-1", receiver: str = "soc", number: int = 1) -> Attempt:
    return Attempt(request=request(name, receiver), attempt=number)


def channel(kind: str, name: str | None = None, **options: Any) -> Channel:
    return Channel(kind=kind, name=name, options=options)


def webhook(url: str, **options: Any) -> Channel:
    return channel("webhook", url=url, **options)


def job(
    one: Channel,
    secrets: dict[str, str] | None = None,
    *,
    of: NotifyRequest | None = None,
    templates: Sequence[Template] = (),
    policy: Policy = LOOPBACK,
    now: datetime = T0,
    picture: bytes | None = None,
    cards: bool = False,
    subscribers: Subscribers | None = None,
) -> Job:
    """What a sender is given; loopback is allowed."""

    async def shot() -> bytes | None:
        return picture

    asked = of or request()

    def said(by: Channel) -> Said:
        return compose(asked, by, site=None, templates=templates, link_base="https://w.example.org")

    return Job(
        channel=one,
        request=asked,
        said=said(one),
        speaking=lambda language: said(speaking(one, language)),
        subscribers=subscribers,
        now=now,
        secrets=(secrets or {}).__getitem__,
        policy=policy,
        cards=cards,
        picture=shot,
    )


class Recorder:
    """Takes what would go to Kafka."""

    def __init__(self) -> None:
        self.results: list[NotifyResult] = []

    async def emit(self, records: Sequence[OutRecord]) -> None:
        for record in records:
            self.results.append(decode(record.value or b"", NotifyResult))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)


def configured(*receivers: Receiver, site: Site | None = None, **routing: Any) -> Configuration:
    """Receivers, and a site that allows loopback."""
    found = Configuration()
    one = site or Site(
        site_id="north", notifications=SiteNotifications(allow_internal_targets=True)
    )
    parts = Routing(route=Route(receiver="soc"), receivers=receivers, **routing)
    found.apply("north", ConfigRecord(revision=1, author="t", at=T0, site=one))
    found.apply("routing", ConfigRecord(revision=1, author="t", at=T0, routing=parts))
    return found


def context(
    emitter: Any,
    *receivers: Receiver,
    now: Callable[[], datetime] = lambda: T0,
    site: Site | None = None,
    state_dir: Path = Path("/nonexistent"),
) -> RoleContext:
    return RoleContext(
        role="act",
        settings=Settings(state_dir=state_dir),
        emitter=emitter,
        now=now,
        configuration=configured(*receivers, site=site),
        ownership=Ownership,
        report=lambda name, problem: None,
    )
