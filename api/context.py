"""Everything that requests work with: made once, started with the server, stopped with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import psycopg
from confluent_kafka import KafkaException
from fastapi import Depends
from starlette.requests import HTTPConnection

from agents.runtime.configuration import Configuration
from agents.runtime.emitter import Emitter
from api import configuration as documents
from api.account.authority import Accounts
from api.account.identity import Authority
from api.account.local import Local
from api.account.own.service import Own
from api.account.passwords import Passwords
from api.account.signin.service import SignIn
from api.account.signin.sso import SingleSignOn
from api.account.token.service import Tokens
from api.account.user.service import Users
from api.alert.asked import Asked
from api.alert.pages import Pages
from api.backtest.service import Backtests
from api.camera import service as cameras
from api.camera.pictures import Pictures
from api.database import Database
from api.discovery.service import Scans
from api.document.service import Documents
from api.event.flights import Flights
from api.export.service import Exports
from api.health.monitor import Monitor
from api.idempotency.service import Keys
from api.metrics import Metrics
from api.notify.outcomes import Outcomes
from api.onboard.service import Onboarding
from api.problems import Problem
from api.stream import pulse
from api.stream.feed import Feed
from api.stream.first import Queues
from api.stream.hub import Client, Hub
from api.stream.journal import MAX_ENTRIES, Journal
from api.stream.live import Live
from api.stream.presence import Presence
from infra.blob.open import open_store
from infra.blob.store import BlobStore
from infra.db.outbox import follow_outbox
from infra.local_token import ensure_local_token
from schemas.alert import Alert
from schemas.decision import Decision

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Api", "ApiDep"]

log = logging.getLogger("watchfloor.api")

BACKOFF: Final = (0.5, 1.0, 2.0, 5.0)


class Api:
    """The server's parts. decision_wait_s: how long a posted event waits for its decision.

    journal_entries: how much is kept for listeners that come back.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime],
        decision_wait_s: float = 10.0,
        journal_entries: int = MAX_ENTRIES,
    ) -> None:
        self.settings = settings
        self.now = now
        self.decision_wait_s = decision_wait_s
        self.configuration = Configuration()
        self.database = Database(settings)
        self.accounts = Accounts(settings, self.database.accounts, now)
        self.authority: Authority = Local(settings, self.accounts)
        self.passwords = Passwords()
        self.signin = SignIn(self.database.accounts, self.accounts, self.passwords, now)
        self.users = Users(self.database.accounts, self.passwords, self.accounts.load, now)
        self.own = Own(
            self.database.accounts,
            self.passwords,
            self.signin,
            self.accounts.vault,
            self.accounts.load,
            now,
        )
        self.sso = SingleSignOn(
            settings, self.database.accounts, self.signin, self.accounts.load, now
        )
        self.tokens = Tokens(self.database.accounts, self.accounts.load, now)
        self.keys = Keys(self.database, now)
        self.blobs: BlobStore = open_store(settings)
        self.emitter = Emitter(settings, "watchfloor-api")
        self.flights = Flights()
        self.hub = Hub()
        self.journal = Journal(max_entries=journal_entries)
        self.presence: Presence[Client] = Presence()
        self.queues = Queues()
        self.pages = Pages()
        self.live = Live(self.configuration)
        self.pictures = Pictures(settings, now)
        self.outcomes = Outcomes()
        self.asked = Asked()
        self.exports = Exports()
        self.backtests = Backtests(settings, self.configuration, self.database, now)
        self.documents = Documents(settings, self.configuration)
        self.scans = Scans(settings, self.hub, now)
        self.onboarding = Onboarding(settings, self.configuration, now)
        self.feed = Feed(
            settings,
            self.live,
            self.hub,
            self.journal,
            self.flights,
            now,
            self.outcomes.told,
            self.asked.answered,
            self._counted,
        )
        self.monitor = Monitor(
            settings,
            self.configuration,
            self.live,
            self.database,
            now,
            lambda: self.feed.following,
        )
        self.metrics = Metrics()
        self.metrics.waiting.set_function(lambda: len(self.flights))
        self.metrics.clients.set_function(lambda: len(self.hub))

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        """Start everything; a part that fails is started again, and the rest goes on."""
        ensure_local_token(self.settings)
        await self.database.open()
        await self.emitter.start()
        parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "configuration": lambda: documents.follow(
                self.settings, self.configuration, self._configured
            ),
            "accounts": self.accounts.follow,
            "feed": self.feed.run,
            "pictures": self.pictures.run,
            "monitor": self.monitor.run,
            "pulse": lambda: pulse.run(
                self.hub, self.monitor, self.journal, self.authority, self.now
            ),
            "outbox": lambda: follow_outbox(self.settings, self.emitter),
            "backtests": self.backtests.keep,
            "cameras": lambda: cameras.recall(self.database, self.configuration, self.live),
        }
        tasks = [asyncio.create_task(self._keep(n, part), name=n) for n, part in parts.items()]
        try:
            yield
        finally:
            self.hub.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.scans.close()
            await self.backtests.close()
            await self.flights.close()
            await self.emitter.stop()
            self.passwords.close()
            await self.database.close()

    def _counted(self, news: Decision | Alert) -> None:
        # A sender may name sites as it likes; a label is for ever.
        site = news.site_id if self.configuration.site(news.site_id) else "unknown"
        if isinstance(news, Decision):
            self.metrics.decided(news, site)
        else:
            self.metrics.changed(news, site)

    def _configured(self) -> None:
        self.live.expect(self.now())
        pulse.tell_cameras(self.hub, self.live, self.configuration)

    async def _keep(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """Run a part to its end, again with backoff when it fails."""
        attempt = 0
        while True:
            try:
                await part()
                return
            except (KafkaException, psycopg.Error, Problem, OSError) as error:
                # The broker or the database is away, or `up` has not made its topics yet.
                log.warning("%s: %s", name, error)
            except Exception:
                log.exception("%s failed", name)
            await asyncio.sleep(BACKOFF[min(attempt, len(BACKOFF) - 1)])
            attempt += 1


async def _api(connection: HTTPConnection) -> Api:
    # Not a plain function: FastAPI would call that in a thread, for every request.
    api: Api = connection.app.state.api
    return api


ApiDep = Annotated[Api, Depends(_api)]
