"""What a device hangs on explains what is wrong with it: inhibitions that nobody has to write.

A recorder inhibits its cameras, a site's uplink its recorders and theirs. Polls are independent,
so a camera is often found down before its recorder is: an alert of a device that hangs on another
is held for that one's verdict, and is open all the while, so that a recorder whose own alert waits
for its uplink makes its cameras quiet already. When the recorder is back its cameras are still to
be polled: they stay quiet for as long as that takes, and one that is down even then is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from agents.runtime.configuration import SiteConfig
from schemas.alert import Alert

__all__ = ["BACK", "HOLD", "PARENT", "add", "held", "is_ours", "lingers"]

PARENT: Final = "parent"
"""The label that watch gives to the events of a device that hangs on another: its name."""

HOLD: Final = timedelta(seconds=9)
"""Timers go by ticks, one a second: it is 10 s at most."""
BACK: Final = timedelta(minutes=3)
"""What was down is polled once a minute, has 10 s to answer, and is well with its second answer:
two polls, and a third for a channel that its recorder starts late."""

DOWN: Final = "down"
FLAPPING: Final = "flapping"
OFFLINE: Final = "device_offline"
TURNS: Final = "device_flapping"


def held(labels: Mapping[str, str]) -> bool:
    """Whether a new alert waits for what its device hangs on."""
    return PARENT in labels


def add(
    site: SiteConfig,
    alert: Alert,
    labels: Mapping[str, str],
    sources: list[tuple[str, bool]],
    inhibitors: list[tuple[str, bool]],
) -> None:
    """Add what an alert inhibits, and what inhibits it; see `Profile`.

    Only what watch itself said of a device that hangs on another is inhibited so.
    """
    device = alert.device_id
    if device is None or alert.zone_id is not None:
        return
    if alert.event_type in (OFFLINE, TURNS) and device in site.hung_on:
        sources.append((f"{alert.site_id}/{DOWN}/{device}", True))
    own = f"{alert.site_id}/{FLAPPING}/{device}"
    if alert.event_type == TURNS:
        sources.append((own, True))
    elif alert.event_type == OFFLINE:
        inhibitors.append((own, False))
    if PARENT in labels:
        inhibitors += [(f"{alert.site_id}/{DOWN}/{one}", False) for one in site.ancestors(device)]


def is_ours(key: str) -> bool:
    """Whether an inhibition is one of these, and not the document's: those have hashes there."""
    return key.split("/", 2)[1] in (DOWN, FLAPPING)


def lingers(key: str) -> bool:
    """Whether an inhibition goes on for a while after its last source has ended."""
    return key.split("/", 2)[1] == DOWN
