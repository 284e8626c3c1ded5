"""Where devices may be looked for and asked when they are taken on: the networks of the settings.

Who asks names the address, so it is believed less than a document's: only these networks, never
where clouds hand out credentials, and a name is resolved once.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agents.notify.targets import Address, Network, Policy, refusal
from agents.watch.drivers.base import DriverError, Fault
from agents.watch.drivers.net import Place, addresses_of, place_of

__all__ = ["WAY_OUT", "Networks", "Spot", "address_text", "spot_of"]

WAY_OUT = "WATCHFLOOR_DEVICE_NETWORKS (device_networks) names the networks that may be asked"
_NO_OTHER_USE = Policy(internal=True)


@dataclass(frozen=True)
class Networks:
    """The networks that are allowed."""

    every: tuple[Network, ...]

    @staticmethod
    def of(texts: Sequence[str]) -> Networks:
        """From the settings' words. Raises ValueError for one that is no network."""
        return Networks(tuple(ipaddress.ip_network(text, strict=False) for text in texts))

    def allow(self, text: str) -> bool:
        """Whether an address, as text, may be asked. One that stands for another may not."""
        try:
            address: Address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return False
        inside = any(one.version == address.version and address in one for one in self.every)
        return inside and refusal(address, _NO_OTHER_USE) is None

    def hold(self, subnet: ipaddress.IPv4Network) -> bool:
        """Whether the whole of a subnet may be asked."""
        return any(
            isinstance(one, ipaddress.IPv4Network) and subnet.subnet_of(one) for one in self.every
        )


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Where a device is. place: as it was named; address: which was checked, as text."""

    place: Place
    address: str

    @property
    def asked(self) -> str:
        """The address that drivers get: by number, so that nothing is resolved again.

        By name where there is TLS: a certificate is of a name, and holds the connection to it.
        """
        if self.place.scheme == "https":
            return address_text(self.place)
        return address_text(replace(self.place, host=self.address))


def address_text(place: Place) -> str:
    """A place as a document has it: its scheme, host and port, and no path."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    return f"{place.scheme}://{host}:{place.port}"


async def spot_of(address: str, networks: Networks) -> Spot:
    """A device's address, checked and resolved.

    Raises DriverError: `bad_address` for what is no http(s) address, `unreachable` for a name that
    is not found, `forbidden_address` for one outside of the networks.
    """
    place = place_of(address, "http")
    if place.scheme not in ("http", "https"):
        raise DriverError(Fault.ADDRESS, "a host, host:port, or an http(s) URL is wanted")
    place = replace(place, path="")
    for found in await addresses_of(place):
        if networks.allow(found):
            return Spot(place=place, address=found)
    raise DriverError(Fault.FORBIDDEN, f"outside of the networks that may be asked; {WAY_OUT}")


def own_addresses(networks: Networks) -> list[str]:
    """This machine's IPv4 addresses in those networks: from each of them the others are asked."""
    import psutil

    return sorted(
        {
            one.address
            for found in psutil.net_if_addrs().values()
            for one in found
            if one.family == socket.AF_INET and networks.allow(one.address)
        }
    )
