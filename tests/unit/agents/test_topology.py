"""The drawing says what the declarations say."""

from __future__ import annotations

from xml.etree import ElementTree

from agents.decide import DECIDE_CHAIN
from agents.roles import ROLE_NAMES
from agents.runtime.topology import render_svg, render_text
from topics.catalogue import TOPICS

SPACE = "{http://www.w3.org/2000/svg}"


def test_text_names_every_role_stage_table_and_topic() -> None:
    text = render_text()
    wanted = [*ROLE_NAMES, *(topic.name for topic in TOPICS)]
    for stage in DECIDE_CHAIN.stages:
        wanted += [f"decide/{stage.name}", *(spec.name for spec in stage.state)]
    assert [name for name in wanted if name not in text] == []


def test_text_says_who_writes_and_who_reads_events() -> None:
    [line] = [one for one in render_text().splitlines() if one.startswith("  security.events.v1 ")]
    assert "[site]" in line
    writers, _, readers = line.partition("->")
    assert "detect" in writers
    assert {"capture", "decide", "act"} <= {name.strip() for name in readers.split(",")}


def test_svg_is_well_formed_and_draws_each_topic_once() -> None:
    root = ElementTree.fromstring(render_svg())  # noqa: S314 - our own drawing
    texts = [node.text for node in root.iter(f"{SPACE}text")]
    assert [texts.count(topic.name) for topic in TOPICS] == [1] * len(TOPICS)
    kinds = [node.get("class") for node in root.iter(f"{SPACE}path")]
    assert "reads" in kinds
    assert "writes" in kinds
