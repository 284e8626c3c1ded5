"""How errors become problem documents: the application's exception handlers."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Scope
from starlette.websockets import WebSocket

from api.correlation import route_of
from api.problems import (
    MEDIA_TYPE,
    FieldError,
    Invalid,
    MethodNotAllowed,
    NoRoute,
    Problem,
    ProblemDocument,
    respond,
)

__all__ = ["defect", "install"]

log = logging.getLogger("watchfloor.api")


def _field(location: Sequence[Any]) -> str:
    return ".".join(str(part) for part in location)


async def _on_problem(connection: Request | WebSocket, error: Exception) -> Response | None:
    assert isinstance(error, Problem)
    if isinstance(connection, WebSocket):
        # Before it was accepted: the handshake's answer says why.
        await connection.send_denial_response(respond(error))
        return None
    return respond(error)


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Pydantic's `input` is left out: an answer does not echo what may be a secret.
    return respond(
        Invalid(
            [FieldError(field=_field(e["loc"]), detail=str(e["msg"])[:300]) for e in error.errors()]
        )
    )


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == MethodNotAllowed.status:
        allowed = (error.headers or {}).get("Allow", "")
        return respond(
            MethodNotAllowed(
                f"{request.method[:20]} is not taken here; {allowed or 'another method'} is.",
                headers={"Allow": allowed},
            )
        )
    if error.status_code == NoRoute.status:
        return respond(NoRoute(request.url.path))
    return Response(
        msgspec.json.encode(
            ProblemDocument(
                type="about:blank",
                title=str(error.detail)[:200],
                status=error.status_code,
                detail=str(error.detail)[:500],
            )
        ),
        status_code=error.status_code,
        media_type=MEDIA_TYPE,
        headers=error.headers,
    )


def defect(scope: Scope, error: Exception) -> Response:
    """What a client is told of an error that nobody expected; the log has the rest."""
    instance = f"urn:uuid:{uuid.uuid4()}"
    log.error("%s %s failed, %s", scope["method"], route_of(scope), instance, exc_info=error)
    return respond(
        Problem("The request failed here; its log entry is named below.", instance=instance)
    )


def install(app: FastAPI) -> None:
    """Make every expected error of `app` a problem document; `guard` does the others."""
    # Starlette calls it for WebSockets too, which its type does not tell.
    app.add_exception_handler(Problem, _on_problem)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
