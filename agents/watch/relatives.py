"""A device that fails has what it hangs on asked at once: is it that? No I/O, no clock.

Times are seconds since the epoch, handed in. What a device hangs on may be another replica's, and
so may what hangs on it: who knows whose health is `known`, which every replica follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from agents.runtime.configuration import Configuration
from agents.watch.known import Known
from schemas.device import DeviceSeverity

__all__ = ["CONFIRM_S", "Nobody", "Relatives", "SiteRelatives", "asked_at"]

CONFIRM_S: Final = 10.0
"""Between two polls of what is asked because of others: as long as a poll may take. Five failures
take a minute then, and the first of what hangs on it is critical after four."""
SOON_S: Final = 2.0
"""Between two polls of what answers, however many that hang on it turn suspect."""


class Relatives(Protocol):
    """What hangs on what, by `site/device`."""

    def parent(self, key: str) -> str | None:
        """What a device hangs on."""

    def children(self, key: str) -> Iterable[str]:
        """What hangs on a device."""


class Nobody:
    """Devices that stand for themselves."""

    def parent(self, key: str) -> str | None:
        """None has one."""
        return None

    def children(self, key: str) -> Iterable[str]:
        """None has any."""
        return ()


class SiteRelatives:
    """Those of the sites' documents, as they are now."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def parent(self, key: str) -> str | None:
        """See `Relatives`."""
        site_id, _, device = key.partition("/")
        site = self._configuration.site(site_id)
        found = None if site is None else site.parents.get(device)
        return None if found is None else f"{site_id}/{found}"

    def children(self, key: str) -> Iterable[str]:
        """See `Relatives`."""
        site_id, _, device = key.partition("/")
        site = self._configuration.site(site_id)
        if site is None or device not in site.hung_on:
            return ()
        known: dict[str, list[str]] | None = site.derived.get("children")
        if known is None:
            known = site.derived["children"] = {}
            for child, parent in site.parents.items():
                known.setdefault(parent, []).append(f"{site_id}/{child}")
        return known.get(device, ())


def asked_at(
    own: Known | None, polled: float | None, children: Iterable[Known], now: float
) -> float | None:
    """When a device is asked because of what hangs on it; None: not because of that.

    own: its health; polled: when it was polled last. One that answers is asked once for each that
    turns suspect, and once more when that turns critical; one that fails as well is asked again
    and again until it is critical itself, or answers. What is critical has told its verdict, and
    what comes back from that takes its time.
    """
    if own is not None and own.severity is DeviceSeverity.CRITICAL:
        return None
    if own is not None and own.severity is DeviceSeverity.SUSPECT and not own.fails:
        return None
    last = polled or (0.0 if own is None else own.at)
    both = own is not None and own.fails
    if any(child.fails and (both or child.since > last) for child in children):
        return max(now, last + (CONFIRM_S if both else SOON_S))
    return None
