"""Problems at their paths: a page puts each beside the field that it is about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from schemas.document import Camera, Document, Receiver, Route, Routing, Site, Zone
from schemas.document_reader import examine, examine_value, read_value, value_of

YARD = {"zone_id": "yard", "camera_ids": ["gate"]}


def site(*zones: dict[str, Any]) -> dict[str, Any]:
    return {
        "sites": [{"site_id": "north", "cameras": [{"camera_id": "gate"}], "zones": list(zones)}]
    }


def window(*days: str) -> dict[str, Any]:
    return {"days": list(days), "start": "18:00", "end": "06:00"}


ZONE = ("sites", 0, "zones", 0)


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        (site({**YARD, "severity": "loud"}), [(*ZONE, "severity")]),
        (site({**YARD, "colour": "red"}), [(*ZONE, "colour")]),
        (site({"camera_ids": ["gate"]}), [(*ZONE, "zone_id")]),  # missing
        (site({**YARD, "camera_ids": ["gate", "fence"]}), [(*ZONE, "camera_ids", 1)]),
        (
            site({**YARD, "polygons": {"gate": [[0, 0], [1, 1], [1, 0], [0, 1]]}}),
            [(*ZONE, "polygons", "gate")],
        ),
        (
            site({**YARD, "polygons": {"gate": [[0, 0], [2, 1], [1, 0], [0, -1]]}}),
            [(*ZONE, "polygons", "gate", 1, 0), (*ZONE, "polygons", "gate", 3, 1)],
        ),
        # The same words about two places are two problems.
        (
            site({**YARD, "active_schedule": {"windows": [window("mo"), window("mo")]}}),
            [(*ZONE, "active_schedule", "windows", n, "days", 0) for n in (0, 1)],
        ),
        # A zone that cannot be read leaves no gap in what is read, and one in what is written.
        (
            site(YARD, "nothing", {**YARD, "zone_id": "dock", "camera_ids": ["shed"]}),  # type: ignore[arg-type]
            [("sites", 0, "zones", 1), ("sites", 0, "zones", 2, "camera_ids", 0)],
        ),
        (
            {
                "route": {"receiver": "soc", "routes": [{"matchers": ['zone="a"', "zone=a"]}]},
                "receivers": [{"name": "soc"}],
            },
            [("route", "routes", 0, "matchers", 1)],
        ),
    ],
)
def test_each_problem_says_where(value: dict[str, Any], paths: list[tuple[str | int, ...]]) -> None:
    reading = examine_value(value)
    assert reading.document is None
    assert sorted(map(str, (one.path for one in reading.problems))) == sorted(map(str, paths))
    # As text it says the same, and the line as well.
    text = examine(msgspec.json.encode(value))
    assert {one.path for one in text.problems} <= set(paths)
    assert all(one.line for one in text.problems)


def test_an_alias_is_wrong_once() -> None:
    text = """
sites:
- site_id: north
  cameras: [{camera_id: gate}]
  zones:
  - &yard {zone_id: yard, camera_ids: [gate], severity: loud}
  - *yard
"""
    loud = [one for one in examine(text).problems if "loud" in one.message]
    assert [one.line for one in loud] == [6]


def test_a_note_says_where() -> None:
    reading = examine_value({"route": {"matchers": ['shoe="red"']}, "receivers": []})
    assert ("route", "matchers", 0) in {one.path for one in reading.notes}


def test_a_documents_value_is_read_again_as_the_document() -> None:
    document = Document(
        sites=(
            Site(
                site_id="north",
                cameras=(Camera(camera_id="gate"),),
                zones=(
                    Zone(
                        zone_id="yard",
                        camera_ids=("gate",),
                        polygons={"gate": ((0.0, 0.0), (1.0, 0.0), (0.5, 0.5))},
                    ),
                ),
            ),
        ),
        routing=Routing(
            route=Route(receiver="soc", group_wait=timedelta(seconds=90), continue_=True),
            receivers=(Receiver(name="soc"),),
        ),
    )
    value = msgspec.json.decode(msgspec.json.encode(value_of(document)))
    assert value["route"] == {"receiver": "soc", "group_wait": "1m30s", "continue": True}
    assert read_value(value) == document
