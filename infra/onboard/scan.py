"""A scan: asks a network who is there, and gathers who answers. Bounded in packets and in time.

Without a subnet the question goes to WS-Discovery's group from each of this machine's addresses in
the allowed networks; with one, to each of its hosts by itself, which passes routers and switches
that keep multicast back. Twice, since a datagram may be lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from infra.errors import SettingsError
from infra.onboard.discovery import MOST_BYTES, Found, matches_in, probe
from infra.onboard.places import WAY_OUT, Networks, own_addresses

__all__ = ["LARGEST", "Progress", "scan", "subnet_of"]

GROUP: Final = "239.255.255.250"
LARGEST: Final = 22
"""The shortest prefix of a subnet: 1,022 hosts."""
ROUNDS: Final = 2
BATCH: Final = 25
PAUSE_S: Final = 0.1
"""250 questions a second at most: small switches drop what comes at once."""
ANSWER_S: Final = 3.0
"""How long answers are waited for after the last question; devices answer within half a second."""
MOST_READ: Final = 20_000
"""Answers that are read at all."""
MOST_OF_ONE: Final = 2_000
"""Answers of one address that are read, so that a single one cannot use up the others'."""
MOST_FOUND: Final = 4_096


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a scan is: questions sent of how many, and who answered so far."""

    asked: int
    total: int
    found: tuple[Found, ...]


def subnet_of(text: str, networks: Networks) -> ipaddress.IPv4Network:
    """A subnet to be asked. Raises SettingsError for what is none, too large or not allowed."""
    try:
        subnet = ipaddress.IPv4Network(text.strip(), strict=False)
    except ValueError:
        raise SettingsError(
            f"subnet {text[:60]!r}: is no IPv4 network", hint="Write 192.168.1.0/24, for example."
        ) from None
    if subnet.prefixlen < LARGEST:
        raise SettingsError(
            f"subnet {subnet}: has {subnet.num_addresses} addresses",
            hint=f"A /{LARGEST} is the largest that one scan asks; divide it.",
        )
    if not networks.hold(subnet):
        raise SettingsError(f"subnet {subnet}: may not be asked", hint=f"{WAY_OUT}.")
    return subnet


async def scan(
    networks: Networks,
    subnet: ipaddress.IPv4Network | None,
    *,
    port: int,
    told: Callable[[Progress], None],
    answer_s: float = ANSWER_S,
    enough: int = MOST_FOUND,
) -> tuple[Found, ...]:
    """Ask, and return who answered, by address. told: hears of the progress.

    subnet: None asks the group. enough: devices, after which nobody is waited for.
    Raises SettingsError where there is no address to ask from.
    """
    message_id = f"urn:uuid:{uuid4()}"
    question = probe(message_id)
    ears = _Ears(message_id, lambda sender: _may(sender, networks, subnet), enough)
    sending = _addresses(networks, subnet)
    total = ROUNDS * (len(sending) if subnet is None else len(list(subnet.hosts())))
    asked = 0
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_socket(one, subnet is None)) for one in sending]
        transports = []
        loop = asyncio.get_running_loop()
        try:
            for sock in sockets:
                transport, _ = await loop.create_datagram_endpoint(lambda: ears, sock=sock)
                transports.append(transport)
            for _ in range(ROUNDS):
                for target, transport in _targets(subnet, transports):
                    with contextlib.suppress(OSError):
                        transport.sendto(question, (target, port))
                    asked += 1
                    if asked % BATCH == 0 or asked == total:
                        told(Progress(asked=asked, total=total, found=ears.found()))
                        await asyncio.sleep(PAUSE_S)
                await asyncio.sleep(PAUSE_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(answer_s):
                    await ears.full.wait()
        finally:
            for transport in transports:
                transport.close()
    found = ears.found()
    told(Progress(asked=asked, total=total, found=found))
    return found


def _may(sender: str, networks: Networks, subnet: ipaddress.IPv4Network | None) -> bool:
    if subnet is None:
        return networks.allow(sender)
    return ipaddress.ip_address(sender) in subnet and networks.allow(sender)


def _addresses(networks: Networks, subnet: ipaddress.IPv4Network | None) -> list[str]:
    """The addresses to ask from; the system chooses one for a subnet."""
    if subnet is not None:
        return [""]
    found = own_addresses(networks)
    if not found:
        raise SettingsError(
            "discover: this machine has no address in the networks that may be asked",
            hint=f"{WAY_OUT}.",
        )
    return found


@contextlib.contextmanager
def _socket(address: str, group: bool) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        # Many devices answer within the same milliseconds.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1_048_576)
        sock.bind((address, 0))
        if group:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        yield sock


def _targets(
    subnet: ipaddress.IPv4Network | None, transports: list[asyncio.DatagramTransport]
) -> Iterator[tuple[str, asyncio.DatagramTransport]]:
    if subnet is None:
        yield from ((GROUP, transport) for transport in transports)
    else:
        yield from ((str(host), transports[0]) for host in subnet.hosts())


class _Ears(asyncio.DatagramProtocol):
    """Hears the answers. Each device counts once, by its own name and its address."""

    def __init__(self, message_id: str, may: Callable[[str], bool], enough: int) -> None:
        self._enough = enough
        self.full = asyncio.Event()
        self._message_id = message_id
        self._may = may
        self._read: Counter[str] = Counter()
        self._total = 0
        self._found: dict[tuple[str, str], Found] = {}

    def found(self) -> tuple[Found, ...]:
        """Who answered so far, by address."""
        return tuple(sorted(self._found.values(), key=lambda one: (one.address, one.endpoint)))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Read an answer, if there is room for it and its sender may be heard."""
        sender = addr[0]
        if (
            len(data) > MOST_BYTES
            or self._total >= MOST_READ
            or not self._may(sender)
            or self._read[sender] >= MOST_OF_ONE
        ):
            return
        self._total += 1
        self._read[sender] += 1
        for one in matches_in(data, sender, self._message_id):
            if len(self._found) < self._enough:
                self._found.setdefault((one.endpoint, one.address), one)
        if len(self._found) >= self._enough:
            self.full.set()

    def error_received(self, exc: Exception) -> None:
        """A host said that nobody listens: that is an answer as well."""
