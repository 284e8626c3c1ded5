"""`kill -9` of act: no notification is lost, and only what was in flight is sent twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from aiohttp import web as http
from psycopg.conninfo import make_conninfo

from agents.notify.signing import verify
from infra.db.migrate import prepare
from infra.db.pool import connect
from infra.db.target import Role
from infra.secrets import write_secret
from schemas.document import Receiver, Route, Routing, Site, SiteNotifications
from schemas.notification import NotifyResult, Outcome
from tests.integration.notify.servers import Seen, serving
from tests.integration.runtime.support import Gathering, config_records, emitting, namespace
from tests.unit.agents.notify.parts import asked_for, request, webhook
from topics.catalogue import NOTIFY_RESULTS

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

SITES = ("north", "south", "east", "west")
COUNT = 120
KILL_AT = 40
SECRET = "correct-horse-battery-staple"


async def test_kill_9_in_the_middle(
    kafka_bootstrap: str, postgres_url: str, tmp_path: Path
) -> None:
    begun = datetime.now(UTC)
    asked = [
        request(
            f"n-{n}",
            site_id=SITES[n % len(SITES)],
            event_ids=(),
            requested_at=begun,
            deadline=begun + timedelta(minutes=5),
        )
        for n in range(COUNT)
    ]
    sites = [
        Site(site_id=name, notifications=SiteNotifications(allow_internal_targets=True))
        for name in SITES
    ]
    with namespace(
        kafka_bootstrap, tmp_path, postgres_url=make_conninfo(postgres_url, dbname="notify_crash")
    ) as box:
        prepare(box.settings)
        write_secret(box.settings.state_dir / "secrets", "hook", SECRET)
        async with (
            serving() as hook,
            emitting(box.settings) as emitter,
            Gathering(box.settings, [NOTIFY_RESULTS]) as gathered,
        ):

            async def slow(seen: Seen, asked: http.Request) -> http.StreamResponse:
                await asyncio.sleep(0.05)
                return http.Response(status=204)

            hook.handler = slow
            routing = Routing(
                route=Route(receiver="soc"),
                receivers=(
                    Receiver(name="soc", channels=(webhook(f"{hook.base}/x", secret="hook"),)),
                ),
            )
            await emitter.emit(config_records(sites, routing))
            box.start("act")
            await asyncio.to_thread(box.wait_ready)

            def told() -> set[str]:
                results: list[NotifyResult] = gathered.messages(NOTIFY_RESULTS)
                return {r.notification_id for r in results if r.outcome is Outcome.DELIVERED}

            await emitter.emit([asked_for(one) for one in asked])
            await gathered.until("some deliveries", lambda: len(told()) >= KILL_AT)
            safe = told()
            box.children["act"].kill()
            arrived = len(hook.seen)
            assert arrived < COUNT
            box.start("act")
            await gathered.until("every delivery", lambda: len(told()) == COUNT, timeout=90)

            keys = [seen.headers["Idempotency-Key"] for seen in hook.seen]
            copies = Counter(keys)
            assert set(copies) == {one.notification_id for one in asked}
            twice = {name for name, count in copies.items() if count > 1}
            # What was known to be delivered when it died is not sent again.
            assert twice & safe == set()
            assert max(copies.values()) <= 2
            assert set(keys[arrived:]) & twice == twice
            print(f"{COUNT} notifications, {arrived} at the kill, {len(twice)} twice")
            for seen in hook.seen:
                now = datetime.fromtimestamp(int(seen.headers["X-Watchfloor-Timestamp"]), UTC)
                verify(SECRET.encode(), seen.headers, seen.body, now)
                body = msgspec.json.decode(seen.body)
                assert body["notification_id"] == seen.headers["Idempotency-Key"]

            def logged() -> int:
                with connect(box.settings, Role.API) as api, api.transaction():
                    api.execute("SELECT set_config('watchfloor.sites', %s, true)", (ALL,))
                    row = api.execute(
                        "SELECT count(DISTINCT notification_id) FROM notification_log "
                        "WHERE status = 'delivered' AND attempt = 1 AND channel = 'webhook'"
                    ).fetchone()
                    return 0 if row is None else int(row[0])

            await gathered.until("the log in PostgreSQL", lambda: logged() == COUNT, timeout=60)
            metrics = await asyncio.to_thread(box.metrics, "act")
            assert 'vmm_notification_sent_total{channel="webhook"}' in metrics
            assert "hook" not in metrics.replace("webhook", "")


ALL = "{" + ",".join(SITES) + "}"
