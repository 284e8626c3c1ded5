"""What act knew of a target that wants quiet, it knows after `kill -9`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from infra.db.migrate import prepare
from schemas.document import Receiver, Route, Routing, Site, SiteNotifications
from schemas.notification import NotifyResult, Outcome
from tests.integration.notify.servers import serving
from tests.integration.runtime.support import Gathering, config_records, emitting, namespace
from tests.unit.agents.notify.parts import asked_for, request, webhook
from topics.catalogue import NOTIFY_RESULTS
from topics.record import OutRecord

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


async def test_a_target_that_wants_quiet_is_left_alone_by_the_next_worker_too(
    kafka_bootstrap: str, postgres_url: str, tmp_path: Path
) -> None:
    begun = datetime.now(UTC)

    def asked(name: str) -> OutRecord:
        deadline = begun + timedelta(minutes=10)
        return asked_for(request(name, event_ids=(), requested_at=begun, deadline=deadline))

    site = Site(site_id="north", notifications=SiteNotifications(allow_internal_targets=True))
    with namespace(
        kafka_bootstrap, tmp_path, postgres_url=make_conninfo(postgres_url, dbname="notify_quiet")
    ) as box:
        prepare(box.settings)
        async with (
            serving() as hook,
            emitting(box.settings) as emitter,
            Gathering(box.settings, [NOTIFY_RESULTS]) as gathered,
        ):
            hook.answers(429, {}, Retry_After="3600")
            routing = Routing(
                route=Route(receiver="soc"),
                receivers=(Receiver(name="soc", channels=(webhook(f"{hook.base}/x"),)),),
            )

            def told(name: str, outcome: Outcome) -> list[NotifyResult]:
                results: list[NotifyResult] = gathered.messages(NOTIFY_RESULTS)
                return [r for r in results if (r.notification_id, r.outcome) == (name, outcome)]

            await emitter.emit(config_records([site], routing))
            box.start("act")
            await asyncio.to_thread(box.wait_ready)
            await emitter.emit([asked("n-1")])
            # It says this once it has heard the outcome, in the commit that keeps the breaker.
            await gathered.until(
                "nobody tries again", lambda: bool(told("n-1", Outcome.EXPIRED)), timeout=120
            )
            assert len(hook.seen) == 1

            box.children["act"].kill()
            box.start("act")
            names = [f"n-{number}" for number in range(2, 8)]
            await emitter.emit([asked(name) for name in names])
            await gathered.until(
                "an outcome of each",
                lambda: all(told(name, Outcome.FAILED) for name in names),
                timeout=180,
            )
            assert len(hook.seen) == 1
            (last,) = told("n-7", Outcome.FAILED)[0].channels
            assert "left alone" in (last.error or "")
            assert (last.retry_after_s or 0) > 1800
