"""`/v1/stream`: alerts, their history and cameras as they change, over a WebSocket."""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.account.identity import PrincipalDep, Scope, needs
from api.context import ApiDep
from api.problems import NotFound, NotReady, Overloaded, Problem, respond
from api.query import ID
from api.site.service import in_scope
from api.stream.hub import MAX_CLIENTS, Client
from api.stream.session import Session

__all__ = ["router"]

router = APIRouter()


@router.websocket("/v1/stream", dependencies=[needs(Scope.ALERTS_READ)])
async def stream(socket: WebSocket, api: ApiDep, principal: PrincipalDep) -> None:
    """Say hello, the cameras, the pipeline's state and the queue; then whatever changes.

    `?site_id=` listens to one site. `?resume=` goes on after the message that had it: what was
    missed comes instead of the queue; where that cannot be told any more, `reload` and the queue.
    A listener may say which alert it looks at, and is told who else does. It is told of the sites
    and by the scopes that it has: cameras and the pipeline with devices:read. One that reads too
    slowly is closed with 1013, one that says anything else with 1008, one whose session or token
    was taken back, or changed, with 4401.
    """
    site_id = socket.query_params.get("site_id")
    try:
        if site_id is not None and re.fullmatch(ID, site_id) is None:
            raise NotFound("site", site_id[:63])
        if api.hub.full:
            raise Overloaded(MAX_CLIENTS)
        # Without a site it opens before the configuration is read: the banner says so.
        sites = principal.sites
        if site_id is not None:
            sites = in_scope(api.configuration, principal, site_id)
    except (NotFound, NotReady, Overloaded) as problem:
        await _refuse(socket, problem)
        return
    client = Client(sites, principal)
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
