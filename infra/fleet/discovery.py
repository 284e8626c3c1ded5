"""WS-Discovery for the fleet: who asks on UDP 3702 hears of every ONVIF device, one answer each.

Web Services Dynamic Discovery (April 2005), sections 5.2 and 5.3, with ONVIF's types. On loopback
alone: asked at 127.0.0.1, and at the group 239.255.255.250 where loopback takes multicast.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID, uuid5
from xml.sax.saxutils import escape

from agents.watch.drivers.base import DriverError, Limits
from agents.watch.drivers.markup import parse
from infra.fleet.device import SimDevice
from infra.fleet.script import FleetFault, Now

__all__ = ["GROUP", "PORT", "Discovery", "matches", "urn_of"]

GROUP: Final = "239.255.255.250"
PORT: Final = 3702
MOST_BYTES: Final = 8192
_DISCOVERY: Final = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_ADDRESSING: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_FLEET: Final = UUID("5f2a6f9e-9d0e-5d0c-9c3a-6b7c3f6f5d11")
TYPES: Final = frozenset({"NetworkVideoTransmitter", "Device"})


def urn_of(device: SimDevice) -> str:
    """The device's own name, the same in every run."""
    return f"urn:uuid:{uuid5(_FLEET, device.device_id)}"


def matches(asked: bytes, devices: Sequence[SimDevice]) -> list[bytes]:
    """The answers to a datagram, one a device; none to what is no probe for such devices.

    Anybody can send one: it is read like everything from outside, and wrong ones are ignored.
    """
    try:
        root = parse(asked, Limits(body=MOST_BYTES))
    except DriverError:
        return []
    probe = root.child("Body", "Probe")
    message = root.said("Header", "MessageID")
    if root.name != "Envelope" or probe is None or not message:
        return []
    types = {one.rpartition(":")[2] for one in probe.said("Types").split()}
    if types and not types & TYPES:
        return []
    return [_match(device, message) for device in devices]


def _match(device: SimDevice, message: str) -> bytes:
    urn = urn_of(device)
    answer = uuid5(_FLEET, f"{device.device_id}/{message}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        f'xmlns:a="{_ADDRESSING}" xmlns:d="{_DISCOVERY}" '
        'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>'
        f"<a:MessageID>urn:uuid:{answer}</a:MessageID>"
        f"<a:RelatesTo>{escape(message)}</a:RelatesTo>"
        f"<a:To>{_ADDRESSING}/role/anonymous</a:To>"
        f"<a:Action>{_DISCOVERY}/ProbeMatches</a:Action></s:Header><s:Body><d:ProbeMatches>"
        f"<d:ProbeMatch><a:EndpointReference><a:Address>{urn}</a:Address></a:EndpointReference>"
        "<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>"
        "onvif://www.onvif.org/Profile/Streaming "
        f"onvif://www.onvif.org/name/{escape(device.device_id)}</d:Scopes>"
        f"<d:XAddrs>http://127.0.0.1:{device.port}/onvif/device_service</d:XAddrs>"
        "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body>"
        "</s:Envelope>"
    ).encode()


class Discovery(asyncio.DatagramProtocol):
    """Answers probes. devices: those of ONVIF; now_of: what is wrong with one at the moment."""

    def __init__(
        self, devices: Callable[[], Sequence[SimDevice]], now_of: Callable[[str], Now]
    ) -> None:
        self._devices = devices
        self._now_of = now_of
        self._transport: asyncio.DatagramTransport | None = None
        self._group: asyncio.DatagramTransport | None = None
        self.port = 0
        self.multicast = False

    async def start(self, port: int = PORT) -> None:
        """Listen at loopback. port 0: a free one, without the group. Raises OSError."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            if port:
                # Others on this machine may listen for the group as well.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
        except OSError:
            sock.close()
            raise
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)
        self.port = sock.getsockname()[1]
        if port:
            await self._join(port)

    async def _join(self, port: int) -> None:
        """Take the group's datagrams too, as far as loopback takes any."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Bound to the group itself: no datagram for another of our addresses comes here.
            sock.bind((GROUP, port))
            member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1"))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        except OSError:
            sock.close()
            return
        loop = asyncio.get_running_loop()
        self._group, _ = await loop.create_datagram_endpoint(
            lambda: _Group(self.datagram_received), sock=sock
        )
        self.multicast = True

    def close(self) -> None:
        """Stop listening."""
        for transport in (self._transport, self._group):
            if transport is not None:
                transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a probe from loopback, by unicast, from our own address."""
        if self._transport is None or not addr[0].startswith("127."):
            return
        well = [
            one
            for one in self._devices()
            if FleetFault.DOWN not in self._now_of(one.device_id).kinds
        ]
        for answer in matches(data, well):
            with contextlib.suppress(OSError):
                self._transport.sendto(answer, addr)


class _Group(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received(data, addr)
