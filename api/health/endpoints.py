"""`/health/live`, `/health/ready`, `/metrics`, `/v1/pipeline`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.account.identity import PrincipalDep, Scope, needs
from api.context import ApiDep
from api.health import examples
from api.health.schemas import Live, PipelineView, Ready
from api.openapi import answers, reply
from api.problems import NotFound, NotReady
from api.query import SiteQuery
from api.site.service import EVERY_SITE, in_scope

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get(
    "/health/live",
    summary="Whether the process lives",
    responses=answers(Live, "The process lives", example=Live()),
)
async def live() -> Response:
    """The process is there and its loop turns."""
    return reply(Live())


@router.get(
    "/health/ready",
    summary="Whether this server can do its work",
    responses=answers(
        Ready,
        "It can do its work",
        example=examples.READY,
        more=answers(
            Ready,
            "It cannot; `checks` says what is missing",
            example=examples.NOT_READY,
            status=503,
        ),
    ),
)
async def ready(api: ApiDep) -> Response:
    """Broker and database answer, configuration is read, the followers are at the end."""
    checks = api.monitor.checks()
    well = all(check.ok for check in checks)
    return reply(
        Ready(status="ready" if well else "not ready", checks=checks), status=200 if well else 503
    )


@router.get(
    "/v1/pipeline",
    dependencies=[needs(Scope.DEVICES_READ)],
    summary="Whether the pipeline sees",
    responses=answers(
        PipelineView,
        "Its state with every reason",
        example=examples.PIPELINE,
        problems=(NotFound, NotReady),
    ),
)
async def pipeline(
    api: ApiDep, principal: PrincipalDep, query: Annotated[SiteQuery, Query()]
) -> Response:
    """Lag of each role, decide's signs of life, and the cameras that deliver no frames."""
    return reply(api.monitor.view(in_scope(api.configuration, principal, query.site_id)))


@router.get(
    "/metrics",
    dependencies=[needs(Scope.METRICS_READ), EVERY_SITE],
    response_class=Response,
    summary="Prometheus metrics",
    responses={
        200: {
            "description": "The text format of Prometheus",
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": "watchfloor_pipeline_state 0.0\n",
                }
            },
        }
    },
)
async def metrics(api: ApiDep) -> Response:
    """Counters and gauges of this server, and of the pipeline as it sees it."""
    api.metrics.pipeline(api.monitor.view(frozenset(api.configuration.sites)))
    return Response(generate_latest(api.metrics.registry), media_type=CONTENT_TYPE_LATEST)
