"""Procedures in a site document."""

from __future__ import annotations

from textwrap import dedent

import pytest

from schemas.base import decode, encode
from schemas.document import Site
from schemas.document_reader import dump, examine, read
from schemas.ids import step_id

GOOD = dedent(
    """\
    sites:
    - site_id: north
      watch:
        procedure: [Call the site., "Ask: is the power on?"]
      cameras:
      - camera_id: gate
      zones:
      - zone_id: yard
        camera_ids: [gate]
        procedure:
        - Look at <b>both</b> cameras.
        - Call the guard.
    """
)


def test_procedures_are_read_and_written() -> None:
    document = read(GOOD)
    (site,) = document.sites
    assert site.watch.procedure == ("Call the site.", "Ask: is the power on?")
    # Text, whatever it looks like.
    assert site.zones[0].procedure == ("Look at <b>both</b> cameras.", "Call the guard.")
    assert read(dump(document)) == document
    assert decode(encode(site), Site) == site


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Call the guard.", "' '", "a step of the procedure of zone 'yard' is empty"),
        ("Call the guard.", "''", "procedure: '' is too short"),
        ("Call the guard.", '"a\\nb"', "procedure holds a control character"),
        ("Call the guard.", "x" * 301, "procedure has 301 characters; at most 300"),
        ("Call the guard.", "{do: it}", "procedure"),
        (
            "Call the guard.",
            "Look at <b>both</b> cameras.",
            "the procedure of zone 'yard' has step 'Look at <b>both</b> cameras.' twice",
        ),
        (
            "[Call the site., ",
            "[Call the site., Call the site., ",
            "the procedure of watch has step 'Call the site.' twice",
        ),
    ],
)
def test_what_is_no_step(old: str, new: str, says: str) -> None:
    assert GOOD.count(old) == 1
    text = GOOD.replace(old, new)
    (problem,) = examine(text).problems
    assert says in problem.message
    assert text.splitlines()[problem.line - 1].strip() != ""


def test_a_procedure_has_an_end() -> None:
    steps = [f"'step {number}'" for number in range(21)]
    text = GOOD.replace('[Call the site., "Ask: is the power on?"]', f"[{', '.join(steps)}]")
    (problem,) = examine(text).problems
    assert problem.message == "procedure has 21 entries; at most 20"


def test_a_step_is_known_by_its_zone_and_what_it_says() -> None:
    ids = [
        step_id("north", "yard", "Call."),
        step_id("north", "dock", "Call."),
        step_id("north", "", "Call."),
        step_id("south", "yard", "Call."),
        step_id("north", "yard", "Call!"),
    ]
    assert len(set(ids)) == len(ids)
    assert ids[0] == step_id("north", "yard", "Call.")
