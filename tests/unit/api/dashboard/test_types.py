"""The dashboard's types say what the API answers."""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec
import pytest

from api.account.identity import Role, Scope
from api.alert.schemas import (
    ActivityView,
    AlertView,
    CommandTaken,
    OutcomeView,
    ProcedureView,
    StepView,
    ZoneProcedure,
)
from api.camera.schemas import CameraView
from api.dashboard.serve import DIST
from api.event.schemas import EventView, SnapshotView
from api.health.verdict import Reason
from api.site.schemas import SiteView
from api.stream import schemas as stream
from api.zone.schemas import ZoneView
from schemas.alert import RESOLUTIONS, RankPart, StepDone

TYPES = (DIST.parent / "src" / "api" / "types.ts").read_text()


def fields_of(name: str) -> set[str]:
    """The fields of an interface in types.ts."""
    match = re.search(rf"export interface {name} {{\n(.*?)\n}}", TYPES, re.DOTALL)
    assert match is not None, f"types.ts has no {name}"
    return set(re.findall(r"^  (\w+)\??:", match[1], re.MULTILINE))


@pytest.mark.parametrize(
    "struct",
    [
        ActivityView,
        AlertView,
        CameraView,
        CommandTaken,
        EventView,
        OutcomeView,
        ProcedureView,
        RankPart,
        Reason,
        SiteView,
        SnapshotView,
        StepDone,
        StepView,
        ZoneProcedure,
        ZoneView,
    ],
)
def test_an_interface_has_the_structs_fields(struct: Any) -> None:
    told = {field.encode_name for field in msgspec.structs.fields(struct)}
    assert fields_of(struct.__name__) - told == set()
    assert told - fields_of(struct.__name__) == set()


def test_a_resolution_is_one_that_the_server_takes() -> None:
    match = re.search(r"RESOLUTIONS = \[(.*?)\]", TYPES, re.DOTALL)
    assert match is not None
    assert tuple(re.findall(r'"(\w+)"', match[1])) == RESOLUTIONS


def words_of(name: str, text: str) -> list[str]:
    """The words of a list or of a union of them, in their order."""
    match = re.search(rf"export (?:const|type) {name}\b[^=]*=([^;]*);", text)
    assert match is not None, name
    return re.findall(r'"([\w:]+)"', match[1])


def test_scopes_and_roles_have_their_names() -> None:
    """What the page asks `may` of, and what an administrator gives to a token."""
    session = (DIST.parent / "src" / "api" / "session.tsx").read_text()
    scopes = [one.value for one in Scope]
    assert sorted(words_of("SCOPES", session)) == sorted(scopes)
    assert sorted(words_of("Scope", TYPES)) == sorted(scopes)
    assert set(words_of("Role", TYPES)) == {one.value for one in Role}


def test_no_message_of_the_stream_is_misspelt() -> None:
    tags = {kind.__struct_config__.tag for kind in get_args(stream.StreamMessage)}
    heard = set(re.findall(r'{ type: "(\w+)"', TYPES))
    # What a server of this age does not say yet is known already.
    assert heard - tags <= {"activity", "presence", "reload"}
    assert tags - heard <= {"discovery_progress", "discovery_complete"}
