"""Which of a recorder's channels a stream is, by its address."""

from __future__ import annotations

import re
from typing import Final

from agents.runtime.configuration import SiteConfig

__all__ = ["captured_channels", "channel_of"]

_CHANNELS: Final = (
    re.compile(r"/Streaming/(?:Unicast/)?Channels/(\d{1,3})0\d(?:\D|$)", re.IGNORECASE),
    re.compile(r"[?&]channel=(\d{1,3})(?:\D|$)", re.IGNORECASE),
    re.compile(r"/ch(\d{1,2})/", re.IGNORECASE),
)
"""Hikvision's address, Dahua's, Hikvision's old one."""


def channel_of(stream: str) -> int | None:
    """The channel, 1-based; None where the address names none."""
    for expression in _CHANNELS:
        found = expression.search(stream)
        if found is not None:
            return int(found[1])
    return None


def captured_channels(config: SiteConfig | None, recorder: str) -> frozenset[str]:
    """The channels of a recorder whose cameras are captured: these tell of their own loss."""
    if config is None:
        return frozenset()
    # By recorder, once a revision: polls come by the thousand.
    found: dict[str, frozenset[str]] | None = config.derived.get("watch.channels")
    if found is None:
        channels: dict[str, set[str]] = {}
        for camera in config.site.cameras:
            channel = channel_of(camera.stream or "")
            if camera.nvr_id is not None and channel is not None:
                channels.setdefault(camera.nvr_id, set()).add(str(channel))
        found = {nvr: frozenset(numbers) for nvr, numbers in channels.items()}
        config.derived["watch.channels"] = found
    return found.get(recorder, frozenset())
