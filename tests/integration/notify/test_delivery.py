"""The service with its real senders: receivers of every kind side by side, and what is told."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web as http

from agents.notify.known import AT_ONCE
from agents.notify.passes import Attempt
from agents.notify.picture import picture_of
from agents.notify.service import DeliveryService
from infra.blob.folder import FolderStore
from schemas.document import Receiver, Site
from schemas.ids import snapshot_id
from schemas.notification import NotifyResult, Outcome
from tests.integration.notify.servers import Seen, Server, serving
from tests.unit.agents.notify.parts import (
    Recorder,
    attempt,
    channel,
    context,
    line,
    request,
    webhook,
)

SECRETS = {"app": "app-t0ken", "key": "us3r-key", "hmac": "s3cret"}
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


@asynccontextmanager
async def running(
    deliveries: DeliveryService, *receivers: Receiver, **more: Any
) -> AsyncIterator[Recorder]:
    out = Recorder()
    task = asyncio.create_task(deliveries.run(context(out, *receivers, **more)))
    try:
        yield out
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def service(**more: Any) -> DeliveryService:
    return DeliveryService(secrets=SECRETS.__getitem__, **more)


async def test_real_targets_side_by_side(server: Server, secure: Server, ca_file: str) -> None:
    async with serving() as bad, serving() as hanging, serving() as busy:
        bad.answers(500)
        hanging.hangs()
        busy.answers(429, Retry_After="33")
        secure.answers(200, {"status": 1, "request": "r-1"})
        hook = webhook(f"{server.base}/hook/s3cret-path", secret="hmac")
        receivers = [
            Receiver(name="ok", channels=(hook,)),
            Receiver(name="broken", channels=(webhook(f"{bad.base}/x"),)),
            Receiver(name="hangs", channels=(webhook(f"{hanging.base}/x", timeout=0.5),)),
            Receiver(name="busy", channels=(webhook(f"{busy.base}/x"),)),
            # The first fails, the second takes over.
            Receiver(name="second", channels=(webhook(f"{bad.base}/x"), hook)),
            Receiver(name="unsigned", channels=(webhook(f"{server.base}/no", secret="gone"),)),
            Receiver(
                name="all",
                fanout=True,
                channels=(
                    hook,
                    channel(
                        "pushover",
                        credentials="app",
                        user="key",
                        api=secure.base,
                        ca_file=ca_file,
                        picture=False,
                    ),
                    webhook(f"{bad.base}/x"),
                ),
            ),
        ]
        deliveries = service()
        async with running(deliveries, *receivers) as out:
            for one in receivers:
                deliveries.start_work(attempt(f"n-{one.name}", one.name))
            await out.until(lambda: len(out.results) == len(receivers))
    found: dict[str, NotifyResult] = {one.receiver: one for one in out.results}
    assert {name: one.outcome for name, one in found.items()} == {
        "ok": Outcome.DELIVERED,
        "broken": Outcome.FAILED,
        "hangs": Outcome.TIMED_OUT,
        "busy": Outcome.FAILED,
        "second": Outcome.DELIVERED,
        "unsigned": Outcome.FAILED,
        "all": Outcome.DELIVERED,
    }
    assert found["broken"].error == f"{bad.base} answered 500"
    assert found["busy"].channels[0].retry_after_s == 33
    assert found["second"].owed == ()
    assert found["all"].owed == ("webhook#2",)
    # What goes onto the topic names hosts, and none of the secrets.
    assert found["ok"].target == server.base
    assert not any(secret in repr(out.results) for secret in ("s3cret", "t0ken", "us3r"))
    assert sorted(seen.path for seen in server.seen) == ["/hook/s3cret-path"] * 3


async def test_internal_targets_are_refused_by_default(server: Server) -> None:
    deliveries = service()
    one = Receiver(name="soc", channels=(webhook(f"{server.base}/x"),))
    async with running(deliveries, one, site=Site(site_id="north")) as out:
        deliveries.start_work(attempt())
        await out.until(lambda: bool(out.results))
    (result,) = out.results
    assert (result.outcome, result.owed) == (Outcome.FAILED, ())
    assert "allow_internal_targets" in (result.error or "")
    assert server.seen == []


async def test_a_target_is_never_asked_by_more_than_a_few_at_once(server: Server) -> None:
    now, most = 0, 0
    gate = asyncio.Event()

    async def handle(seen: Seen, asked: http.Request) -> http.StreamResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await gate.wait()
        now -= 1
        return http.Response(status=204)

    server.handler = handle
    deliveries = service()
    async with running(deliveries, Receiver(name="soc", channels=(webhook(server.base),))) as out:
        for number in range(5 * AT_ONCE):
            deliveries.start_work(attempt(f"n-{number}"))
        async with asyncio.timeout(10):
            while now < AT_ONCE:
                await asyncio.sleep(0.005)
        gate.set()
        await out.until(lambda: len(out.results) == 5 * AT_ONCE)
    assert most == AT_ONCE
    keys = [seen.headers["Idempotency-Key"] for seen in server.seen]
    assert len(set(keys)) == len(keys) == 5 * AT_ONCE


async def test_an_event_whose_picture_was_stored_brings_it_along(
    server: Server, tmp_path: Path
) -> None:
    server.answers(200, {"status": 1, "request": "r-1"})
    blobs = FolderStore(tmp_path / "blobs")
    name = snapshot_id("north", "e-1", 0)
    blobs.put(f"snapshots/north/2026/03/02/{name}.jpg", JPEG, "image/jpeg")
    deliveries = service(blobs=blobs)
    push = channel("pushover", credentials="app", user="key", api=server.base)
    async with running(deliveries, Receiver(name="soc", channels=(push,))) as out:
        deliveries.start_work(attempt())
        await out.until(lambda: bool(out.results))
    assert out.results[0].outcome is Outcome.DELIVERED
    assert JPEG in server.seen[0].body


async def test_a_picture_that_comes_a_little_late_is_waited_for(tmp_path: Path) -> None:
    blobs = FolderStore(tmp_path / "blobs")
    name = snapshot_id("north", "e-1", 0)
    found = asyncio.create_task(picture_of(blobs, request()))
    await asyncio.sleep(0)
    blobs.put(f"snapshots/north/2026/03/02/{name}.jpg", JPEG, "image/jpeg")
    assert await found == JPEG
    # What lies there and is no JPEG is not sent to anybody.
    other = request(alerts=(line(2),))
    odd = snapshot_id("north", "e-2", 0)
    blobs.put(f"snapshots/north/2026/03/02/{odd}.jpg", b"<html>", "image/jpeg")
    assert await picture_of(blobs, other) is None


async def test_confirmation_goes_the_whole_way(server: Server) -> None:
    server.answers(201, {"sid": "SM1", "status": "queued"})
    sms = channel("sms", credentials="tw", to="+2", api=server.base, **{"from": "+1"})
    deliveries = DeliveryService(secrets={"tw": "AC1:t0ken"}.__getitem__)
    async with running(deliveries, Receiver(name="soc", channels=(sms,))) as out:
        deliveries.start_work(attempt())
        await out.until(lambda: bool(out.results))
        outcome = out.results[0].channels[0]
        assert (outcome.reference, outcome.confirm) == ("SM1", True)
        server.answers(200, {"sid": "SM1", "status": "undelivered", "error_code": 30003})
        from agents.notify.passes import Confirming
        from tests.unit.agents.notify.parts import T0

        asked = Confirming(channel="sms", kind="sms", reference="SM1", since=T0)
        deliveries.start_work(Attempt(request=request(), attempt=1, checks=(asked,)))
        await out.until(lambda: len(out.results) == 2)
    told = out.results[1]
    assert (told.attempt, told.outcome) == (0, Outcome.UNDELIVERED)
    assert told.error == "undelivered code 30003"


def test_tls_below_1_2_is_not_spoken() -> None:
    from agents.notify.web import trust

    assert trust(None).minimum_version >= ssl.TLSVersion.TLSv1_2
    assert trust(None).verify_mode is ssl.CERT_REQUIRED
    assert trust(None).check_hostname
