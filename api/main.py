"""The façade: its application, and its server."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, Response
from msgspec import Struct

from agents.runtime.clock import wall
from agents.runtime.eventloop import spare_the_collector
from api import handlers, openapi, problems
from api.account.own.endpoints import router as me
from api.account.signin.elsewhere import router as elsewhere
from api.account.signin.endpoints import keys, link
from api.account.signin.endpoints import router as signin
from api.account.token.endpoints import router as tokens
from api.account.user.endpoints import router as users
from api.alert.endpoints import notes as handovers
from api.alert.endpoints import router as alerts
from api.audit.endpoints import router as audit
from api.backtest.endpoints import router as backtests
from api.binding import allow_files, answers_to, listen
from api.caching import Conditional
from api.camera.endpoints import router as cameras
from api.context import Api
from api.correlation import Correlated
from api.dashboard.serve import router_of as dashboard
from api.device.endpoints import router as devices
from api.discovery.endpoints import router as scans
from api.document.endpoints import router as site_documents
from api.document.endpoints import routing
from api.event.endpoints import router as events
from api.export.endpoints import router as exports
from api.guard import Guard, origin_of
from api.health.endpoints import router as health
from api.idempotency import front as idempotency
from api.notify.endpoints import router as notifications
from api.onboard.endpoints import router as onboarding
from api.openapi import answers, reply
from api.place.endpoints import router as places
from api.push.endpoints import router as pushes
from api.query import AnyId
from api.rates import Limited, Rates
from api.report.endpoints import router as reports
from api.site.endpoints import router as sites
from api.stream.endpoints import router as stream
from api.stream.hub import MAX_CLIENTS
from api.stream.journal import MAX_ENTRIES
from api.timeline.endpoints import router as timelines
from api.zone.endpoints import router as zones
from infra.tls import Renewal, tls_of
from topics.record import CODE_VERSION

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["create_app", "serve"]

log = logging.getLogger("watchfloor.api")

DESCRIPTION: Final = """\
Sites, cameras and zones as they are configured; devices and their health; events, alerts and
pictures as they happened; the decision about an event that is posted; and a WebSocket,
`/v1/stream`, of what changes.

Every error is a problem document (RFC 9457), and its `type` is an address here that says what it
means. Lists end with an opaque cursor, `next`, which the same query takes as `cursor`. A query
parameter that a route does not have is refused.
"""

STOP_S: Final = 5
RENEW_S: Final = 60
"""So often it is looked whether the certificate was renewed."""
MAX_SOCKET_MESSAGE: Final = 4_096
CONNECTIONS: Final = MAX_CLIENTS + 800
"""Listeners, and everybody else beside them; each is a file descriptor."""
OTHER_FILES: Final = 500


class ProblemMeaning(Struct, frozen=True, kw_only=True):
    """What a problem means."""

    type: str
    title: str
    status: int
    meaning: str


NOT_FOUND: Final = ProblemMeaning(
    type="/v1/problems/not-found",
    title=problems.NotFound.title,
    status=problems.NotFound.status,
    meaning=problems.NotFound.meaning,
)


def create_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] = wall,
    decision_wait_s: float = 10.0,
    journal_entries: int = MAX_ENTRIES,
) -> FastAPI:
    """The application. It starts without broker and database, and takes them up when they come.

    now: the clock. decision_wait_s: how long a posted event waits for its decision before 202.
    journal_entries: how many messages are kept for listeners that come back.
    """
    api = Api(settings, now=now, decision_wait_s=decision_wait_s, journal_entries=journal_entries)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with api.running():
            yield

    app = FastAPI(
        title="Watchfloor",
        version=CODE_VERSION,
        summary="Few, right, ranked alerts from cameras and their recorders",
        description=DESCRIPTION,
        # The bundled pages load scripts from elsewhere, which this server's pages never do.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
        lifespan=lifespan,
    )
    app.state.api = api
    for router in (
        # They are looked through in this order, and these are asked for most.
        alerts,
        events,
        sites,
        cameras,
        devices,
        scans,
        onboarding,
        zones,
        handovers,
        notifications,
        backtests,
        exports,
        timelines,
        reports,
        places,
        site_documents,
        routing,
        stream,
        health,
        signin,
        elsewhere,
        keys,
        link,
        me,
        pushes,
        users,
        tokens,
        audit,
        dashboard(),
    ):
        app.include_router(router, dependencies=[idempotency.ONCE])
    app.add_api_route(
        "/v1/problems/{code}",
        _problem,
        summary="What a problem means",
        tags=["problems"],
        responses=answers(
            ProblemMeaning, "The problem", example=NOT_FOUND, problems=(problems.NotFound,)
        ),
    )
    handlers.install(app)
    openapi.install(app)
    idempotency.install(app, api)
    app.add_middleware(Conditional)
    app.add_middleware(Limited, rates=Rates(settings))
    app.add_middleware(
        Guard,
        hosts=answers_to(settings, tls_of(settings)),
        pictures_from=origin_of(settings.map_tiles_url),
    )
    app.add_middleware(Correlated)
    return app


async def _problem(code: AnyId) -> Response:
    """The page behind a problem's `type`."""
    found = problems.PROBLEMS.get(code)
    if found is None:
        raise problems.NotFound("problem", code)
    meaning = ProblemMeaning(
        type=f"/v1/problems/{found.code}",
        title=found.title,
        status=found.status,
        meaning=found.meaning,
    )
    return reply(meaning)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises SettingsError for an address beyond loopback without TLS, and for a certificate that is
    none; MachineError for a port that is taken.
    """
    import uvicorn

    if not allow_files(CONNECTIONS + OTHER_FILES):
        log.warning("this process may open too few files for %d connections", CONNECTIONS)
    tls = tls_of(settings)
    socket = listen(settings.api_host, settings.api_port, tls=tls is not None)
    renewal = Renewal(settings)

    async def renew() -> None:
        if config.ssl is not None:
            renewal.look(config.ssl)

    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        # A client's own word about where it comes from is not believed, a trusted proxy's is.
        proxy_headers=bool(settings.api_trusted_proxies),
        forwarded_allow_ips=list(settings.api_trusted_proxies),
        ssl_certfile=None if tls is None else tls.cert,
        ssl_keyfile=None if tls is None else tls.key,
        callback_notify=renew,
        timeout_notify=RENEW_S,
        ws_max_size=MAX_SOCKET_MESSAGE,
        ws_per_message_deflate=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=STOP_S,
        h11_max_incomplete_event_size=32_768,
    )
    log.info("the API answers at %s", settings.api_url)
    spare_the_collector()
    with socket:
        uvicorn.Server(config).run(sockets=[socket])
