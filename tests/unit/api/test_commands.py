"""What an analyst asks for has what its kind needs."""

from __future__ import annotations

from typing import Any

import pytest

from api.account.identity import Role
from api.alert.commands import to_command
from api.alert.schemas import CommandBody
from api.body import convert
from api.problems import Invalid
from tests.people import person

KIM = person(Role.OPERATOR)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"kind": "ack"}, {}),
        ({"kind": "assign", "to": "lee"}, {"to": "lee"}),
        ({"kind": "snooze", "for": "30m"}, {"duration_s": 1800.0}),
        ({"kind": "snooze", "for": 90}, {"duration_s": 90.0}),
        ({"kind": "resolve"}, {}),
        ({"kind": "resolve", "reason": "benign"}, {"reason": "benign"}),
        ({"kind": "reopen"}, {}),
        ({"kind": "escalate"}, {}),
        ({"kind": "comment", "text": "seen\nbefore"}, {"text": "seen\nbefore"}),
        ({"kind": "step", "step": "s1"}, {"step": "s1", "done": True}),
        ({"kind": "step", "step": "s1", "done": False}, {"step": "s1", "done": False}),
    ],
)
def test_commands(body: dict[str, Any], fields: dict[str, Any]) -> None:
    made = to_command(convert(body, CommandBody), KIM)
    none = {"to": None, "duration_s": None, "reason": None, "text": None}
    assert made == {**none, "kind": body["kind"], "actor": "kim", **fields}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "explode"}, "body.kind"),
        ({"kind": "assign"}, "body.to"),
        ({"kind": "resolve", "reason": "the gardener"}, "body.reason"),
        ({"kind": "snooze"}, "body.for"),
        ({"kind": "snooze", "for": "soon"}, "body.for"),
        ({"kind": "snooze", "for": 0}, "body.for"),
        ({"kind": "snooze", "for": -5}, "body.for"),
        ({"kind": "snooze", "for": "31d"}, "body.for"),
        ({"kind": "comment"}, "body.text"),
        ({"kind": "comment", "text": "a\u0000"}, "body.text"),
        ({"kind": "step"}, "body.step"),
        ({"kind": "step", "step": ""}, "body.step"),
        ({"kind": "step", "step": "x" * 201}, "body.step"),
        ({"kind": "step", "step": "s1", "done": "perhaps"}, "body.done"),
    ],
)
def test_what_is_missing_or_wrong_is_named(body: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        to_command(convert(body, CommandBody), KIM)
    assert [error.field for error in caught.value.document.errors] == [field]


def test_who_asks_is_not_said_in_the_body() -> None:
    body = convert({"kind": "ack", "actor": "somebody else"}, CommandBody)
    assert to_command(body, KIM)["actor"] == "kim"
