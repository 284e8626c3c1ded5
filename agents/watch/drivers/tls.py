"""A TLS handshake, and whether the certificate is the device's own."""

from __future__ import annotations

import ssl
from typing import Any, Final

from agents.watch.drivers.base import Driver, Fact, Limits, Outcome, Target
from agents.watch.drivers.net import connected, place_of, tls_context
from schemas.device import ProbeKind

__all__ = ["DRIVERS", "Tls"]


class Tls:
    """Connects to `host:port` (443 where none is named) and shakes hands. Says when the
    certificate ends: `certificate_ends`, seconds since the epoch."""

    name = "tls"
    probe = ProbeKind.TLS

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """See `Driver`."""
        place = place_of(target.address, "tls")
        async with connected(place, limits, tls=tls_context(target)) as stream:
            certificate: dict[str, Any] = stream.writer.get_extra_info("peercert") or {}
            facts: dict[str, Fact] = {}
            if "notAfter" in certificate:
                facts["certificate_ends"] = ssl.cert_time_to_seconds(certificate["notAfter"])
            return Outcome(ok=True, latency_ms=stream.latency_ms, facts=facts)


DRIVERS: Final[tuple[Driver, ...]] = (Tls(),)
