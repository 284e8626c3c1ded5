"""Pushover: priorities, pictures, receipts, and what ends an emergency."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web as http

from agents.notify.senders.base import Report, Taken
from agents.notify.senders.pushover import PushoverSender
from agents.notify.web import Web
from schemas.base import Severity
from schemas.notification import NotifyStatus, Outcome
from tests.integration.notify.servers import Seen, Server
from tests.integration.notify.vendors import (
    JPEG,
    PUSHOVER_YES,
    SECRETS,
    made,
    pushover,
)
from tests.unit.agents.notify.parts import job, line, request


@pytest.mark.parametrize(
    ("severity", "status", "priority"),
    [
        ("critical", "firing", "2"),
        ("high", "firing", "1"),
        ("medium", "firing", "0"),
        ("low", "firing", "-1"),
        ("info", "firing", "-2"),
        ("critical", "resolved", "-1"),
    ],
)
async def test_pushover_priority_follows_severity(
    severity: str, status: str, priority: str, web: Web, server: Server
) -> None:
    server.answers(200, PUSHOVER_YES)
    of = request(alerts=(line(1, Severity(severity)),), status=NotifyStatus(status))
    await PushoverSender().send(made("pushover", server, of), web)
    form = server.seen[-1].form
    assert (form["token"], form["user"], form["priority"]) == ("app-t0ken", "us3r-key", priority)
    assert ("retry" in form, "expire" in form) == (priority == "2", priority == "2")
    assert form["message"]
    assert len(form["title"]) <= 250


async def test_pushover_gets_the_picture(web: Web, server: Server) -> None:
    server.answers(200, PUSHOVER_YES)
    await PushoverSender().send(job(pushover(server), SECRETS, picture=JPEG), web)
    (seen,) = server.seen
    assert seen.headers["Content-Type"].startswith("multipart/form-data")
    assert JPEG in seen.body
    assert b'name="attachment"; filename="snapshot.jpg"' in seen.body
    assert b'name="token"' in seen.body
    await PushoverSender().send(job(pushover(server, picture=False), SECRETS, picture=JPEG), web)
    assert JPEG not in server.seen[1].body


async def test_pushover_cuts_what_is_too_long(web: Web, server: Server) -> None:
    server.answers(200, PUSHOVER_YES)
    of = request(alerts=tuple(line(n, title="x" * 250) for n in range(20)))
    await PushoverSender().send(made("pushover", server, of), web)
    assert len(server.seen[0].form["message"]) == 1024


async def test_pushover_emergency_is_asked_after_until_somebody_acknowledges(
    web: Web, server: Server
) -> None:
    server.answers(200, {**PUSHOVER_YES, "receipt": "rLqVuqTRh62UzxtmqiaLzQmVcPgiCy"})
    of = request(alerts=(line(1, Severity.CRITICAL),))
    asked = made("pushover", server, of, retry="30s", expire="10m")
    taken = await PushoverSender().send(asked, web)
    assert taken == Taken(reference="rLqVuqTRh62UzxtmqiaLzQmVcPgiCy", confirm=True)
    form = server.seen[0].form
    assert (form["retry"], form["expire"]) == ("30", "600")
    assert taken.reference is not None
    for body, report in (
        ({"status": 1, "acknowledged": 0, "expired": 0}, None),
        ({"status": 1, "acknowledged": 1, "expired": 0}, Report(outcome=Outcome.ACKNOWLEDGED)),
        (
            {"status": 1, "acknowledged": 0, "expired": 1},
            Report(outcome=Outcome.EXPIRED, detail="nobody acknowledged it"),
        ),
    ):
        server.answers(200, body)
        assert await PushoverSender().check(asked, web, taken.reference) == report
    assert server.seen[-1].path == f"/1/receipts/{taken.reference}.json"
    assert server.seen[-1].query == {"token": "app-t0ken"}
    # A copy of it, sent by a worker that died, sounds no longer than this one.
    off = [one for one in server.seen if "cancel_by_tag" in one.path]
    assert [one.path for one in off] == ["/1/receipts/cancel_by_tag/wf-n-1.json"]
    assert off[0].form == {"token": "app-t0ken"}


@pytest.mark.parametrize(
    ("severity", "alerts", "tags"),
    [
        (Severity.CRITICAL, 1, "wf-n-1,wf-a-1"),
        (Severity.CRITICAL, 2, "wf-n-1"),  # the end of one of them does not end it
        (Severity.HIGH, 1, None),  # only emergencies have a receipt
    ],
)
async def test_pushover_emergencies_are_tagged_by_what_ends_them(
    web: Web, server: Server, severity: Severity, alerts: int, tags: str | None
) -> None:
    server.answers(200, PUSHOVER_YES)
    of = request(alerts=tuple(line(n + 1, severity) for n in range(alerts)))
    await PushoverSender().send(made("pushover", server, of), web)
    assert server.seen[0].form.get("tags") == tags


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_a_resolve_calls_its_alerts_emergencies_off_and_goes_out_anyway(
    web: Web, server: Server, status: int
) -> None:

    async def handle(seen: Seen, _: http.Request) -> http.StreamResponse:
        if "cancel_by_tag" in seen.path:
            return http.json_response({"status": int(status == 200)}, status=status)
        return http.json_response(PUSHOVER_YES)

    server.handler = handle
    both = (line(1, Severity.CRITICAL), line(2, Severity.HIGH))  # of the second there was none
    over = request(status=NotifyStatus.RESOLVED, alerts=both)
    taken = await PushoverSender().send(made("pushover", server, over), web)
    assert [one.path for one in server.seen] == [
        "/1/receipts/cancel_by_tag/wf-a-1.json",
        "/1/messages.json",
    ]
    assert taken.reference == "647d2300-702c"


@pytest.mark.parametrize("receipt", ["../../x", "a?b", "", 7, "r" * 101])
async def test_a_receipt_that_is_none_is_not_asked_after(
    receipt: Any, web: Web, server: Server
) -> None:
    server.answers(200, {**PUSHOVER_YES, "receipt": receipt})
    assert not (await PushoverSender().send(made("pushover", server), web)).confirm
