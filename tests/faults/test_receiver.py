"""The drills' receiver counts what it has answered, copies too."""

from __future__ import annotations

import json
import urllib.request

from infra.drills.receiver import Receiver


def post(url: str, body: bytes) -> int:
    asked = urllib.request.Request(url, data=body, method="POST")
    with urllib.request.urlopen(asked, timeout=10) as reply:
        return int(reply.status)


def test_what_was_answered_is_counted() -> None:
    with Receiver() as receiver:
        first = json.dumps({"notification_id": "n-1", "event_ids": ["e-1", "e-2"]}).encode()
        other = json.dumps({"notification_id": "n-2"}).encode()
        for body in (first, first, other, b"{"):
            assert post(receiver.url, body) == 200
        arrived = {name: len(times) for name, times in receiver.arrived().items()}
        assert arrived == {"n-1": 2, "n-2": 1, "unreadable": 1}
        assert receiver.told() == {"e-1", "e-2"}
