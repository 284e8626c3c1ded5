"""Who is notified: a real server on loopback that notes what it took, and when."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep, time
from typing import Any, Final

__all__ = ["Receiver"]

MOST_BODY: Final = 4 * 1024 * 1024


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever posted was killed while it waited: that is what a drill is for."""


class Receiver:
    """A webhook's other end. delay_s: how long it thinks before it answers.

    What counts as received is what was answered with a 200, whether or not anybody read that.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self._lock = threading.Lock()
        self._arrived: dict[str, list[float]] = defaultdict(list)
        self._told: set[str] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def do_POST(self) -> None:
                size = min(int(self.headers.get("Content-Length", "0")), MOST_BODY)
                receiver._take(self.rfile.read(size))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def arrived(self) -> dict[str, tuple[float, ...]]:
        """Notification id to when it was taken, each time; seconds since the epoch."""
        with self._lock:
            return {name: tuple(times) for name, times in self._arrived.items()}

    def told(self) -> frozenset[str]:
        """The events that the notifications told of."""
        with self._lock:
            return frozenset(self._told)

    def _take(self, body: bytes) -> None:
        at = time()
        if self.delay_s:
            sleep(self.delay_s)
        try:
            said = json.loads(body)
            name, told = str(said["notification_id"]), said.get("event_ids", [])
        except (ValueError, KeyError, TypeError):
            name, told = "unreadable", []
        with self._lock:
            self._told.update(told)
            self._arrived[name].append(at)
