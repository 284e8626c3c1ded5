"""Somebody else's camera: ipycam's ONVIF services and its WS-Discovery, on loopback.

Run by an interpreter that has ipycam, with user, password and the port of its streams; it tells its
own two ports in one line, and ends with its standard input.
"""

from __future__ import annotations

import json
import socket
import socketserver
import sys
import threading

from ipycam.camera import IPCamera
from ipycam.config import CameraConfig
from ipycam.discovery import WSDiscoveryServer
from ipycam.http import IPCameraHTTPHandler


class Discovery(WSDiscoveryServer):  # type: ignore[misc]
    """Theirs listens on every address, and to everybody's multicast."""

    def __init__(self, service: object) -> None:
        threading.Thread.__init__(self, daemon=True)
        self.onvif = service
        self.running = True
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(1.0)

    def _send_announcement(self, action: str) -> None:
        """Nobody asked for it."""


def main() -> None:
    """Serve until standard input ends."""
    user, password, streams = sys.argv[1:]
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), IPCameraHTTPHandler)
    server.daemon_threads = True
    config = CameraConfig(
        local_ip="127.0.0.1",
        onvif_port=server.server_address[1],
        rtsp_port=int(streams),
        username=user,
        password=password,
        main_stream_name="ipycam/main",
        sub_stream_name="ipycam/sub",
    )
    camera = IPCamera(config)
    IPCameraHTTPHandler.camera = camera
    discovery = Discovery(camera.onvif)
    discovery.start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ports = {"http": server.server_address[1], "discovery": discovery.sock.getsockname()[1]}
    print(json.dumps({**ports, "serial": config.serial_number, "model": config.model}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
