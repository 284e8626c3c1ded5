"""Uses the generated client, in the generator's environment: `python client_use.py URL EVENT`.

The token is in the environment. What it heard goes to standard output, as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from typing import Any

import watchfloor_client
from watchfloor_client import AuthenticatedClient, models
from watchfloor_client.api.alerts import alerts_by_id, alerts_every
from watchfloor_client.api.events import events_every, events_post_cv
from watchfloor_client.api.exports import exports_export
from watchfloor_client.api.notifications import notifications_preview
from watchfloor_client.api.sites import sites_every
from watchfloor_client.api.zones import zones_every


def main(url: str, event_id: str) -> dict[str, Any]:
    modules = [
        one.name for one in pkgutil.walk_packages(watchfloor_client.__path__, "watchfloor_client.")
    ]
    for name in modules:
        importlib.import_module(name)
    client = AuthenticatedClient(base_url=url, token=os.environ["TOKEN"], timeout=30.0)
    sites = sites_every.sync(client=client)
    zones = zones_every.sync(client=client, site_id="north")
    event = models.CvEvent(
        event_type="intrusion",
        site_id="north",
        camera_id="gate",
        zone_id="dock",
        event_id=event_id,
        vendor="suppressed:dedupe_window",
        confidence=0.5,
    )
    answers = [
        events_post_cv.sync(client=client, body=event, idempotency_key=event_id) for _ in range(2)
    ]
    unknown = alerts_by_id.sync(alert_id="nothing", client=client)
    wrong = events_every.sync(client=client, cursor="nonsense")
    preview = notifications_preview.sync(client=client, body=models.PreviewBody(receiver="nobody"))
    export = exports_export.sync_detailed(
        kind=models.ExportKind.DEVICES, client=client, format_=models.ExportFormat.NDJSON
    )
    page = alerts_every.sync(client=client, limit=5)
    return {
        "modules": len(modules),
        "sites": [[type(one).__name__, one.site_id, one.revision] for one in sites],
        "zones": [[type(one).__name__, one.severity.value] for one in zones],
        "answers": [[type(one).__name__, one.event_id, one.result.value] for one in answers],
        "unknown": [type(unknown).__name__, unknown.status],
        "wrong": [type(wrong).__name__, wrong.status],
        "preview": [type(preview).__name__, preview.status, preview.errors[0].field],
        "export": [export.status_code, export.content.count(b"\n")],
        "page": [type(page).__name__, len(page.items)],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2])))
