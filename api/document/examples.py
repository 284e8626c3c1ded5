"""Examples for the API's description: true answers of a small site."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from api.document.schemas import (
    CheckView,
    DifferenceView,
    DocumentProblem,
    DocumentView,
    RevisionView,
    SavedView,
)

AT: Final = datetime(2026, 3, 2, 22, 14, 7, tzinfo=UTC)
SITE: Final[dict[str, Any]] = {
    "sites": [
        {
            "site_id": "north",
            "timezone": "Europe/Berlin",
            "cameras": [{"camera_id": "gate", "stream": "rtsp://192.168.1.20/main"}],
            "zones": [
                {
                    "zone_id": "yard",
                    "camera_ids": ["gate"],
                    "severity": "high",
                    "polygons": {"gate": [[0.1, 0.4], [0.9, 0.4], [0.9, 1.0], [0.1, 1.0]]},
                    "labels": ["person"],
                    "dwell_sec": 2.0,
                }
            ],
        }
    ]
}
SITE_YAML: Final = """\
sites:
- site_id: north
  timezone: Europe/Berlin
  cameras:
  - camera_id: gate
    stream: rtsp://192.168.1.20/main
"""
ROUTES: Final[dict[str, Any]] = {
    "route": {
        "receiver": "soc",
        "routes": [{"receiver": "night", "matchers": ['severity="critical"']}],
    },
    "receivers": [
        {"name": "soc", "channels": [{"kind": "log"}]},
        {"name": "night", "channels": [{"kind": "pushover", "credentials": "pushover-night"}]},
    ],
}
DOCUMENTS: Final[dict[str, Any]] = {
    "as an object": {"document": SITE},
    "as YAML": {"document": SITE_YAML},
}
ROUTINGS: Final[dict[str, Any]] = {"as an object": {"document": ROUTES}}
DOCUMENT: Final = DocumentView(
    site_id="north", revision=7, author="kim", at=AT, document=SITE, yaml=SITE_YAML
)
ROUTING: Final = DocumentView(
    site_id=None,
    revision=5,
    author="kim",
    at=AT,
    document=ROUTES,
    yaml="route:\n  receiver: soc\n",
)
CHANGE: Final = DifferenceView(kind="changed", path="zones[yard].dwell_sec", before=2.0, after=5.0)
CHECK: Final = CheckView(
    ok=True,
    revision=7,
    problems=(),
    notes=(
        DocumentProblem(
            message="this window lasts 24 hours from 06:00",
            path=("sites", 0, "zones", 0, "active_schedule", "windows", 0, "end"),
            line=0,
        ),
    ),
    changes=(CHANGE,),
)
SAVED: Final = SavedView(revision=8, in_force=True)
REVISION: Final = RevisionView(revision=8, author="kim", at=AT, removed=False, changes=(CHANGE,))
