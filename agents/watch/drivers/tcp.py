"""A TCP connection is all that is asked for."""

from __future__ import annotations

from typing import Final

from agents.watch.drivers.base import Driver, Limits, Outcome, Target
from agents.watch.drivers.net import connected, place_of
from schemas.device import ProbeKind

__all__ = ["DRIVERS", "Tcp"]


class Tcp:
    """Connects to `host:port` or to the port of a URL."""

    name = "tcp"
    probe = ProbeKind.TCP

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """See `Driver`."""
        async with connected(place_of(target.address, "tcp"), limits) as stream:
            return Outcome(ok=True, latency_ms=stream.latency_ms)


DRIVERS: Final[tuple[Driver, ...]] = (Tcp(),)
