"""Documents put in force in a run's namespace, by the way that `apply` takes."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import psycopg

from agents.runtime.emitter import Emitter
from infra.db import documents
from infra.db.errors import explain
from infra.db.outbox import drain
from infra.db.pool import AsyncConnection
from infra.db.target import Role, target_of
from schemas.document import Document, Routing, Site

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Publisher"]

AUTHOR: Final = "conformance"
LAST: Final = "after-the-document"


class Publisher:
    """Publishes documents: one connection and one producer for all of them.

    A run publishes one a case and more; with connections of its own, each took a quarter of a
    second, a tenth of the whole run (measured).
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runner = asyncio.Runner()
        self._emitter = Emitter(settings, "watchfloor-conformance")
        self._connection: AsyncConnection | None = None

    def __enter__(self) -> Self:
        self._runner.run(self._open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._runner.run(self._close())
        finally:
            self._runner.close()

    def publish(self, document: Document, *, first: bool = False) -> int:
        """Publish a document; the revision that is the last of what comes with it.

        first: a case's first document, which another case's routing must not outlive.
        Parts of a document have one revision, and a role may have read the first of them alone.
        So something follows them that has a revision of its own. Raises DatabaseError where
        PostgreSQL is away, EmitError or TimeoutError where Kafka is.
        """
        alone = first and document.routing == Routing()
        number = documents.publish(self._settings, document, AUTHOR, prune=alone)
        last = Document(sites=(Site(site_id=LAST, name=f"after revision {number}"),))
        revision = documents.publish(self._settings, last, AUTHOR)
        self._runner.run(self._drain())
        return revision

    async def _open(self) -> None:
        target = target_of(self._settings)
        with explain(target):
            self._connection = await psycopg.AsyncConnection.connect(
                target.connection(Role.API, application="watchfloor-conformance"), autocommit=True
            )
        await self._emitter.start()

    async def _drain(self) -> None:
        assert self._connection is not None
        with explain(target_of(self._settings)):
            await drain(self._connection, self._emitter)

    async def _close(self) -> None:
        await self._emitter.stop()
        if self._connection is not None:
            await self._connection.close()
