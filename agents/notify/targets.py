"""Which addresses a notification may go to: not this machine's own network, unless it is allowed.

A channel's URL is data from a document, and what it names may be a metadata service or a device's
own page. Names are resolved once, each address is checked, and the connection goes to a checked
address: a name that resolves to something else the next moment changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from agents.notify.errors import ChannelError
from schemas.document import SiteNotifications

__all__ = ["NOWHERE_INTERNAL", "Address", "Policy", "Resolver", "policy_of", "refusal", "resolve"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""A host and a port to addresses, as text."""

MOST_ADDRESSES: Final = 4
METADATA: Final = tuple(
    ipaddress.ip_network(text)
    # AWS, GCP, Azure, and their IPv6; Alibaba; Oracle; Azure's wire server.
    for text in (
        "169.254.169.254/32",
        "fd00:ec2::254/128",
        "100.100.100.200/32",
        "192.0.0.192/32",
        "168.63.129.16/32",
    )
)
"""Where clouds hand out credentials: never, unless exactly such a network is allowed."""

_NAT64: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_COMPATIBLE: Final = ipaddress.ip_network("::/96")


@dataclass(frozen=True)
class Policy:
    """internal: every internal address may be reached; networks: these as well."""

    internal: bool = False
    networks: tuple[Network, ...] = ()


NOWHERE_INTERNAL: Final = Policy()


def policy_of(notifications: SiteNotifications | None) -> Policy:
    """What a site's document allows. A network that is none allows nothing."""
    if notifications is None:
        return NOWHERE_INTERNAL
    networks: list[Network] = []
    for text in notifications.allowed_networks:
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError:
            continue
    return Policy(notifications.allow_internal_targets, tuple(networks))


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if any(address in network for network in _NAT64):
        return low
    if address in _COMPATIBLE and int(address) > 1:
        return low
    return address


def refusal(address: Address, policy: Policy) -> str | None:
    """Why an address may not be reached, or None."""
    real = _embedded(address)
    for network in policy.networks:
        if network.version == real.version and real in network:
            return None
    if any(real.version == one.version and real in one for one in METADATA):
        return "a cloud's metadata service"
    if real.is_multicast or real.is_unspecified:
        return "no address of one machine"
    if policy.internal or real.is_global:
        return None
    if real.is_loopback:
        return "this machine"
    if real.is_link_local:
        return "a link-local address"
    return "an internal address"


async def _system(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in found]


async def resolve(
    host: str, port: int, policy: Policy, *, resolver: Resolver | None = None
) -> list[str]:
    """The host's addresses that may be reached, at most MOST_ADDRESSES, in the resolver's order.

    Raises ChannelError where there is none; the message says which field allows them.
    """
    try:
        texts: Sequence[str] = [str(ipaddress.ip_address(host))]
    except ValueError:
        try:
            texts = await (resolver or _system)(host, port)
        except (OSError, UnicodeError) as error:
            raise ChannelError(f"{host}: its name is not found", faulty=True) from error
    reasons: list[str] = []
    good: list[str] = []
    for text in dict.fromkeys(texts):
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            continue
        reason = refusal(address, policy)
        if reason is None:
            good.append(str(address))
        else:
            reasons.append(f"{address} is {reason}")
    if good:
        return good[:MOST_ADDRESSES]
    if not reasons:
        raise ChannelError(f"{host}: its name is not found", faulty=True)
    raise ChannelError(
        f"{host}: {reasons[0]}; the site's notifications.allow_internal_targets or "
        "allowed_networks would allow it",
        final=True,
    )
