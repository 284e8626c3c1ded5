"""`/v1/stream`: alerts, their history and cameras as they change, over a WebSocket."""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.context import ApiDep
from api.problems import NotFound, NotReady, Overloaded, Problem, respond
from api.query import ID
from api.site.service import in_scope
from api.stream.hub import MAX_CLIENTS, Client
from api.stream.session import Session

__all__ = ["router"]

router = APIRouter()


@router.websocket("/v1/stream")
async def stream(socket: WebSocket, api: ApiDep) -> None:
    """Say hello, the cameras, the pipeline's state and the queue; then whatever changes.

    `?site_id=` listens to one site. `?resume=` goes on after the message that had it: what was
    missed comes instead of the queue; where that cannot be told any more, `reload` and the queue.
    A listener may say which alert it looks at, and is told who else does. One that reads too slowly
    is closed with 1013, one that says anything else with 1008.
    """
    site_id = socket.query_params.get("site_id")
    try:
        if site_id is not None and re.fullmatch(ID, site_id) is None:
            raise NotFound("site", site_id[:63])
        if api.hub.full:
            raise Overloaded(MAX_CLIENTS)
        # Without a site it opens before the configuration is read: the banner says so.
        sites = in_scope(api.configuration, site_id) if site_id is not None else None
    except (NotFound, NotReady, Overloaded) as problem:
        await _refuse(socket, problem)
        return
    client = Client(sites)
    api.hub.add(client)
    try:
        await socket.accept()
        await Session(socket, api, client).serve(socket.query_params.get("resume"))
    except WebSocketDisconnect:
        return
    finally:
        api.hub.remove(client)


async def _refuse(socket: WebSocket, problem: Problem) -> None:
    await socket.send_denial_response(respond(problem))
