"""What is known of devices' health: `device.health.v1`, every partition of it, kept small.

A replica polls the devices of its own partitions, but a device that is down relieves its whole
site of load, and the site's other devices may be another replica's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from agents.runtime.record import Record
from agents.watch.health import URGENT_S
from schemas.base import SchemaError
from schemas.device import Breaker, DeviceHealth, DeviceSeverity

__all__ = ["Knowledge", "Known"]

STALE_S: Final = 10 * URGENT_S
"""Ten polls of a critical device."""

log = logging.getLogger("watchfloor.watch")


class Known(NamedTuple):
    """A device's health. at, since, next_poll: seconds since the epoch; fails: its newest poll
    did, or was too slow."""

    severity: DeviceSeverity
    open: bool
    load_shed: bool
    at: float
    next_poll: float
    since: float = 0.0
    fails: bool = False


@dataclass
class Knowledge:
    """The newest health of each device by `site/device`, and who relieves its site of load."""

    devices: dict[str, Known] = field(default_factory=dict)
    _shedding: dict[str, dict[str, float]] = field(default_factory=dict)

    def take(self, record: Record) -> str | None:
        """A record of the topic; the key of the device that it is about, None where it tells
        nothing new. One that does not decode changes nothing, and is logged."""
        key = (record.key or b"").decode("utf-8", "replace")
        if record.value is None:
            return key if self._put(key, None) else None
        try:
            health = record.message()
        except SchemaError as error:
            log.error("health of %s at offset %d: %s", key[:130], record.offset, error)
            return None
        if not isinstance(health, DeviceHealth) or f"{health.site_id}/{health.device_id}" != key:
            log.error("health at offset %d has another key: %s", record.offset, key[:130])
            return None
        known = Known(
            severity=health.severity,
            open=health.breaker is Breaker.OPEN,
            load_shed=health.load_shed,
            at=health.at.timestamp(),
            next_poll=health.next_poll_at.timestamp(),
            since=health.since.timestamp(),
            fails=health.consecutive_failures > 0 or health.severity is DeviceSeverity.CRITICAL,
        )
        return key if self._put(key, known) else None

    def _put(self, key: str, known: Known | None) -> bool:
        before = self.devices.get(key)
        if before == known or (before and known and known.at < before.at):
            return False
        site = key.partition("/")[0]
        if known is None:
            del self.devices[key]
        else:
            self.devices[key] = known
        if known is not None and known.load_shed:
            self._shedding.setdefault(site, {})[key] = known.at
        elif before is not None and before.load_shed:
            critical = self._shedding[site]
            del critical[key]
            if not critical:
                del self._shedding[site]
        return True

    def sheds(self, site_id: str, now: float) -> bool:
        """Whether the optional polls of a site are left out: one of its devices is critical.

        One that was not polled for STALE_S has left its document; its last word stays behind.
        """
        return any(at > now - STALE_S for at in self._shedding.get(site_id, {}).values())
