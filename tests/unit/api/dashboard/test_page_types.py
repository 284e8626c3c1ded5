"""The types of the pages say what the API answers."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from api.camera.schemas import NewestPicture
from api.dashboard.serve import DIST
from api.device.schemas import ChangeView, DayView, DeviceDetail, DeviceView, ProbeView, UptimeView
from api.place.schemas import PlacesView, PlaceView, PlanView
from api.push.schemas import KeyView, PushSubscriptionView, PushView
from api.report.schemas import (
    CameraLine,
    ChannelLine,
    Precision,
    RuleLine,
    SeverityLine,
    ShiftReport,
    Totals,
)
from api.timeline.schemas import AlertSpan, Condition, Lane, Moment, Span, TimelineView

PAGES = DIST.parent / "src" / "pages"
NAMES = {Span: "ConditionSpan"}


def interface(text: str, name: str) -> tuple[set[str], str | None]:
    """The fields of an interface, and what it extends."""
    match = re.search(rf"export interface {name}(?: extends (\w+))? {{\n(.*?)\n}}", text, re.DOTALL)
    assert match is not None, name
    return set(re.findall(r"^  (\w+)\??:", match[2], re.MULTILINE)), match[1]


@pytest.mark.parametrize(
    ("file", "structs"),
    [
        ("wall/wall.ts", [NewestPicture]),
        ("timeline/api.ts", [AlertSpan, Lane, Moment, Span, TimelineView]),
        ("map/api.ts", [PlaceView, PlacesView, PlanView]),
        (
            "devices/api.ts",
            [ChangeView, DayView, DeviceDetail, DeviceView, ProbeView],
        ),
        (
            "report/api.ts",
            [CameraLine, ChannelLine, Precision, RuleLine, SeverityLine, ShiftReport, Totals],
        ),
        ("../push/api.ts", [KeyView, PushSubscriptionView, PushView]),
    ],
)
def test_an_interface_has_the_structs_fields(file: str, structs: list[Any]) -> None:
    text = (PAGES / file).read_text()
    for struct in structs:
        found, parent = interface(text, NAMES.get(struct, struct.__name__))
        if parent is not None:
            found |= interface(text, parent)[0]
        assert found == {field.encode_name for field in msgspec.structs.fields(struct)}, struct


def test_what_is_told_of_uptime() -> None:
    text = (PAGES / "devices/api.ts").read_text()
    told = {field.encode_name for field in msgspec.structs.fields(UptimeView)}
    # The page knows which device it asked about, and shows the days and not their ends.
    assert told - interface(text, "UptimeView")[0] == {"site_id", "device_id", "from", "to"}


def test_every_condition_has_its_name() -> None:
    match = re.search(r"export type Condition = (.*?);", (PAGES / "timeline/api.ts").read_text())
    assert match is not None
    assert set(re.findall(r'"(\w+)"', match[1])) == {one.value for one in Condition}
