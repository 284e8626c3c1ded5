"""The declarations hold together, and the drawing shows all of them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from agents.decide import DECIDE_CHAIN
from agents.notify.stage import ACT_CHAIN
from agents.roles import ROLE_NAMES, ROLES, role
from agents.runtime.app import changelog_names, table_names
from agents.runtime.role import Role
from agents.runtime.stage import Chain, Stage
from agents.runtime.topology import render_svg, render_text
from infra.settings import Settings
from topics.catalogue import EVENTS, TICKS_DECIDE, TOPICS
from topics.declare import Topic

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - it is our own


def written(one: Role) -> set[str]:
    """What a role declares that it writes."""
    found: set[Topic] = set(one.writes)
    for chain in one.chains:
        found |= {topic for stage in chain.stages for topic in stage.writes}
        found.add(chain.ticks)
    for item in one.inputs:
        found |= set(item.writes)
    return {topic.name for topic in found}


@pytest.mark.parametrize("chain", [DECIDE_CHAIN, ACT_CHAIN], ids=lambda one: one.name)
def test_what_a_chain_reads_is_one_co_partition_group(chain: Chain) -> None:
    assert len({topic.group for topic in chain.reads}) == 1
    assert len({topic.partitions for topic in chain.reads}) == 1
    assert chain.reads[-1] is chain.ticks
    assert set(chain.timed) <= set(chain.reads)


@pytest.mark.parametrize("chain", [DECIDE_CHAIN, ACT_CHAIN], ids=lambda one: one.name)
def test_every_message_that_a_stage_reads_has_a_handler(chain: Chain) -> None:
    for stage in chain.stages:
        for item in stage.reads:
            kind = item.value if isinstance(item, Topic) else item
            assert kind in stage.handlers, f"{stage.name} reads {kind.__name__}"


def test_a_stage_has_one_handler_a_type() -> None:
    stage = Stage(name="s", reads=(EVENTS,), writes=())
    stage.on(EVENTS.value)(lambda ctx, event: ())
    with pytest.raises(ValueError, match="already handles SecurityEvent"):
        stage.on(EVENTS.value)(lambda ctx, event: ())


def test_roles_are_those_that_start_and_another_is_none() -> None:
    assert tuple(ROLES) == ROLE_NAMES
    assert [role(name).name for name in ROLE_NAMES] == list(ROLE_NAMES)
    with pytest.raises(KeyError):
        role("nothing")


def test_every_topic_that_a_role_owns_is_written_by_it() -> None:
    for topic in TOPICS:
        for owner in {name.strip() for name in topic.owner.split(",")} & set(ROLES):
            assert topic.name in written(role(owner)), f"{topic} is {owner}'s"


def test_each_stage_has_a_table_and_each_table_a_changelog() -> None:
    stages = ["dedupe", "enrich", "rank", "route", "watchdog"]
    assert table_names([DECIDE_CHAIN]) == [*stages, "decide-timers"]
    settings = Settings()
    assert changelog_names(settings, "act", [ACT_CHAIN]) == [
        "watchfloor-act-notify-changelog",
        "watchfloor-act-act-timers-changelog",
    ]


def test_the_text_shows_every_role_stage_table_and_topic_within_100_columns() -> None:
    text = render_text()
    for name, make in ROLES.items():
        one = make()
        assert f"\n{name}: " in "\n" + text
        for chain in one.chains:
            for stage in chain.stages:
                assert f"{stage.name} (stage)" in text
                assert all(spec.name.partition(".")[2] in text for spec in stage.state)
        assert all(topic in text for topic in written(one))
    assert all(topic.name in text for topic in TOPICS)
    assert max(len(line) for line in text.splitlines()) <= 100


def test_the_drawing_is_svg_with_the_same_in_it() -> None:
    root = parsed(render_svg())
    assert root.tag == f"{SVG}svg"
    texts = [one.text or "" for one in root.iter(f"{SVG}text")]
    for topic in TOPICS:
        assert any(topic.name in text for text in texts), topic.name
    for stage in (*DECIDE_CHAIN.stages, *ACT_CHAIN.stages):
        assert stage.name in texts
        for spec in stage.state:
            assert spec.name.partition(".")[2] in texts
    width, height = (float(root.attrib[name]) for name in ("width", "height"))
    for box in root.iter(f"{SVG}rect"):
        assert float(box.get("x", 0)) + float(box.attrib["width"]) <= width
        assert float(box.get("y", 0)) + float(box.attrib["height"]) <= height


def test_it_is_the_same_every_time_and_follows_the_declarations() -> None:
    assert render_svg() == render_svg()
    stage = Stage(name='a<b>&"c', reads=(EVENTS,), writes=(EVENTS,))
    small = Role(
        name="small",
        title="only <one> & no more",
        chains=(Chain(name="small", stages=(stage,), ticks=TICKS_DECIDE, timed=(EVENTS,)),),
    )
    texts = [one.text for one in parsed(render_svg([small])).iter(f"{SVG}text")]
    assert 'a<b>&"c' in texts
    assert "only <one> & no more" in texts
    assert "capture" not in texts
    assert render_text([small]).startswith("small: only <one> & no more\n  ● a<b>")
