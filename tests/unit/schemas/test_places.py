"""Where cameras and devices are, in a site document."""

from __future__ import annotations

from textwrap import dedent

import pytest

from schemas.document import OnPlan, Plan, Position
from schemas.document_reader import dump, examine, read

GOOD = dedent(
    """\
    sites:
    - site_id: north
      plans:
      - {plan_id: ground, name: Ground floor, width_m: 42.5, north_deg: 90}
      - plan_id: roof
      devices:
      - {device_id: nvr-1, kind: nvr, floor_plan: {plan: ground, x: 0.1, y: 0.9}}
      cameras:
      - camera_id: gate
        position: {lat: 52.5163, lon: 13.3777}
        heading_deg: 270
        fov_deg: 84.5
        range_m: 30
        floor_plan: {plan: ground, x: 0.5, y: 0}
    """
)


def test_places_are_read_and_written() -> None:
    document = read(GOOD)
    (site,) = document.sites
    assert site.plans[0] == Plan(plan_id="ground", name="Ground floor", width_m=42.5, north_deg=90)
    (gate,) = site.cameras
    assert gate.position == Position(lat=52.5163, lon=13.3777)
    assert (gate.heading_deg, gate.fov_deg, gate.range_m) == (270, 84.5, 30)
    assert gate.floor_plan == OnPlan(plan="ground", x=0.5, y=0)
    assert site.devices[0].floor_plan == OnPlan(plan="ground", x=0.1, y=0.9)
    assert read(dump(document)) == document


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ("lat: 52.5163", "lat: 91", "position", "lat: '91' is out of range, which is at least -90"),
        ("lat: 52.5163, lon: 13.3777", "lat: 52", "position", "a position needs the field 'lon'"),
        ("lon: 13.3777", "lon: 13, alt: 4", "position", "unknown field 'alt' in a position"),
        ("heading_deg: 270", "heading_deg: 360", "heading", "at least 0 and below 360"),
        ("fov_deg: 84.5", "fov_deg: 0", "fov", "above 0 and at most 360"),
        ("range_m: 30", "range_m: far", "range", "range_m: 'far' is no number"),
        ("x: 0.5", "x: 1.5", "x: 1.5", "x: '1.5' is out of range"),
        (
            "plan: ground, x: 0.5",
            "plan: grund, x: 0.5",
            "grund",
            "camera 'gate' is on plan 'grund', which site 'north' does not have. "
            "Did you mean 'ground'?",
        ),
        (
            "plan: ground, x: 0.1",
            "plan: cellar, x: 0.1",
            "cellar",
            "device 'nvr-1' is on plan 'cellar'",
        ),
        ("plan_id: roof", "plan_id: ground", "- plan_id: ground", "plan 'ground' comes twice"),
        ("plan_id: roof", "plan_id: ../roof", "../roof", "is no id"),
        ("width_m: 42.5", "width_m: 0", "width_m", "above 0"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(old: str, new: str, at: str, says: str) -> None:
    assert GOOD.count(old) == 1
    text = GOOD.replace(old, new)
    (problem,) = examine(text, file="site.yaml").problems
    line = text[: text.index(at)].count("\n") + 1
    assert str(problem).startswith(f"site.yaml:{line}: ")
    assert says in str(problem)
