"""The newest picture of each camera: which one is kept, how old it is said to be, who has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agents.runtime.configuration import Configuration
from agents.runtime.record import Record
from api.camera.pictures import Held, Newest, held_of
from api.camera.service import age_of, site_of
from api.problems import NotFound, SiteAmbiguous
from schemas.base import SchemaError, encode
from schemas.document import Camera, ConfigRecord, Site
from schemas.frame import FrameMeta
from topics.catalogue import FRAMES

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def held(
    camera: str = "gate", second: float = 0.0, *, site: str = "north", size: int = 10, **of: Any
) -> Held:
    at = NOW + timedelta(seconds=second)
    meta = FrameMeta(
        **{
            "site_id": site,
            "camera_id": camera,
            "captured_at": at,
            "seq": int(second),
            "width": 640,
            "height": 360,
            **of,
        }
    )
    return Held(meta, at, b"\xff\xd8\xff" + b"x" * (size - 3))


def record(value: bytes | None, meta: FrameMeta) -> Record:
    return Record(
        topic=FRAMES,
        partition=0,
        offset=0,
        timestamp_ms=int(NOW.timestamp() * 1000),
        key=b"north/gate",
        value=value,
        headers={"wf_frame": encode(meta)},
    )


def test_the_newest_of_each_camera_is_kept() -> None:
    newest = Newest()
    for one in (held(second=1), held("fence", 1), held(second=2), held(site="south", second=5)):
        newest.take(one)
    assert len(newest) == 3
    found = newest.find("north", "gate")
    assert found is not None
    assert found.meta.seq == 2
    assert [one.meta.camera_id for one in newest.every({"north"})] == ["fence", "gate"]
    assert newest.every(set()) == []


def test_one_that_is_read_again_changes_nothing() -> None:
    newest = Newest()
    newest.take(held(second=9))
    newest.take(held(second=3))
    found = newest.find("north", "gate")
    assert found is not None
    assert found.meta.seq == 9


def test_a_picture_is_named_anew_when_it_is_another_one() -> None:
    assert held(second=1).tag == held(second=1).tag
    assert held(second=1).tag != held(second=2).tag


def test_the_bytes_of_all_of_them_are_bounded() -> None:
    newest = Newest(max_bytes=250)
    for number in range(10):
        newest.take(held(f"c{number}", number, size=100))
    assert [one.meta.camera_id for one in newest.every({"north"})] == ["c8", "c9"]
    # One camera's new picture takes the place of its own.
    newest.take(held("c8", 20, size=100))
    assert len(newest) == 2
    newest.take(held("c9", 21, size=300))
    assert len(newest) == 0
    newest.take(held("c1", 22, size=250))
    assert len(newest) == 1


def test_forgotten_pictures_take_no_room() -> None:
    newest = Newest(max_bytes=100)
    newest.take(held(size=100))
    newest.clear()
    newest.take(held("fence", size=100))
    assert len(newest) == 1


def test_a_record_is_a_picture() -> None:
    meta = held().meta
    assert held_of(record(b"\xff\xd8\xff\xe0", meta)) == Held(meta, NOW, b"\xff\xd8\xff\xe0")
    with pytest.raises(SchemaError):
        held_of(record(b"<script>", meta))
    with pytest.raises(SchemaError):
        held_of(replace(record(b"\xff\xd8\xff", meta), headers={}))


@pytest.mark.parametrize("value", [None, b""])
def test_a_files_end_is_none(value: bytes | None) -> None:
    assert held_of(record(value, held(last=True).meta)) is None


@pytest.mark.parametrize(
    ("live", "captured", "expected"),
    [
        (True, NOW - timedelta(seconds=4), 4.0),
        (True, NOW + timedelta(seconds=4), 0.0),  # the camera's machine is ahead
        (False, NOW - timedelta(days=900), 2.0),  # a file of years ago, sent two seconds ago
    ],
)
def test_how_old_it_is(live: bool, captured: datetime, expected: float) -> None:
    one = Held(held(captured_at=captured, live=live).meta, NOW - timedelta(seconds=2), b"")
    assert age_of(one, NOW) == expected


def test_whose_camera_it_is() -> None:
    configuration = Configuration()
    for site in (
        Site(site_id="north", cameras=(Camera(camera_id="gate"), Camera(camera_id="fence"))),
        Site(site_id="south", cameras=(Camera(camera_id="gate"),)),
    ):
        configuration.apply(site.site_id, ConfigRecord(revision=1, at=NOW, author="t", site=site))
    both = frozenset(("north", "south"))
    assert site_of(configuration, both, "fence") == "north"
    assert site_of(configuration, frozenset(("south",)), "gate") == "south"
    with pytest.raises(SiteAmbiguous) as found:
        site_of(configuration, both, "gate")
    assert found.value.document.sites == ("north", "south")
    with pytest.raises(NotFound):
        site_of(configuration, frozenset(("south",)), "fence")
