"""Which frames are looked at again after a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.detect.warming import Window
from agents.runtime.record import Record
from schemas.base import encode
from schemas.frame import FrameMeta
from topics.catalogue import FRAMES

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NOW_MS = 1_000_000_000


def meta(
    seconds: float = 0.0, *, live: bool = False, run: str = "one", camera: str = "gate"
) -> FrameMeta:
    return FrameMeta(
        site_id="north",
        camera_id=camera,
        captured_at=T0 + timedelta(seconds=seconds),
        seq=0,
        width=32,
        height=32,
        live=live,
        run=run,
    )


def window(first: FrameMeta, dwell_s: float = 0.0) -> Window:
    headers = {"wf_frame": encode(first), "ce_id": b"f"}
    return Window.before(Record(FRAMES, 0, 7, NOW_MS, b"north/gate", b"", headers), dwell_s)


LIVE = meta(live=True, run="")


@pytest.mark.parametrize(
    ("first", "dwell_s", "seen", "seconds_ago", "taken"),
    [
        # live: by the broker's times, twelve seconds and what a zone wants
        (LIVE, 0, LIVE, 12, True),
        (LIVE, 0, LIVE, 12.001, False),
        (LIVE, 30, LIVE, 42, True),
        (LIVE, 900, LIVE, 301, False),
        # a file: its whole run by its own clock, however slowly it was looked at
        (meta(100), 0, meta(0), 590, True),
        (meta(400), 0, meta(100), 590, True),
        (meta(400), 0, meta(99.9), 1, False),
        (meta(5), 0, meta(4, run="before"), 1, False),
        # another camera of the partition
        (meta(5), 0, meta(4, run="other", camera="yard"), 100, True),
        (meta(5), 0, meta(live=True, run="", camera="yard"), 100, False),
        (meta(5), 0, meta(live=True, run="", camera="yard"), 10, True),
    ],
)
def test_what_is_looked_at_again(
    first: FrameMeta, dwell_s: float, seen: FrameMeta, seconds_ago: float, taken: bool
) -> None:
    chosen = window(first, dwell_s)
    assert chosen.takes(seen, NOW_MS - round(seconds_ago * 1000)) is taken


def test_reading_begins_no_later_than_what_is_taken() -> None:
    assert window(LIVE).start_ms == NOW_MS - 12_000
    assert window(meta()).start_ms == 0
    unreadable = Record(FRAMES, 0, 7, NOW_MS, b"north/gate", b"", {})
    assert Window.before(unreadable, 8).start_ms == NOW_MS - 20_000
