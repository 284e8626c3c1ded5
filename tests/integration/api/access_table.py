"""What each route and each message is for whom, and how a route is asked.

The table has a line a route; one without fails the tests: a new route says what it is for whom.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.account.identity import Scope
from tests.integration.api.support import Stack

__all__ = ["ALERT", "EVENT", "LINES", "MARK", "MESSAGES", "NEEDED", "NOBODY", "SITE", "Line"]
__all__ += ["knock", "line"]

MARK: Final = "access-matrix"
"""Part of every name at site `north` that nobody else may read."""

ALERT: Final = f"{MARK}-alert"
EVENT: Final = f"{MARK}-event"
SITE: Final = "north"


@dataclass(frozen=True)
class Line:
    """What a route is asked, and what it answers.

    path: its parameters, by name. body, query: what is sent. well: for whom it is meant. foreign:
    for a user of another site who may do everything there. absent: parameters under which there is
    nothing anywhere; where the answer is 404, it is the same for these.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    well: frozenset[int] = frozenset({200})
    foreign: int = 404

    def absent(self) -> Line:
        """The same of what there is not."""
        swapped = {SITE: "absent", ALERT: "absent", EVENT: "absent"}

        def swap(part: Any) -> Any:
            if isinstance(part, dict):
                return {key: swap(one) for key, one in part.items()}
            if isinstance(part, list):
                return [swap(one) for one in part]
            return swapped.get(part, part) if isinstance(part, str) else part

        return Line(swap(self.path), swap(self.body), swap(self.query), self.well, self.foreign)


def line(*well: int, foreign: int = 404, body: Any = None, query: Any = None, **path: str) -> Line:
    return Line(path, body, query or {}, frozenset(well or (200,)), foreign)


PLAN_IMAGE: Final = "/v1/sites/{site_id}/plans/{plan_id}/image"
DOCUMENT: Final = "/v1/sites/{site_id}/document"
CV = {"site_id": SITE, "event_type": "intrusion", "camera_id": "gate", "zone_id": "dock"}
NOBODY = str(uuid.uuid4())

# A status beside 2xx in `well` is what a body gets that is let in, and is none on purpose.
LINES: Final[Mapping[tuple[str, str], Line]] = {
    ("GET", "/v1/sites"): line(foreign=200),
    ("POST", "/v1/sites"): line(422, foreign=403, body={"site_id": "no id"}),
    ("GET", "/v1/sites/{site_id}"): line(site_id=SITE),
    ("GET", "/v1/zones"): line(query={"site_id": SITE}),
    ("GET", "/v1/cameras"): line(query={"site_id": SITE}),
    ("POST", "/v1/cameras/onboard"): line(400, body={"site_id": SITE, "address": "8.8.8.8"}),
    ("POST", "/v1/nvrs/connect"): line(
        400, body={"site_id": SITE, "address": "8.8.8.8", "driver": "isapi"}
    ),
    ("GET", "/v1/cameras/pictures"): line(query={"site_id": SITE}),
    ("GET", "/v1/cameras/{camera_id}/snapshot"): line(query={"site_id": SITE}, camera_id="gate"),
    ("GET", "/v1/places"): line(query={"site_id": SITE}),
    ("GET", PLAN_IMAGE): line(404, site_id=SITE, plan_id="none"),
    ("PUT", PLAN_IMAGE): line(415, site_id=SITE, plan_id="none"),
    ("DELETE", PLAN_IMAGE): line(404, site_id=SITE, plan_id="none"),
    ("GET", "/v1/timeline"): line(query={"site_id": SITE}),
    ("GET", "/v1/reports/shift"): line(query={"site_id": SITE}),
    ("GET", "/v1/exports/{kind}"): line(query={"site_id": SITE}, kind="events"),
    ("GET", DOCUMENT): line(site_id=SITE),
    ("POST", f"{DOCUMENT}/check"): line(site_id=SITE, body={"document": {"site_id": SITE}}),
    ("PUT", DOCUMENT): line(428, site_id=SITE, body={"document": {"site_id": SITE}}),
    ("GET", f"{DOCUMENT}/history"): line(site_id=SITE),
    ("GET", f"{DOCUMENT}/history/{{revision}}"): line(404, site_id=SITE, revision="999999"),
    ("POST", f"{DOCUMENT}/history/{{revision}}/restore"): line(
        428, site_id=SITE, revision="999999"
    ),
    ("GET", "/v1/routing"): line(foreign=403),
    ("POST", "/v1/routing/check"): line(foreign=403, body={"document": {}}),
    ("PUT", "/v1/routing"): line(428, foreign=403, body={"document": {}}),
    ("GET", "/v1/routing/history"): line(foreign=403),
    ("GET", "/v1/routing/history/{revision}"): line(404, foreign=403, revision="999999"),
    ("POST", "/v1/routing/history/{revision}/restore"): line(428, foreign=403, revision="999999"),
    ("GET", "/v1/devices"): line(query={"site_id": SITE}),
    ("GET", "/v1/devices/{site_id}/{device_id}"): line(site_id=SITE, device_id="nvr-1"),
    ("GET", "/v1/devices/{site_id}/{device_id}/history"): line(site_id=SITE, device_id="nvr-1"),
    ("GET", "/v1/devices/{site_id}/{device_id}/uptime"): line(site_id=SITE, device_id="nvr-1"),
    ("POST", "/v1/discovery/scans"): line(422, foreign=403, body={"subnet": "8.8.8.0/30"}),
    ("GET", "/v1/discovery/scans"): line(foreign=403),
    ("GET", "/v1/discovery/scans/{scan_id}"): line(404, foreign=403, scan_id=NOBODY),
    ("GET", "/v1/events"): line(query={"site_id": SITE}),
    ("POST", "/v1/events/cv"): line(200, 202, body=CV),
    ("GET", "/v1/events/{event_id}"): line(event_id=EVENT),
    ("GET", "/v1/events/{event_id}/snapshots"): line(event_id=EVENT),
    ("GET", "/v1/events/{event_id}/snapshots/{position}"): line(event_id=EVENT, position="0"),
    ("GET", "/v1/alerts"): line(query={"site_id": SITE}),
    ("POST", "/v1/alerts/commands"): line(
        202, foreign=422, body={"kind": "comment", "text": "x", "alert_ids": [ALERT]}
    ),
    ("GET", "/v1/alerts/{alert_id}"): line(alert_id=ALERT),
    ("GET", "/v1/alerts/{alert_id}/activity"): line(alert_id=ALERT),
    ("GET", "/v1/alerts/{alert_id}/procedure"): line(alert_id=ALERT),
    ("GET", "/v1/alerts/{alert_id}/snapshot"): line(alert_id=ALERT),
    ("POST", "/v1/alerts/{alert_id}/commands"): line(
        202, body={"kind": "comment", "text": "x"}, alert_id=ALERT
    ),
    ("GET", "/v1/handovers"): line(query={"site_id": SITE}),
    ("POST", "/v1/handovers"): line(202, body={"site_id": SITE, "text": "x"}),
    ("POST", "/v1/notifications/preview"): line(422, body={"receiver": "none", "site_id": SITE}),
    ("POST", "/internal/notify"): line(
        422, body={"site_id": SITE, "title": "x", "receiver": "none"}
    ),
    ("POST", "/v1/backtests"): line(
        422,
        foreign=422,
        body={
            "site_document": {"sites": [{"site_id": SITE}]},
            "from": "2026-03-02T10:00:00Z",
            "to": "2026-03-02T09:00:00Z",
        },
    ),
    ("GET", "/v1/backtests"): line(foreign=200),
    ("GET", "/v1/backtests/{backtest_id}"): line(404, backtest_id=NOBODY),
    ("WEBSOCKET", "/v1/stream"): line(101, query={"site_id": SITE}),
    ("GET", "/v1/pipeline"): line(query={"site_id": SITE}),
    ("GET", "/metrics"): line(foreign=403),
    ("GET", "/v1/users"): line(foreign=200),
    ("POST", "/v1/users"): line(422, foreign=422, body={"name": "x"}),
    ("GET", "/v1/users/{user_id}"): line(404, user_id=NOBODY),
    ("PATCH", "/v1/users/{user_id}"): line(404, user_id=NOBODY, body={"disabled": True}),
    ("DELETE", "/v1/users/{user_id}"): line(404, user_id=NOBODY),
    ("POST", "/v1/users/{user_id}/password"): line(404, user_id=NOBODY, body={}),
    ("GET", "/v1/users/{user_id}/sessions"): line(404, user_id=NOBODY),
    ("DELETE", "/v1/users/{user_id}/sessions"): line(404, user_id=NOBODY),
    ("DELETE", "/v1/users/{user_id}/sessions/{session_id}"): line(
        404, user_id=NOBODY, session_id=NOBODY
    ),
    ("GET", "/v1/audit"): line(foreign=403),
    ("GET", "/v1/tokens"): line(foreign=200),
    ("POST", "/v1/tokens"): line(422, foreign=422, body={"name": "x"}),
    ("DELETE", "/v1/tokens/{token_id}"): line(404, token_id=NOBODY),
}

NEEDED: Final[Mapping[tuple[str, str], Scope]] = {
    ("POST", "/internal/notify"): Scope.NOTIFY_WRITE,
}
"""Of routes that look for themselves."""

MESSAGES: Final[Mapping[str, Scope | None]] = {
    "hello": None,
    "reload": None,
    "activity": Scope.ALERTS_READ,
    "presence": Scope.ALERTS_READ,
    "alerts": Scope.ALERTS_READ,
    "alert": Scope.ALERTS_READ,
    "alert_removed": Scope.ALERTS_READ,
    "cameras": Scope.DEVICES_READ,
    "camera": Scope.DEVICES_READ,
    "pipeline": Scope.DEVICES_READ,
    "discovery_progress": Scope.DEVICES_WRITE,
    "discovery_complete": Scope.DEVICES_WRITE,
}
"""What each message of the stream takes, beside what it takes to listen."""


async def knock(stack: Stack, door: tuple[str, str], what: Line, headers: dict[str, str]) -> Any:
    """Status, headers and text of what a route answers."""
    method, path = door[0], door[1].format(**what.path)
    if method == "WEBSOCKET":
        return await _handshake(f"{stack.ws_url}?{httpx.QueryParams(what.query)}", headers)
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False, timeout=30) as client:
        return await client.request(
            method, path, params=what.query, json=what.body, headers=headers
        )


async def _handshake(url: str, headers: dict[str, str]) -> Any:
    try:
        async with connect(url, additional_headers=headers):
            return httpx.Response(101)
    except InvalidStatus as refused:
        answer = refused.response
        return httpx.Response(
            answer.status_code, headers=list(answer.headers.raw_items()), content=bytes(answer.body)
        )
