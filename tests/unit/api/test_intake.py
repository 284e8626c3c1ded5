"""An event from outside: its fields, its site, its time and its id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from agents.runtime.configuration import SiteConfig
from api.event.intake import Fresh, check, event_key, find_site, occurred_at, to_event
from api.event.schemas import CvEvent
from api.problems import Invalid, NotFound, SiteAmbiguous
from schemas.base import Severity
from schemas.document import Camera, Device, Site, Zone
from schemas.event import EventSource

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def site(site_id: str, *, zones: tuple[str, ...], device: str | None = None) -> SiteConfig:
    document = Site(
        site_id=site_id,
        cameras=(Camera(camera_id="gate"),),
        devices=() if device is None else (Device(device_id=device, kind="nvr"),),
        zones=tuple(Zone(zone_id=zone, camera_ids=("gate",)) for zone in zones),
    )
    return SiteConfig(document, 1)


SITES = {
    "north": site("north", zones=("yard", "dock"), device="nvr-1"),
    "south": site("south", zones=("yard",)),
}


def event(**fields: Any) -> CvEvent:
    return CvEvent(**{"event_type": "intrusion", "camera_id": "gate", "zone_id": "yard", **fields})


def device_event(**fields: Any) -> CvEvent:
    return CvEvent(event_type="device_offline", device_id="nvr-1", **fields)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (event(), set()),
        (event(zone_id=None), {"body.zone_id"}),
        (event(camera_id=None, zone_id=None), {"body.camera_id", "body.zone_id"}),
        (device_event(severity=Severity.HIGH), set()),
        (device_event(severity=Severity.HIGH, camera_id="gate"), set()),
        (device_event(), {"body.severity"}),
        (device_event(severity=Severity.HIGH, zone_id="yard"), {"body.zone_id"}),
    ],
)
def test_fields_that_belong_together(given: CvEvent, wrong: set[str]) -> None:
    if not wrong:
        check(given)
        return
    with pytest.raises(Invalid) as caught:
        check(given)
    assert {error.field for error in caught.value.document.errors} == wrong


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (event(site_id="south"), "south"),
        (event(zone_id="dock"), "north"),  # only north has it
        (event(site_id="south", zone_id="dock"), "south"),  # decide rejects the zone there
        (device_event(severity=Severity.LOW), "north"),
        (CvEvent(event_type="x", device_id="gate", site_id="south"), "south"),
    ],
)
def test_the_site_is_found(given: CvEvent, found: str) -> None:
    assert find_site(given, SITES) == found


@pytest.mark.parametrize(
    ("given", "among"),
    [
        (event(zone_id="yard"), ("north", "south")),
        (event(zone_id="nowhere"), ("north", "south")),
        (CvEvent(event_type="x", device_id="gate"), ("north", "south")),  # a camera of both
    ],
)
def test_an_unclear_site_names_the_choice(given: CvEvent, among: tuple[str, ...]) -> None:
    with pytest.raises(SiteAmbiguous, match="north, south") as caught:
        find_site(given, SITES)
    assert caught.value.document.sites == among


def test_no_sites_at_all() -> None:
    with pytest.raises(SiteAmbiguous, match="none is configured"):
        find_site(event(), {})


def test_a_site_that_does_not_exist() -> None:
    with pytest.raises(NotFound, match="west"):
        find_site(event(site_id="west"), SITES)


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        (None, NOW),
        (datetime(2026, 3, 2, 9, 0), datetime(2026, 3, 2, 9, 0, tzinfo=UTC)),  # noqa: DTZ001
        (
            datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 3, 2, 7, 0, tzinfo=UTC),
        ),
        (datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)),  # decide's to reject
    ],
)
def test_event_time(stamp: datetime | None, at: datetime) -> None:
    assert occurred_at(event(timestamp_utc=stamp), NOW) == at


def test_a_time_that_utc_cannot_hold() -> None:
    stamp = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(Invalid, match="timestamp_utc"):
        occurred_at(event(timestamp_utc=stamp), NOW)


def test_the_id_goes_by_key_then_event_id_then_body() -> None:
    raw = {"event_type": "intrusion", "timestamp_utc": "x"}
    stamped = event(timestamp_utc=NOW)
    named = event(timestamp_utc=NOW, event_id="7")
    by_body = event_key("north", stamped, raw, None)
    by_name = event_key("north", named, raw, None)
    by_key = event_key("north", named, raw, "7")
    assert len({by_body, by_name, by_key}) == 3
    assert event_key("north", stamped, dict(reversed(raw.items())), None) == by_body
    assert event_key("north", stamped, {**raw, "x": 1}, None) != by_body
    assert event_key("north", named, {}, None) == by_name
    assert event_key("north", stamped, {}, "7") == by_key
    assert event_key("south", named, raw, None) != by_name


def test_neither_id_nor_time_is_a_fresh_event() -> None:
    with pytest.raises(Fresh):
        event_key("north", event(), {}, None)
    assert event_key("north", event(), {}, "key")
    assert event_key("north", event(event_id="7"), {}, None)


def test_a_zone_event_takes_the_severity_of_its_zone() -> None:
    given = event(severity=Severity.CRITICAL, label="person", confidence=0.5, vendor="acme")
    made = to_event(given, event_id="e", site="north", at=NOW)
    assert made.severity is None
    assert (made.source, made.label, made.confidence) == (EventSource.EXTERNAL, "person", 0.5)
    assert (made.zone_id, made.occurred_at, made.vendor) == ("yard", NOW, "acme")
    own = to_event(device_event(severity=Severity.LOW), event_id="e", site="north", at=NOW)
    assert own.severity is Severity.LOW
