"""What plays act for the façade's tests: real deliveries, of what a real broker was asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from agents.notify.passes import Attempt
from agents.notify.service import DeliveryService
from agents.runtime.configuration import Configuration
from agents.runtime.emitter import Emitter
from agents.runtime.ownership import Ownership
from agents.runtime.service import Emits, RoleContext
from infra.settings import Settings
from schemas.base import decode
from schemas.document import ConfigRecord, Document
from schemas.notification import NotifyRequest, NotifyResult
from tests.integration.api.support import StandIn
from tests.integration.notify.servers import Authority, Server, serving
from topics.catalogue import NOTIFY_REQUESTS
from topics.record import OutRecord


class _Heard:
    """Passes records on, and keeps the outcomes."""

    def __init__(self, emitter: Emits, results: list[NotifyResult]) -> None:
        self._emitter = emitter
        self._results = results

    async def emit(self, records: Sequence[OutRecord]) -> None:
        await self._emitter.emit(records)
        self._results += [decode(record.value or b"", NotifyResult) for record in records]


class Act(StandIn[NotifyRequest]):
    """The first pass of each request, by the service that act has; and a push service.

    results: what came of them. server: the push service.
    """

    topic = NOTIFY_REQUESTS

    def __init__(self, settings: Settings, document: Document, trusted: Authority) -> None:
        super().__init__(settings)
        self.results: list[NotifyResult] = []
        self.server = Server()
        self._trusted = trusted
        self._deliveries = DeliveryService()
        self._task: asyncio.Task[Any] | None = None
        self._configuration = Configuration()
        made: dict[str, Any] = {"revision": 1, "author": "t", "at": datetime.now(UTC)}
        for site in document.sites:
            self._configuration.apply(site.site_id, ConfigRecord(**made, site=site))
        self._configuration.apply("routing", ConfigRecord(**made, routing=document.routing))

    async def _run(self) -> None:
        async with serving(self._trusted.server) as server:
            self.server = server
            try:
                await super()._run()
            finally:
                if self._task is not None:
                    self._task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await self._task

    async def answer(self, emitter: Emitter, message: NotifyRequest) -> None:
        """Begin its first pass."""
        if self._task is None:
            ctx = RoleContext(
                role="act",
                settings=self._settings,
                emitter=_Heard(emitter, self.results),
                now=lambda: datetime.now(UTC),
                configuration=self._configuration,
                ownership=Ownership,
                report=lambda name, problem: None,
            )
            self._task = asyncio.create_task(self._deliveries.run(ctx))
        self._deliveries.start_work(Attempt(request=message, attempt=1))

    def of(self, notification_id: str) -> NotifyResult | None:
        """What came of that one."""
        return next((r for r in self.results if r.notification_id == notification_id), None)
