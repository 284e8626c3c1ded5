"""Examples for the API's description."""

from __future__ import annotations

from typing import Final

from api.notify.schemas import NotifyAnswer, NotifyOutcome, PreviewView

__all__ = ["ACCEPTED", "ANSWER", "BODY", "PREVIEW", "PREVIEWED"]

BODY: Final = {
    "a backup that failed": {
        "site_id": "north",
        "title": "Last night's backup failed",
        "text": "The recorder's disk is full.",
        "severity": "high",
        "receiver": "desk",
        "source": "backup",
    }
}
ANSWER: Final = NotifyAnswer(
    notification_id="9d3b6f0e-2d0a-5c1b-8f6e-0a4a1d2c3b4e",
    site_id="north",
    receiver="desk",
    result=NotifyOutcome.SENT,
    channel="pushover",
)
ACCEPTED: Final = NotifyAnswer(
    notification_id="9d3b6f0e-2d0a-5c1b-8f6e-0a4a1d2c3b4e",
    site_id="north",
    receiver="desk",
    result=NotifyOutcome.ACCEPTED,
    retrying=True,
)
PREVIEW: Final = {"three alerts": {"receiver": "desk", "severity": "critical", "alerts": 3}}
PREVIEWED: Final = [
    PreviewView(
        channel="log",
        kind="log",
        language="en",
        subject="3 alerts at North yard",
        text="Main gate, yard: intrusion (critical)",
        html="",
    )
]
