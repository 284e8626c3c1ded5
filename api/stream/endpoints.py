"""`/v1/stream`: alerts and cameras as they change, over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import re

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.account.identity import PrincipalDep, Scope, needs
from api.alert.service import queue
from api.context import Api, ApiDep
from api.problems import NotFound, NotReady, Overloaded, Problem, respond
from api.query import ID
from api.site.service import in_scope
from api.stream.feed import text
from api.stream.hub import MAX_CLIENTS, Client, Closed
from api.stream.pulse import HEARTBEAT_S, SEES, pipeline_message
from api.stream.schemas import AlertsMessage, CamerasMessage, Hello

__all__ = ["router"]

router = APIRouter()

CLOSE_S = 5.0


@router.websocket("/v1/stream", dependencies=[needs(Scope.ALERTS_READ)])
async def stream(socket: WebSocket, api: ApiDep, principal: PrincipalDep) -> None:
    """Say hello, the queue, the cameras and the pipeline's state; then whatever changes.

    `?site_id=` listens to one site. A listener is told of the sites and by the scopes that it has:
    cameras and the pipeline with devices:read. One that reads too slowly is closed with 1013, one
    whose session or token was taken back, or changed, with 4401.
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
        await _serve(socket, api, client)
    except WebSocketDisconnect:
        return
    finally:
        api.hub.remove(client)


async def _refuse(socket: WebSocket, problem: Problem) -> None:
    await socket.send_denial_response(respond(problem))


async def _serve(socket: WebSocket, api: Api, client: Client) -> None:
    """Until the client leaves, is too slow, or the server stops."""

    async def write() -> None:
        # The listener is in the hub already: what changes meanwhile waits in its queue, and the
        # revision of an alert tells which word is the newer one.
        for message in await _first(api, client):
            await socket.send_text(message)
        while True:
            await socket.send_text(await client.get())

    async def read() -> None:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass

    closing = asyncio.create_task(client.closed())
    tasks = [closing, asyncio.create_task(write()), asyncio.create_task(read())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(results[0], Closed):
        # A client that does not read does not answer a close either.
        with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_S):
                await socket.close(results[0].code, results[0].reason)
    for result in results[1:]:
        if isinstance(result, Exception) and not isinstance(
            result, WebSocketDisconnect | Closed | RuntimeError
        ):
            raise result


async def _first(api: Api, client: Client) -> list[str]:
    sites = frozenset(api.configuration.sites)
    if client.sites is not None:
        sites &= client.sites
    alerts, complete, history = await queue(api, sites)
    now = api.now()
    first = [text(Hello(at=now, sites=tuple(sorted(sites)), heartbeat_s=HEARTBEAT_S))]
    if client.principal.may(SEES):
        first.append(text(CamerasMessage(cameras=tuple(api.live.cameras(sites)))))
        first.append(pipeline_message(api.monitor.verdict(client.sites), now))
    first.append(text(AlertsMessage(alerts=tuple(alerts), complete=complete, history=history)))
    return first
