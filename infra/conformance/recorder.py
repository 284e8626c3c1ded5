"""The recording channel of a live run: an HTTP server on loopback that can fail and hang."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from agents.notify.senders.local import CHANNEL_HEADER
from infra.conformance.cases import ChannelFault
from schemas.base import SchemaError, decode
from schemas.notification import NotifyRequest

__all__ = ["Recorder", "Taken"]

MOST_BYTES: Final = 4 * 1024 * 1024
HOLD_S: Final = 30.0
"""A connection that hangs is let go then; whoever called has long given up."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Something that a channel took. moment: which turn of the clock it came in."""

    channel: str
    request: NotifyRequest
    moment: int


class Recorder:
    """Takes notifications, or refuses them, by receiver and channel, as it was last told.

    A copy of what was taken already is taken again: at-least-once is to be seen.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failing: set[tuple[str, str | None]] = set()
        self._hanging: set[tuple[str, str | None]] = set()
        self._taken: list[Taken] = []
        self._moment = 0
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._post))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def begin(self) -> None:
        """A case begins: nothing fails, nothing was taken."""
        with self._lock:
            self._failing.clear()
            self._hanging.clear()
            self._taken.clear()
            self._moment = 0

    def turn(self) -> None:
        """The clock was turned on."""
        with self._lock:
            self._moment += 1

    def set(self, fault: ChannelFault) -> None:
        """Let a channel fail, or no longer."""
        place = (fault.receiver, fault.name)
        with self._lock:
            for on, places in ((fault.fails, self._failing), (fault.times_out, self._hanging)):
                if on is True:
                    places.add(place)
                elif on is False:
                    places.discard(place)

    def taken(self) -> list[Taken]:
        """What was taken since the case began, as it came."""
        with self._lock:
            return list(self._taken)

    def _post(self, channel: str, body: bytes) -> int:
        try:
            request = decode(body, NotifyRequest)
        except SchemaError:
            return 400
        places = {(request.receiver, None), (request.receiver, channel)}
        with self._lock:
            hangs, fails = bool(places & self._hanging), bool(places & self._failing)
            if not hangs and not fails:
                self._taken.append(Taken(channel=channel, request=request, moment=self._moment))
        if hangs:
            self._released.wait(HOLD_S)
            return 504
        return 503 if fails else 200


def _handler(post: Callable[[str, bytes], int]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MOST_BYTES:
                self._answer(413)
                return
            body = self.rfile.read(int(length))
            self._answer(post(self.headers.get(CHANNEL_HEADER, ""), body))

        def _answer(self, status: int) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                # Whoever called did not wait: it found the channel hanging.
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """The runner's output is its own."""

    return Handler
