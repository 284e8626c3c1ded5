"""Whoever posts events to the façade: several clients that try again until they are answered."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from time import sleep, time
from typing import Final

from infra.drills.events import events
from schemas.event import SecurityEvent

__all__ = ["Posts"]

CLIENTS: Final = 6
AGAIN_S: Final = 0.2
LIMIT_S: Final = 20.0
"""Above the 10 s for which the façade waits for a decision."""


class Posts:
    """POST /v1/events/cv under load. url: where the façade is now; it moves when it restarts.
    bearer: the header by which it lets us in, known once it has run.

    An event is posted with its id as `Idempotency-Key` until it is answered with a 2xx, as its
    sender would: the same event again is the same event.
    """

    def __init__(
        self, seed: int, url: Callable[[], str], bearer: Callable[[], Mapping[str, str]]
    ) -> None:
        self._url = url
        self._bearer = bearer
        self._events = events(seed, "posted")
        self._lock = threading.Lock()
        self._taken: dict[str, float] = {}
        self._answers: dict[str, tuple[str, str | None]] = {}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"client-{n}", daemon=True)
            for n in range(CLIENTS)
        ]
        self.tried_again = 0

    def start(self) -> None:
        """Post until `stop`."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Post nothing new, and return once everything is answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def taken(self) -> dict[str, float]:
        """Event id, as the façade named it, to when it answered; seconds since the epoch."""
        with self._lock:
            return dict(self._taken)

    def answers(self) -> dict[str, tuple[str, str | None]]:
        """Event id to the result and the reason of an answer that had the decision."""
        with self._lock:
            return dict(self._answers)

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                event = next(self._events)
            while not self._post(event):
                self.tried_again += 1
                sleep(AGAIN_S)

    def _post(self, event: SecurityEvent) -> bool:
        """Whether it was answered with a 2xx."""
        body = {
            "site_id": event.site_id,
            "camera_id": event.camera_id,
            "zone_id": event.zone_id,
            "event_type": event.event_type,
        }
        asked = urllib.request.Request(  # noqa: S310 - our own loopback
            f"{self._url()}/v1/events/cv",
            data=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": event.event_id,
                **self._bearer(),
            },
            method="POST",
        )
        try:
            with urllib.request.urlopen(asked, timeout=LIMIT_S) as reply:  # noqa: S310
                answer = json.loads(reply.read(1_000_000))
        except (OSError, ValueError, http.client.HTTPException):
            return False
        at = time()
        with self._lock:
            self._taken.setdefault(answer["event_id"], at)
            if "result" in answer:
                self._answers[answer["event_id"]] = (answer["result"], answer["reason"])
        return True
