"""A service's own word on its health: `/healthz`, where 2xx is well."""

from __future__ import annotations

from typing import Final

from agents.watch.drivers.base import Driver, DriverError, Fault, Limits, Outcome, Target
from agents.watch.drivers.net import place_of
from agents.watch.drivers.web import get
from schemas.device import ProbeKind

__all__ = ["DRIVERS", "Healthz"]

PATH: Final = "/healthz"


class Healthz:
    """Asks a service how it is, at the path of its address or at `/healthz`."""

    name = "healthz"
    probe = ProbeKind.SERVICE

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """See `Driver`."""
        own = place_of(target.address, "http").path
        found = await get(target, limits, path=own if own not in ("", "/") else PATH)
        if not 200 <= found.status < 300:
            # It answers, and says that it is not well; its body may say anything.
            fault = Fault.UNWELL if found.status == 503 else Fault.STATUS
            raise DriverError(fault, f"it answered {found.status}", latency_ms=found.latency_ms)
        return Outcome(ok=True, latency_ms=found.latency_ms)


DRIVERS: Final[tuple[Driver, ...]] = (Healthz(),)
