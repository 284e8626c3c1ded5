"""When a device is asked because of what hangs on it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.runtime.configuration import Configuration
from agents.watch.known import Known
from agents.watch.relatives import CONFIRM_S, SOON_S, Nobody, SiteRelatives, asked_at
from schemas.device import DeviceSeverity
from schemas.document import Camera, ConfigRecord, Device, Site

NORMAL, SUSPECT, CRITICAL = DeviceSeverity
NOW = 10_000.0


def known(
    severity: DeviceSeverity, *, at: float = -60, since: float = -600, fails: bool | None = None
) -> Known:
    """A device's health; times before now."""
    fails = severity is not NORMAL if fails is None else fails
    return Known(severity, False, False, NOW + at, NOW + at + 60, NOW + since, fails)


@pytest.mark.parametrize(
    ("own", "children", "expected"),
    [
        # One that turned suspect since the parent was asked, and one that did before.
        (known(NORMAL), [known(SUSPECT, since=-1)], 0.0),
        (known(NORMAL), [known(SUSPECT, since=-61)], None),
        # The same one that turned critical now.
        (known(NORMAL), [known(CRITICAL, since=-1)], 0.0),
        # One that is on its way back, and ones that are well.
        (known(NORMAL), [known(SUSPECT, since=-1, fails=False)], None),
        (known(NORMAL), [known(NORMAL, since=-1)], None),
        (known(NORMAL), [], None),
        # It was asked just now.
        (known(NORMAL, at=-1.5), [known(SUSPECT, since=-1)], SOON_S - 1.5),
        (known(NORMAL, at=-4), [known(SUSPECT, since=-1)], 0.0),
        # Both fail: until it is sure.
        (known(SUSPECT, at=-10), [known(SUSPECT, since=-300)], 0.0),
        (known(SUSPECT, at=-2), [known(NORMAL), known(CRITICAL)], CONFIRM_S - 2),
        (known(SUSPECT), [known(NORMAL)], None),
        # It is on its way back, or has told already.
        (known(SUSPECT, fails=False), [known(CRITICAL, since=-1)], None),
        (known(CRITICAL), [known(SUSPECT, since=-1)], None),
        # Nothing is known of it yet.
        (None, [known(SUSPECT)], 0.0),
    ],
)
def test_when_it_is_asked(own: Known | None, children: list[Known], expected: float | None) -> None:
    found = asked_at(own, None, children, NOW)
    assert found == (None if expected is None else NOW + expected)


def test_a_poll_whose_health_is_not_read_yet_counts() -> None:
    own, child = known(NORMAL, at=-100), known(SUSPECT, since=-50)
    assert asked_at(own, None, [child], NOW) == NOW
    assert asked_at(own, NOW - 3, [child], NOW) is None


def test_the_documents_say_who_hangs_on_what() -> None:
    configuration = Configuration()
    relatives = SiteRelatives(configuration)
    assert relatives.parent("north/cam-1") is None
    assert list(relatives.children("north/nvr-1")) == []
    site = Site(
        site_id="north",
        devices=(
            Device(device_id="uplink", kind="service"),
            Device(device_id="nvr-1", kind="nvr", parent="uplink"),
            Device(device_id="cam-1", kind="camera", parent="nvr-1"),
        ),
        cameras=(Camera(camera_id="cam-2", nvr_id="nvr-1"), Camera(camera_id="cam-3")),
    )
    at = datetime(2026, 3, 2, tzinfo=UTC)
    configuration.apply("north", ConfigRecord(revision=1, author="t", at=at, site=site))
    assert relatives.parent("north/cam-1") == "north/nvr-1"
    assert relatives.parent("north/cam-2") == "north/nvr-1"
    assert relatives.parent("north/cam-3") is None
    assert relatives.parent("south/cam-1") is None
    assert sorted(relatives.children("north/nvr-1")) == ["north/cam-1", "north/cam-2"]
    assert list(relatives.children("north/uplink")) == ["north/nvr-1"]
    assert list(relatives.children("north/cam-1")) == []
    found = configuration.site("north")
    assert found is not None
    assert found.ancestors("cam-1") == ("nvr-1", "uplink")
    # A circle, which no reader lets through, ends.
    circle = Site(
        site_id="north",
        devices=(
            Device(device_id="a", kind="nvr", parent="b"),
            Device(device_id="b", kind="nvr", parent="a"),
        ),
    )
    configuration.apply("north", ConfigRecord(revision=2, author="t", at=at, site=circle))
    found = configuration.site("north")
    assert found is not None
    assert found.ancestors("a") == ("b", "a")


def test_nobody_hangs_on_nobody() -> None:
    assert Nobody().parent("north/a") is None
    assert list(Nobody().children("north/a")) == []
