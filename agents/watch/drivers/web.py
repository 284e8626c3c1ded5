"""HTTP(S): one GET, with basic or digest authentication where the device asks for it.

The host is resolved once, and the connection goes to an address that was checked; redirects are
not followed, proxies are not used, and no more is read than anybody needs.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from agents.watch.drivers.base import Driver, DriverError, Fact, Fault, Limits, Outcome, Target
from agents.watch.drivers.challenge import answer
from agents.watch.drivers.net import Place, addresses_of, fault_of, place_of, tls_context
from schemas.device import ProbeKind

__all__ = ["DRIVERS", "Answer", "Http", "get"]

UNAUTHORIZED: Final = (401, 403)


@dataclass(frozen=True)
class Answer:
    """status; headers by lower-case name; body: whole. latency_ms: until its head was there."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency_ms: float


async def get(target: Target, limits: Limits, *, path: str | None = None) -> Answer:
    """What the device answers to a GET. path: instead of the address's own.

    Raises DriverError: for a redirect to another place, for bad credentials, for more than
    `limits.body` bytes, and for whatever is no HTTP.
    """
    place = place_of(target.address, "http")
    if place.scheme not in ("http", "https"):
        raise DriverError(Fault.ADDRESS, "no http or https")
    asked = path if path is not None else place.path or "/"
    addresses = await addresses_of(place)
    # Made once for all: without one, httpx makes another for each client, for plain HTTP too.
    context = tls_context(target)
    async with httpx.AsyncClient(
        verify=context,
        follow_redirects=False,
        trust_env=False,
        timeout=limits.step_s,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
    ) as client:
        found = await _ask(client, place, addresses, asked, limits, None)
        if found.status == 401 and target.password is not None:
            authorization = answer(
                found.headers.get("www-authenticate", "").split("\n"),
                "GET",
                asked,
                target.username or "",
                target.password,
                secrets.token_hex(16),
            )
            if authorization is not None:
                found = await _ask(client, place, addresses, asked, limits, authorization)
    if found.status in UNAUTHORIZED:
        detail = f"it answered {found.status}"
        raise DriverError(Fault.CREDENTIALS, detail, latency_ms=found.latency_ms)
    if 300 <= found.status < 400:
        _check_redirect(place, found)
    return found


async def _ask(
    client: httpx.AsyncClient,
    place: Place,
    addresses: list[str],
    path: str,
    limits: Limits,
    authorization: str | None,
) -> Answer:
    loop = asyncio.get_running_loop()
    host = f"[{place.host}]" if ":" in place.host else place.host
    headers = {
        "Host": f"{host}:{place.port}",
        "User-Agent": "watchfloor",
        "Connection": "close",
        # A compressed answer may be small on the wire and huge in memory.
        "Accept-Encoding": "identity",
    }
    if authorization is not None:
        headers["Authorization"] = authorization
    for position, address in enumerate(addresses):
        pinned = f"[{address}]" if ":" in address else address
        try:
            request = client.build_request(
                "GET",
                f"{place.scheme}://{pinned}:{place.port}{path}",
                headers=headers,
                extensions={"sni_hostname": place.host},
            )
            begun = loop.time()
            response = await client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            failure = _failure(error)
            if position + 1 < len(addresses) and isinstance(error, httpx.ConnectError):
                continue
            raise failure from None
        try:
            return await _read(response, limits, 1000 * (loop.time() - begun))
        finally:
            await response.aclose()
    raise DriverError(Fault.UNREACHABLE)


async def _read(response: httpx.Response, limits: Limits, latency_ms: float) -> Answer:
    body = bytearray()
    try:
        async for part in response.aiter_raw():
            body += part
            if len(body) > limits.body:
                detail = f"more than {limits.body} bytes"
                raise DriverError(Fault.TOO_LARGE, detail, latency_ms=latency_ms)
    except httpx.HTTPError as error:
        failure = _failure(error)
        raise DriverError(failure.fault, "in its answer", latency_ms=latency_ms) from None
    headers: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        before = headers.get(name.lower())
        headers[name.lower()] = value if before is None else f"{before}\n{value}"
    return Answer(response.status_code, headers, bytes(body), latency_ms)


def _failure(error: BaseException) -> DriverError:
    if isinstance(error, httpx.TimeoutException):
        return DriverError(Fault.TIMEOUT)
    if isinstance(error, httpx.RemoteProtocolError):
        # It says the same of one that hangs up before it answers; both are no HTTP.
        return DriverError(Fault.GARBAGE, "its answer is no HTTP")
    if isinstance(error, (httpx.InvalidURL, UnicodeError)):
        return DriverError(Fault.ADDRESS, "no URL")
    return fault_of(error)


def _check_redirect(place: Place, found: Answer) -> None:
    """A device may send us to its own login page: it answers. Elsewhere is elsewhere."""
    location = found.headers.get("location", "")
    try:
        host = httpx.URL(f"{place.scheme}://{place.host}").join(location).host
    except (httpx.InvalidURL, ValueError):
        raise DriverError(Fault.GARBAGE, "it redirects to no URL") from None
    if host != place.host:
        raise DriverError(Fault.REDIRECT, "to another host", latency_ms=found.latency_ms)


class Http:
    """Asks for an address; anything below 400 is well."""

    name = "http"
    probe = ProbeKind.HTTP

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """See `Driver`."""
        found = await get(target, limits)
        facts: dict[str, Fact] = {"status": found.status}
        if found.status >= 400:
            detail = f"it answered {found.status}"
            raise DriverError(Fault.STATUS, detail, latency_ms=found.latency_ms)
        return Outcome(ok=True, latency_ms=found.latency_ms, facts=facts)


DRIVERS: Final[tuple[Driver, ...]] = (Http(),)
