"""A real HTTP server that streams real JPEGs, and misbehaves where the path says so."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from tests.unit.agents.capture.videos import jpeg_of, picture

__all__ = ["PASSWORD", "USER", "MjpegServer"]

USER: Final = "operator"
PASSWORD: Final = "p@ss:w/rd%1"

BOMB: Final = jpeg_of(picture(0, 8, 8)).replace(b"\x00\x08\x00\x08\x03", b"\x40\x00\x40\x00\x03")


class MjpegServer:
    """Serves on 127.0.0.1 until closed.

    Paths: /stream, /basic and /digest (with a password), /same and /other (redirects), /damaged
    (every second picture does not decode), /frozen (one picture for ever), /silent (three
    pictures, then nothing), /ends (three pictures), /picture (no stream), /bomb, /status/N.
    seen: the Authorization headers that came.
    """

    def __init__(self, port: int = 0, fps: float = 20) -> None:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                owner.serve(self)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that goes away is what these tests are about."""

        self._server = Server(("127.0.0.1", port), Handler)
        self._stopped = threading.Event()
        self._pause = 1 / fps
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.seen: list[str] = []
        self.port: int = self._server.server_address[1]

    def url(self, path: str, userinfo: str = "") -> str:
        return f"http://{userinfo}127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path
        self.seen.append(request.headers.get("Authorization", ""))
        if path.startswith("/status/"):
            self._answer(request, int(path.rpartition("/")[2]))
        elif path == "/same":
            self._answer(request, 302, ("Location", "/stream"))
        elif path == "/other":
            self._answer(request, 302, ("Location", "http://localhost:1/stream"))
        elif path == "/basic" and not self._basic(request):
            self._answer(request, 401, ("WWW-Authenticate", 'Basic realm="camera"'))
        elif path == "/digest" and not self._digest(request):
            offer = 'Digest realm="camera", qop="auth", nonce="abc", algorithm=MD5'
            self._answer(request, 401, ("WWW-Authenticate", offer))
        elif path == "/picture":
            self._answer(request, 200, ("Content-Type", "image/jpeg"), body=jpeg_of(picture(0)))
        else:
            self._stream(request, path)

    @staticmethod
    def _answer(
        request: BaseHTTPRequestHandler,
        status: int,
        header: tuple[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        request.send_response(status)
        if header:
            request.send_header(*header)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    @staticmethod
    def _basic(request: BaseHTTPRequestHandler) -> bool:
        token = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {token}"

    @staticmethod
    def _digest(request: BaseHTTPRequestHandler) -> bool:
        """RFC 7616, MD5, qop=auth."""
        sent = request.headers.get("Authorization", "")
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', sent))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        secret = md5(f"{USER}:camera:{PASSWORD}")
        asked = md5(f"GET:{request.path}")
        expected = md5(f"{secret}:abc:{fields.get('nc')}:{fields.get('cnonce')}:auth:{asked}")
        return fields.get("response") == expected and fields.get("username") == USER

    def _stream(self, request: BaseHTTPRequestHandler, path: str) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.close_connection = True
        request.end_headers()
        number = 0
        while not self._stopped.is_set():
            data = BOMB if path == "/bomb" else jpeg_of(picture(0 if path == "/frozen" else number))
            if path == "/damaged" and number % 2:
                data = data[: len(data) // 2]
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            request.wfile.write(head.encode() + data + b"\r\n")
            number += 1
            if path == "/ends" and number == 3:
                return
            if path == "/silent" and number == 3:
                self._stopped.wait(60)
            time.sleep(self._pause)
