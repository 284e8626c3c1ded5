"""Backtests on behalf of whoever asks: one at a time, and what came of them is kept."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from socket import gethostname
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psycopg
from confluent_kafka import KafkaException
from msgspec.structs import replace

from agents.runtime.configuration import Configuration
from api.account.identity import Principal
from api.backtest import repository
from api.backtest.repository import Running
from api.backtest.schemas import BacktestBody, BacktestState, BacktestView
from api.body import convert
from api.database import Database
from api.problems import (
    DatabaseUnavailable,
    FieldError,
    Invalid,
    NotFound,
    TooManyBacktests,
)
from api.site.service import in_scope, visible
from infra.backtest.report import Backtest
from infra.backtest.run import backtest, combined, touched
from infra.errors import WatchfloorError
from infra.secrets import scrub
from schemas.base import utc
from schemas.document import Document
from schemas.document_reader import Reading, examine

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Backtests"]

log = logging.getLogger("watchfloor.api.backtest")

WAITING: Final = 4
WORKERS: Final = 1
"""Beside what answers people, and the roles: a command line's run takes a core more."""

BEAT_S: Final = 5.0
SILENT: Final = timedelta(minutes=1)
"""A backtest of which nobody has said anything for so long has lost its server."""
AGAIN_S: Final = 2.0


class _Stopped(Exception):
    """The server stops, and the backtest with it."""


class Backtests:
    """Runs them in a thread, whose processes end with the server.

    Those under way are known here; PostgreSQL has all, and hears every BEAT_S how far they are.
    """

    def __init__(
        self,
        settings: Settings,
        configuration: Configuration,
        database: Database,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._configuration = configuration
        self._database = database
        self._now = now
        self.worker = f"{gethostname()}:{settings.api_port}"
        self._live: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._stopped = False

    def _sites(self) -> frozenset[str]:
        return frozenset(self._configuration.sites)

    async def view(self, principal: Principal, backtest_id: str) -> BacktestView:
        """How far it is, or what came of it. Raises NotFound and DatabaseUnavailable."""
        live = self._live.get(backtest_id)
        if live is not None and _sees(principal, live):
            return live.view
        sites = in_scope(self._configuration, principal, None)
        found = await repository.one(self._database, sites, backtest_id)
        if found is None:
            kept = f"The newest {repository.KEPT} are kept, for {repository.KEPT_FOR.days} days."
            raise NotFound("backtest", backtest_id, kept)
        return found

    async def views(self, principal: Principal) -> list[BacktestView]:
        """All that are kept and whose sites it sees all of, the newest first, without results.

        Raises DatabaseUnavailable.
        """
        sites = in_scope(self._configuration, principal, None)
        kept = await repository.every(self._database, sites)
        live = {name: replace(asked.view, result=None) for name, asked in self._live.items()}
        return [live.get(view.backtest_id, view) for view in kept]

    async def start(self, principal: Principal, raw: Mapping[str, Any]) -> BacktestView:
        """Take one up, over the sites that the principal may see.

        Raises Invalid, with every problem of its document, NotReady, TooManyBacktests, and
        DatabaseUnavailable.
        """
        body = convert(raw, BacktestBody)
        now = self._now()
        until = utc(body.to) if body.to is not None else now
        since = utc(body.from_)
        if not since < until:
            raise Invalid([FieldError(field="body.from", detail="has to be before `to`")])
        current = self._current(principal)
        new = _document(body, current)
        if principal.sites is not None:
            _refuse_others(new, current)
        known = {site.site_id for site in current.sites}
        sites = known.intersection(touched(current, combined(current, new), new))
        if not sites:
            detail = "names no site that there is: nothing was recorded of any other"
            raise Invalid([FieldError(field="body.site_document", detail=detail)])
        if len(self._live) >= WAITING:
            raise TooManyBacktests(WAITING)
        name = str(uuid.uuid4())
        view = BacktestView(
            backtest_id=name,
            state=BacktestState.WAITING,
            location=f"/v1/backtests/{name}",
            asked_at=now,
            asked_by=principal.name,
        )
        asked = Running(view=view, sites=tuple(sorted(sites)), worker=self.worker)
        self._live[name] = asked
        try:
            await repository.add(self._database, known, asked)
        except BaseException:
            del self._live[name]
            raise
        task = asyncio.create_task(self._run(name, new, current, since, until, now, body.source))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return view

    async def keep(self) -> None:
        """Say how far those under way are, and mark what nobody runs any more."""
        await self._configuration.loaded.wait()
        while True:
            now = self._now()
            for asked in tuple(self._live.values()):
                # One that is over says so itself, and must be the last to say anything.
                if asked.view.state in (BacktestState.WAITING, BacktestState.RUNNING):
                    await repository.beat(self._database, asked.sites, asked, now)
            await repository.interrupt(
                self._database,
                self._sites(),
                worker=self.worker,
                live=tuple(self._live),
                silent_since=now - SILENT,
            )
            await asyncio.sleep(BEAT_S)

    async def close(self) -> None:
        """Stop what runs, and wait for it."""
        self._stopped = True
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _current(self, principal: Principal) -> Document:
        """What is in force, as far as the principal sees it. Raises NotReady."""
        sites = sorted(visible(self._configuration, principal).items())
        return Document(
            sites=tuple(config.site for _, config in sites), routing=self._configuration.routing
        )

    async def _run(
        self,
        name: str,
        new: Document,
        current: Document,
        since: datetime,
        until: datetime,
        now: datetime,
        source: Any,
    ) -> None:
        def progress(step: str, done: int, total: int) -> None:
            if self._stopped:
                raise _Stopped
            self._set(name, step=step, done=done, total=total)

        def run() -> Backtest:
            return backtest(
                self._settings,
                new,
                since,
                until,
                now=now,
                current=current,
                source=source,
                workers=WORKERS,
                apart=True,
                progress=progress,
            )

        async with self._turn:
            try:
                if self._stopped:
                    raise _Stopped
                self._set(name, state=BacktestState.RUNNING)
                result = await asyncio.to_thread(run)
            except WatchfloorError as error:
                self._set(name, state=BacktestState.FAILED, error=error.message)
            except (KafkaException, psycopg.Error, OSError) as error:
                text = scrub(str(error).splitlines()[0] if str(error) else type(error).__name__)
                self._set(name, state=BacktestState.FAILED, error=text[:300])
            except _Stopped:
                text = "the server stopped; ask again"
                self._set(name, state=BacktestState.INTERRUPTED, error=text)
            except Exception:
                log.exception("backtest %s failed", name)
                error_text = f"a defect; the server's log has it under {name}"
                self._set(name, state=BacktestState.FAILED, error=error_text)
            else:
                self._set(name, state=BacktestState.DONE, result=result)
        await self._finish(name)

    async def _finish(self, name: str) -> None:
        """Write what came of it, however long the database is away; until then it is known here.

        A server that stops meanwhile leaves it under way, and the next one marks it interrupted.
        """
        while True:
            asked = self._live[name]
            try:
                await repository.beat(self._database, asked.sites, asked, self._now())
            except DatabaseUnavailable:
                if self._stopped:
                    return
                await asyncio.sleep(AGAIN_S)
            else:
                del self._live[name]
                return

    def _set(self, name: str, **changes: Any) -> None:
        asked = self._live[name]
        self._live[name] = replace(asked, view=replace(asked.view, **changes))


def _sees(principal: Principal, asked: Running) -> bool:
    """Its result adds up what all of its sites had: it is for whoever sees all of them."""
    return principal.sites is None or principal.sites.issuperset(asked.sites)


def _refuse_others(new: Document, current: Document) -> None:
    """Raise Invalid where a document names a site that is not there for whoever asks.

    Its events would be read to try it, whoever it belongs to.
    """
    known = {site.site_id for site in current.sites}
    strange = [site.site_id for site in new.sites if site.site_id not in known]
    if strange:
        detail = f"there is no site {', '.join(strange[:5])}"
        raise Invalid([FieldError(field="body.site_document", detail=detail)])


def _document(body: BacktestBody, current: Document) -> Document:
    """The document, checked whole as `apply` checks it. Raises Invalid with every problem."""
    given = body.site_document
    text: str | bytes = given if isinstance(given, str) else msgspec.json.encode(given)
    receivers = [receiver.name for receiver in current.routing.receivers]
    reading: Reading = examine(text, receivers=receivers)
    if reading.document is None:
        raise Invalid(
            [
                FieldError(field=_field(one.line), detail=one.message[:300])
                for one in reading.problems
            ]
        )
    return reading.document


def _field(line: int) -> str:
    return f"body.site_document:{line}" if line > 1 else "body.site_document"
