"""`/v1/backtests`: another site document tried on what was recorded."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from api import examples
from api.account.identity import PrincipalDep, Scope, needs
from api.backtest.schemas import BacktestBody, BacktestView
from api.body import parse, read
from api.context import ApiDep
from api.openapi import answers, reply, request_body
from api.problems import (
    BodyTooLarge,
    DatabaseUnavailable,
    Invalid,
    MalformedBody,
    NotFound,
    NotReady,
    TooManyBacktests,
)
from api.query import AnyId

__all__ = ["router"]

router = APIRouter(prefix="/v1/backtests", tags=["backtests"])

MAX_BYTES: Final = 2 * 1_048_576


@router.post(
    "",
    dependencies=[needs(Scope.BACKTESTS_RUN)],
    summary="Try another site document on what was recorded",
    status_code=202,
    openapi_extra=request_body(BacktestBody, examples=examples.BACKTESTS),
    responses=answers(
        BacktestView,
        "It is taken up; `Location` says how far it is, and has its result",
        example=examples.BACKTEST,
        status=202,
        problems=(
            MalformedBody,
            BodyTooLarge,
            Invalid,
            NotReady,
            TooManyBacktests,
            DatabaseUnavailable,
        ),
    ),
)
async def start(request: Request, api: ApiDep, principal: PrincipalDep) -> Response:
    """Run recorded events under the document in force and under this one, and compare.

    Nothing is sent, and no document is changed. One runs at a time; the newest 50 are kept, for 30
    days. One whose server ended is `interrupted`.
    """
    raw = parse(await read(request, limit=MAX_BYTES))
    view = await api.backtests.start(principal, raw)
    return reply(view, status=202, headers={"Location": view.location, "Retry-After": "2"})


@router.get(
    "",
    dependencies=[needs(Scope.BACKTESTS_RUN)],
    summary="Backtests, the newest first",
    responses=answers(
        list[BacktestView],
        "Without their results",
        example=[examples.BACKTEST],
        problems=(DatabaseUnavailable,),
    ),
)
async def every(api: ApiDep, principal: PrincipalDep) -> Response:
    """Those that are kept."""
    return reply(await api.backtests.views(principal))


@router.get(
    "/{backtest_id}",
    dependencies=[needs(Scope.BACKTESTS_RUN)],
    summary="How far a backtest is, and its result",
    responses=answers(
        BacktestView,
        "The backtest",
        example=examples.BACKTEST,
        problems=(NotFound, DatabaseUnavailable),
    ),
)
async def by_id(api: ApiDep, principal: PrincipalDep, backtest_id: AnyId) -> Response:
    """What it does now, or what came of it."""
    return reply(await api.backtests.view(principal, backtest_id))
