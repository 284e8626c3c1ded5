"""The dashboard's types say what the API answers."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import msgspec
import pytest

from api.account.identity import Role, Scope
from api.account.own.schemas import FactorView
from api.account.token.schemas import TokenView
from api.account.user.schemas import SessionView, UserView
from api.alert.schemas import (
    ActivityView,
    AlertView,
    CommandTaken,
    OutcomeView,
    ProcedureView,
    StepView,
    ZoneProcedure,
)
from api.audit.schemas import ActView
from api.camera.schemas import CameraView
from api.dashboard.serve import DIST
from api.event.schemas import EventView, SnapshotView
from api.health.verdict import Reason
from api.site.schemas import SiteView
from api.stream import schemas as stream
from api.zone.schemas import ZoneView
from schemas.alert import RESOLUTIONS, RankPart, StepDone
from schemas.audit import AuditKind

PAGES = DIST.parent / "src" / "pages"
TYPES = (DIST.parent / "src" / "api" / "types.ts").read_text()


ACCOUNTS = (DIST.parent / "src" / "api" / "accounts.ts").read_text()


def fields_of(name: str, text: str = TYPES) -> set[str]:
    """The fields of an interface."""
    match = re.search(rf"export interface {name} {{\n(.*?)\n}}", text, re.DOTALL)
    assert match is not None, f"there is no {name}"
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


@pytest.mark.parametrize("struct", [ActView, FactorView, SessionView, TokenView, UserView])
def test_what_is_told_of_accounts_has_the_structs_fields(struct: Any) -> None:
    told = {field.encode_name for field in msgspec.structs.fields(struct)}
    assert fields_of(struct.__name__, ACCOUNTS) == told


def test_every_kind_of_act_has_its_words() -> None:
    match = re.search(r"ACT_KINDS = \[(.*?)\]", ACCOUNTS, re.DOTALL)
    assert match is not None
    assert re.findall(r'"(\w+)"', match[1]) == [kind.value for kind in AuditKind]
    for language in ("en", "de"):
        words = PAGES / "settings" / f"messages.{language}.json"
        assert set(json.loads(words.read_text())["log"]["kinds"]) == set(AuditKind)


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
