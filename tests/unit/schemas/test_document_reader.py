"""Reading site documents: every problem at once, each at its line, and nothing said too much."""

# ruff: noqa: E501 - a case a line
from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from schemas.base import Severity
from schemas.document import Document
from schemas.document_reader import (
    DocumentError,
    dump,
    examine,
    not_acted_on_yet,
    read,
    read_value,
)
from tests.unit.schemas.documents import GOOD, problems

CONFORMANCE = Path(
    os.environ.get("WATCHFLOOR_CONFORMANCE", Path(__file__).parents[4] / "shared/conformance")
)


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_everything_is_read() -> None:
    document = read(GOOD)
    (site,) = document.sites
    (zone,) = site.zones
    assert (site.timezone, zone.severity, zone.min_confidence) == (
        "Europe/London",
        Severity.HIGH,
        0.6,
    )
    assert zone.polygons["gate"][2] == (0.9, 1.0)
    friday, sunday = zone.active_schedule.windows
    # Not 1080 minutes, which is what YAML 1.1 reads there.
    assert (friday.start, friday.end) == ("18:00", "06:00")
    assert sunday.end == "24:00"
    route = document.routing.route
    assert route is not None
    assert route.group_interval == timedelta(seconds=90)
    assert route.resolve_after == timedelta(minutes=30)
    assert route.send_resolved is False
    assert route.routes[0].continue_ is True
    soc, pager = document.routing.receivers
    assert soc.channels[0].options == {"url": "https://soc.example.org/hook", "secret": "soc-hook"}
    assert pager.channels[0].options == {"credentials": "app", "user": "soc", "priority": 1}
    (silence,) = document.routing.silences
    assert silence.ends_at == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert examine(GOOD).notes == ()


def test_dumped_document_is_read_again() -> None:
    document = read(GOOD)
    text = dump(document)
    assert read(text) == document
    assert "continue: true" in text
    assert "1m30s" in text


def test_the_line_of_the_design() -> None:
    text = changed("camera_ids: [gate, fence, dock]", "camera_ids: [gate, fence, dock, gate-2]")
    line = line_of(text, "camera_ids: [gate, fence, dock, gate-2]")
    assert problems(text) == [
        f"site.yaml:{line}: zone 'yard' names camera 'gate-2', which site 'north' does not have. "
        "Did you mean 'gate'? Known cameras: gate, fence, dock."
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        # unknown fields, each with what is near
        ("name: North depot", "nmae: North depot", "unknown field 'nmae' in a site. Did you mean 'name'?"),
        ("severity: high", "severty: high", "unknown field 'severty' in a zone. Did you mean 'severity'?"),
        ("group_wait: 10s", "groupwait: 10s", "unknown field 'groupwait' in a route. Did you mean 'group_wait'?"),
        ("escalations:", "escalation:", "unknown field 'escalation' in the document. Did you mean 'escalations'?"),
        ("continue: true", "continue_: true", "unknown field 'continue_' in a route. Did you mean 'continue'?"),
        # values
        ("severity: high", "severity: hihg", "'hihg' is none of these. Did you mean 'high'?"),
        ("detect_fps: 2", "detect_fps: 0", "out of range, which is above 0 and at most 60"),
        ("detect_fps: 2", "detect_fps: fast", "'fast' is no number"),
        ("detect_fps: 2", 'detect_fps: "2"', "'2' is no number (without the quotes)"),
        ("detect_fps: 2", "detect_fps: .inf", "no number"),
        ("detect_fps: 2", "detect_fps: [2]", "takes a single value"),
        ("rate_limit_per_min: 3", "rate_limit_per_min: 2.5", "no whole number"),
        ("enabled: true", "enabled: maybe", "neither true nor false"),
        ("mode: cards", "mode: card", "mode 'card' is none of these. Did you mean 'cards'?"),
        ("site_id: north", "site_id: north site", "'north site' is no id"),
        ("site_id: north", "site_id:", "site_id is empty, and a site needs it"),
        ("site_id: north", "site_id: routing", "'routing' is reserved"),
        ("  - site_id: north\n    name", "  - name", "a site needs the field 'site_id'"),
        ("labels: [person]", "labels: person", "labels takes a list"),
        ("camera_ids: [gate, fence, dock]", "camera_ids: []", "camera_ids has 0 entries; at least 1"),
        ("name: Gate", "name: \"Ga\\u001bte\"", "name holds a control character"),
        ("name: Gate", "name: " + "x" * 201, "name has 201 characters; at most 200"),
        # ids
        ("camera_id: fence", "camera_id: gate", "camera 'gate' comes twice in site 'north'"),
        ("camera_id: fence", "camera_id: dock", "camera 'dock' is listed under devices"),
        ("zone_id: yard", "zone_id: gate", "zone 'gate' has the id of a camera"),
        ("zone_id: yard", "zone_id: nvr-1", "zone 'nvr-1' has the id of a device"),
        # references
        ("nvr_id: nvr-1", "nvr_id: nvr-9", "camera 'gate' names recorder 'nvr-9', which site 'north' does not have. Did you mean 'nvr-1'?"),
        ("nvr_id: nvr-1", "nvr_id: dock", "'dock' as its recorder, which is no nvr"),
        ("parent: nvr-1", "parent: nvr-2", "device 'dock' names recorder 'nvr-2'"),
        ("kind: nvr, name", "kind: service, parent: x, name", "only a camera has one, its recorder"),
        ("kind: nvr, name", "kind: nvr, parent: x, name", "names uplink 'x', which site"),
        ("kind: nvr, name", "kind: nvr, parent: nvr-1, name", "as its uplink, which is no service"),
        ("kind: camera, parent", "kind: kamera, parent", "kind 'kamera' is none of these. Did you mean 'camera'?"),
        ("camera_ids: [gate, fence, dock]", "camera_ids: [gate, gate]", "names camera 'gate' twice"),
        ("alert_destinations: [soc]", "alert_destinations: [sock]", "names receiver 'sock', which does not exist. Did you mean 'soc'?"),
        ("receiver: soc\n", "receiver: sco\n", "a route names receiver 'sco', which does not exist."),
        ("receiver: pager, continue", "receiver: page, continue", "a route names receiver 'page'"),
        ("after: 5m, receiver: pager", "after: 5m, receiver: boss", "a step names receiver 'boss'"),
        # polygons
        ("[0.9, 1]", "[0.9, 1.2]", "'1.2' is out of range, which is at least 0 and at most 1: points are shares"),
        ("[0.9, 1]", "[0.9]", "a point is [x, y]"),
        ("[[0.1, 0.2], [0.9, 0.2], [0.9, 1], [0.1, 1]]", "[[0.1, 0.2], [0.9, 0.2]]", "gate has 2 entries; at least 3"),
        ("[[0.1, 0.2], [0.9, 0.2], [0.9, 1], [0.1, 1]]", "[[0, 0], [1, 1], [1, 0], [0, 1]]", "the polygon of zone 'yard' for camera 'gate' crosses itself"),
        ("          gate: [[", "          nvr-1: [[", "has a polygon for camera 'nvr-1', which is not among its camera_ids"),
        # times
        ("timezone: Europe/London", "timezone: London", "'London' is no IANA timezone; write for example 'Europe/Berlin' or 'UTC'. Did you mean 'Europe/London'?"),
        ("timezone: Europe/Berlin", "timezone: ../../etc/passwd", "no IANA timezone"),
        ("days: [fri, sat]", "days: [fri, saturday]", "'saturday' is no day."),
        ("days: [fri, sat]", "days: [fri, fri]", "a day comes twice"),
        ("start: 18:00", "start: 25:00", "'25:00' is no time of day; write HH:MM"),
        ("end: 06:00", "end: 6pm", "'6pm' is no time of day"),
        ("start: 18:00", "start: 24:00", "cannot start at 24:00"),
        ("group_wait: 10s", "group_wait: 10 sec", "'10 sec' is no duration; write 30s"),
        ("group_wait: 10s", "group_wait: -1", "is no duration"),
        ("starts_at: 2026-03-02T10:00:00Z", "starts_at: 2026-03-02T10:00:00", "a time needs a timezone"),
        ("starts_at: 2026-03-02T10:00:00Z", "starts_at: tomorrow", "'tomorrow' is no time"),
        ("starts_at: 2026-03-02T10:00:00Z", "starts_at: 2026-03-02T11:00:00Z", "silence 'works' ends before it starts"),
        # routing
        ("matchers: ['severity=\"high\"']", "matchers: ['severity=high']", "'severity=high' is no matcher"),
        ("source: ['kind=\"nvr\"']", "source: ['kind=~\"(\"']", "does not compile"),
        ("target: ['kind=\"camera\"']", "target: []", "needs a matcher in 'target'"),
        ("matchers: ['camera=\"gate\"']", "matchers: []", "would silence everything"),
        ("equal: [site, nvr]", "equal: [site, 'n v']", "'n v' is no label's name"),
        ("group_by: [site, zone]", "group_by: ['']", "'' is no label's name"),
        ("{after: 15m, receiver: soc}", "{after: 5m, receiver: soc}", "a step comes later than the step before it"),
        ("steps: [{after: 5m, receiver: pager}, {after: 15m, receiver: soc}]", "steps: []", "needs at least one step"),
        ("name: pager", "name: soc", "receiver 'soc' comes twice"),
        ("kind: pushover", "kind: pusover", "'pusover' is no kind of channel. Did you mean 'pushover'?"),
        ('url: "https://soc.example.org/hook"', "url: soc.example.org", "needs a url that begins with https://"),
        # sources
        ("stream: rtsp://10.0.0.3/s", "stream: 10.0.0.3/s", "does not begin with a scheme that is known"),
        ("stream: rtsp://10.0.0.3/s", "stream: rtsp:///s", "has no host"),
        ("stream: rtsp://10.0.0.3/s", "stream: rtsp://10.0.0.3:port/s", "has no host"),
        ('stream: "sim:fence"', 'stream: "file:"', "has nothing after file:"),
    ],
)  # fmt: skip
def test_problem_and_its_line(old: str, new: str, says: str) -> None:
    text = changed(old, new)
    found = problems(text)
    assert any(says in problem for problem in found), found
    first = GOOD.index(old)
    lines = range(text[:first].count("\n") + 1, text[: first + len(new)].count("\n") + 2)
    matching = next(problem for problem in found if says in problem)
    assert int(matching.split(":")[1]) in lines


def test_all_problems_at_once() -> None:
    text = dedent(
        """\
        sites:
          - site_id: north
            timezone: Mars/Base
            cameras: [{camera_id: gate, detect_fps: 99}]
            zones:
              - {zone_id: yard, camera_ids: [gat], severity: huge}
              - {camera_ids: [fence]}
          - site_id: north
        route: {receiver: nobody, group_wait: soon}
        """
    )
    lines = [int(problem.split(":")[1]) for problem in problems(text)]
    assert lines == [3, 4, 6, 6, 7, 7, 8, 9, 9]


def test_anchors_and_merges_are_read() -> None:
    text = dedent(
        """\
        sites:
          - site_id: north
            cameras: [{camera_id: a}, {camera_id: b}]
            zones:
              - &base {zone_id: one, camera_ids: [a], severity: low, dwell_sec: 5}
              - {<<: *base, zone_id: two, severity: critical}
        """
    )
    one, two = read(text).sites[0].zones
    assert (two.zone_id, two.severity, two.dwell_sec) == ("two", Severity.CRITICAL, one.dwell_sec)


def test_document_error_holds_all_problems() -> None:
    with pytest.raises(DocumentError) as caught:
        read("sites: [{site_id: a b}, {}]", file="x.yaml")
    assert len(caught.value.problems) == 2
    assert str(caught.value).count("\n") == 1


def test_receivers_that_exist_already_may_be_named() -> None:
    text = "sites: [{site_id: n, cameras: [{camera_id: c}], zones: [{zone_id: z, camera_ids: [c], alert_destinations: [soc]}]}]"
    assert problems(text) == []  # nobody can say
    assert problems(text, receivers=["soc"]) == []
    assert len(problems(text, receivers=["ops"])) == 1
    # A document with a routing of its own replaces what there was.
    assert len(problems(text + "\nreceivers: [{name: ops}]", receivers=["soc"])) == 1


def test_a_value_is_read_like_a_text() -> None:
    assert read_value(yaml.safe_load(GOOD.replace("18:00", '"18:00"').replace("06:00", '"06:00"')))\
        == read(GOOD)  # fmt: skip
    with pytest.raises(DocumentError, match=r"^case 1: unknown field 'sits'"):
        read_value({"sits": []}, file="case 1")
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(DocumentError, match="too deep"):
        read_value({"sites": endless})


def test_notes_point_out_what_surprises() -> None:
    text = dedent(
        """\
        sites:
          - site_id: n
            cameras: [{camera_id: c}]
            zones: [{zone_id: z, camera_ids: [c], active_schedule: {windows: [{days: [mon], start: "08:00", end: "08:00"}]}}]
        route: {group_wait: 1s, mute_schedules: [{}]}
        receivers: [{name: soc}]
        """
    )
    reading = examine(text)
    assert reading.document is not None
    assert [(note.line, note.message.split(":")[0]) for note in reading.notes] == [
        (4, "this window lasts 24 hours from 08"),
        (5, "the route has no receiver"),
        (5, "this schedule has no windows"),
        (6, "receiver 'soc' has no channels"),
    ]


def test_not_acted_on_yet_names_what_waits() -> None:
    assert not_acted_on_yet(read(GOOD)) == [
        "polling of 2 devices without an address and a driver",
    ]


def test_nothing_waits_in_a_thin_document() -> None:
    text = dedent(
        """\
        sites: [{site_id: n, cameras: [{camera_id: c}], zones: [{zone_id: z, camera_ids: [c]}]}]
        route: {receiver: soc, group_wait: 0s}
        receivers: [{name: soc, channels: [{kind: log}, {kind: webhook, url: "http://h/"}]}]
        """
    )
    assert not_acted_on_yet(read(text)) == []
    assert not_acted_on_yet(Document()) == []


def conformance_documents() -> list[Any]:
    found = []
    for path in sorted(CONFORMANCE.glob("*.yaml")):
        for case in yaml.safe_load(path.read_text()):
            values = [case["site_document"]]
            values += [step["apply"] for step in case["timeline"] if "apply" in step]
            found += [pytest.param(value, id=case["name"][:50]) for value in values]
    return found or [
        pytest.param(None, marks=pytest.mark.skip(reason=f"no cases in {CONFORMANCE}"))
    ]


@pytest.mark.parametrize("value", conformance_documents())
def test_conformance_documents_are_read(value: Any) -> None:
    document = read_value(value)
    assert read(dump(document)) == document


@pytest.mark.parametrize(
    ("ca_file", "says"),
    [
        ("lab.pem", None),
        ("lba.pem", "ca_file 'lba.pem' is not in the folder 'ca' of the state directory. Did you"),
        ("../vault.key", "ca_file '../vault.key' is no name of a file"),
        ("/etc/passwd", "is no name of a file"),
        ("x" * 101, "at most 100"),
    ],
)
def test_a_device_s_ca_file_is_one_of_the_folder(ca_file: str, says: str | None) -> None:
    text = changed("address: 10.0.0.2}", f"address: 10.0.0.2, ca_file: {ca_file}}}")
    found = examine(text, file="site.yaml", ca_files=["lab.pem"])
    if says is None:
        assert found.document is not None
        assert found.document.sites[0].devices[0].ca_file == ca_file
        return
    (problem,) = found.problems
    line = text[: text.index("ca_file")].count("\n") + 1
    assert str(problem).startswith(f"site.yaml:{line}: ")
    assert says in str(problem)


def test_whether_a_ca_file_is_there_is_not_known_everywhere() -> None:
    """Who reads a document need not run where devices are polled."""
    text = changed("address: 10.0.0.2}", "address: 10.0.0.2, ca_file: lab.pem}")
    assert examine(text).problems == ()


@pytest.mark.parametrize(
    ("polling", "says"),
    [
        ("{normal: 10m, optional: false}", None),
        ("{normal: 1h}", None),
        ("{normal: 4m}", None),
        ("{normal: 3m}", "normal is out of range, which is 4m to 1h"),
        ("{normal: 2h}", "normal is out of range"),
        ("{normal: often}", "normal: "),
        ("{optional: maybe}", "optional: 'maybe' is neither true nor false"),
        ("{often: 1m}", "unknown field 'often' in a site's polling"),
    ],
)
def test_how_a_site_s_devices_are_polled(polling: str, says: str | None) -> None:
    text = changed("    devices:\n", f"    polling: {polling}\n    devices:\n")
    found = examine(text, file="site.yaml")
    if says is None:
        assert found.problems == ()
        return
    (problem,) = found.problems
    line = text[: text.index("polling:")].count("\n") + 1
    assert str(problem).startswith(f"site.yaml:{line}: ")
    assert says in str(problem)
