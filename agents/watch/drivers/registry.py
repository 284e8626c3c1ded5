"""Which drivers there are, by the name that a document's `driver:` says."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agents.watch.drivers.base import Driver

__all__ = ["DRIVERS", "Registry", "drivers_of"]

DRIVERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tcp": "agents.watch.drivers.tcp",
        "tls": "agents.watch.drivers.tls",
        "http": "agents.watch.drivers.web",
        "https": "agents.watch.drivers.web",
        "healthz": "agents.watch.drivers.healthz",
        "rtsp": "agents.watch.drivers.rtsp",
        "isapi": "agents.watch.drivers.isapi",
        "hikvision": "agents.watch.drivers.isapi",
        "dahua": "agents.watch.drivers.dahua",
        "intelbras": "agents.watch.drivers.dahua",
        "onvif": "agents.watch.drivers.onvif",
    }
)
"""Each module has `DRIVERS`: the driver that says whether a device is well, then any that ask
for more and are left out while its site is relieved of load (their `probe` is optional)."""


class Registry:
    """Drivers that were asked for; each is made once."""

    def __init__(self, drivers: Mapping[str, tuple[Driver, ...]] | None = None) -> None:
        self._made: dict[str, tuple[Driver, ...]] = dict(drivers or {})

    def of(self, name: str) -> tuple[Driver, ...]:
        """The drivers of that name, the main one first. Raises LookupError for another name."""
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = drivers_of(name)
        return found


def drivers_of(name: str) -> tuple[Driver, ...]:
    """The drivers of that name, from their module. Raises LookupError for another name."""
    module = DRIVERS.get(name)
    if module is None:
        raise LookupError(f"driver {name!r} is none of these: {', '.join(DRIVERS)}")
    drivers: tuple[Driver, ...] = importlib.import_module(module).DRIVERS
    return drivers
