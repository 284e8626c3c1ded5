"""Where a request comes from: the peer, or what a proxy that is trusted says of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from starlette.types import Scope

__all__ = ["Network", "client_address", "networks", "of_request"]

MAX_HOPS: Final = 16
"""More addresses than that in X-Forwarded-For are somebody's joke."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks in CIDR, as the settings have them."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.strip().split("%", 1)[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The nearest address that is no trusted proxy's.

    peer: who is connected. forwarded: X-Forwarded-For's headers, to each of which a proxy adds the
    address that it was asked from at the end; what stands before the first one that we do not
    trust is only said. An IPv6 address counts as its /64, which is what one host has.
    """
    nearest = _address(peer)
    if nearest is None:
        return "unknown"
    said = [part for header in forwarded for part in header.split(",")][-MAX_HOPS:]
    while said and any(nearest in network for network in trusted):
        before = _address(said.pop())
        if before is None:
            break
        nearest = before
    if isinstance(nearest, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((nearest, 64), strict=False))
    return str(nearest)


def of_request(scope: Scope, trusted: Sequence[Network]) -> str:
    """The client's address of an ASGI request."""
    peer = (scope.get("client") or ("",))[0]
    forwarded = [
        value.decode("latin-1")
        for name, value in scope["headers"]
        if name.lower() == b"x-forwarded-for"
    ]
    return client_address(peer, forwarded, trusted)
