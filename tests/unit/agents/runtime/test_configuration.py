"""What is configured now, as the records of the configuration topic left it."""

from __future__ import annotations

import asyncio

from agents.runtime.configuration import ROUTING_KEY, Configuration
from schemas.document import Camera, ConfigRecord, Receiver, Route, Routing, Site, Zone
from tests.unit.agents.runtime.parts import T0

SITE = Site(
    site_id="north",
    cameras=(Camera(camera_id="cam-1", name="Gate"), Camera(camera_id="cam-2")),
    zones=(
        Zone(zone_id="yard", camera_ids=("cam-1", "cam-2")),
        Zone(zone_id="roof", camera_ids=("cam-2",)),
    ),
)
ROUTING = Routing(route=Route(receiver="soc"), receivers=(Receiver(name="soc"),))


def record(revision: int, **parts: Site | Routing) -> ConfigRecord:
    return ConfigRecord(revision=revision, author="t", at=T0, **parts)  # type: ignore[arg-type]


def test_a_site_is_looked_up_by_what_stages_ask_for() -> None:
    found = Configuration()
    found.apply("north", record(3, site=SITE))
    site = found.site("north")
    assert site is not None
    assert site.revision == 3
    assert set(site.zones) == {"yard", "roof"}
    camera = site.camera("cam-1")
    assert camera is not None
    assert camera.name == "Gate"
    assert [zone.zone_id for zone in site.zones_by_camera["cam-2"]] == ["yard", "roof"]
    assert found.site("south") is None


def test_the_newest_record_is_in_force_and_the_revision_is_the_greatest() -> None:
    found = Configuration()
    found.apply("north", record(5, site=SITE))
    found.apply(ROUTING_KEY, record(4, routing=ROUTING))
    assert found.revision == 5
    assert found.routing == ROUTING
    found.apply("north", record(6, site=Site(site_id="north", enabled=False)))
    site = found.site("north")
    assert site is not None
    assert not site.site.enabled
    assert found.revision == 6


def test_a_tombstone_takes_away_what_its_key_names() -> None:
    found = Configuration()
    found.apply("north", record(1, site=SITE))
    found.apply(ROUTING_KEY, record(1, routing=ROUTING))
    found.apply("north", None)
    assert found.site("north") is None
    assert found.routing == ROUTING
    found.apply(ROUTING_KEY, None)
    assert found.routing == Routing()


async def test_whoever_waits_for_a_change_is_told_of_the_next_one() -> None:
    found = Configuration()
    waiting = asyncio.create_task(found.wait_change())
    await asyncio.sleep(0)
    assert not waiting.done()
    found.apply("north", record(1, site=SITE))
    async with asyncio.timeout(5):
        await waiting
    again = asyncio.create_task(found.wait_change())
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()
