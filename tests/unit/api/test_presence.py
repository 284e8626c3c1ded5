"""Who looks at the same alert, and what a listener may say."""

from __future__ import annotations

import pytest

from api.stream import inbound
from api.stream.hub import Closed
from api.stream.presence import MAX_NAMES, Presence, Who
from api.stream.schemas import Looking

ANNA, BEN = Who("1", "Anna"), Who("2", "Ben")


def told(presence: Presence[str], listener: str, who: Who, alert: str | None) -> dict[str, object]:
    return {one.listener: (one.alert_id, one.names) for one in presence.look(listener, who, alert)}


def test_those_who_look_at_one_alert_are_told_of_each_other() -> None:
    presence: Presence[str] = Presence()
    assert told(presence, "a", ANNA, "x") == {"a": ("x", ())}
    assert told(presence, "b", BEN, "x") == {"a": ("x", ("Ben",)), "b": ("x", ("Anna",))}
    assert told(presence, "b", BEN, "x") == {}
    assert told(presence, "b", BEN, "y") == {"a": ("x", ()), "b": ("y", ())}
    assert told(presence, "b", BEN, None) == {}
    assert told(presence, "a", ANNA, None) == {}
    # Nothing of anybody is left behind.
    assert presence._at == {}
    assert presence._lookers == {}


def test_a_person_with_two_windows_is_no_company() -> None:
    presence: Presence[str] = Presence()
    told(presence, "a1", ANNA, "x")
    assert told(presence, "a2", ANNA, "x") == {"a1": ("x", ()), "a2": ("x", ())}
    found = told(presence, "b", BEN, "x")
    assert found == {"a1": ("x", ("Ben",)), "a2": ("x", ("Ben",)), "b": ("x", ("Anna",))}


def test_two_of_one_name_are_two() -> None:
    presence: Presence[str] = Presence()
    told(presence, "a", Who("1", "somebody"), "x")
    found = told(presence, "b", Who("2", "somebody"), "x")
    assert found == {"a": ("x", ("somebody",)), "b": ("x", ("somebody",))}


def test_of_many_the_first_are_told() -> None:
    presence: Presence[int] = Presence()
    for number in range(MAX_NAMES + 5):
        found = presence.look(number, Who(str(number), f"P{number:02}"), "x")
    assert {len(one.names) for one in found} == {MAX_NAMES}
    assert all(f"P{one.listener:02}" not in one.names for one in found)


def test_an_allowance_is_used_up_and_comes_back() -> None:
    allowance = inbound.Allowance(100.0, burst=2, per_second=0.5)
    assert [allowance.take(at) for at in (100.0, 100.0, 101.9, 102.0, 102.0)] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert [allowance.take(1_000.0) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("said", "alert"),
    [('{"type":"looking","alert_id":"a"}', "a"), ('{"type":"looking","alert_id":null}', None)],
)
def test_what_a_listener_may_say(said: str, alert: str | None) -> None:
    assert inbound.read({"type": "websocket.receive", "text": said}) == Looking(alert_id=alert)


@pytest.mark.parametrize(
    "message",
    [
        {"bytes": b'{"type":"looking","alert_id":"a"}'},
        {"text": ""},
        {"text": "[" * 1_000},
        {"text": '{"type":"looking"}'},
        {"text": '{"type":"looking","alert_id":7}'},
        {"text": '{"type":"looking","alert_id":""}'},
        {"text": '{"type":"hello","alert_id":"a"}'},
        {"text": '{"type":"looking","alert_id":"a"}' + " " * inbound.MAX_BYTES},
        {"text": "\ud800"},
    ],
)
def test_anything_else_ends_it(message: dict[str, object]) -> None:
    with pytest.raises(Closed) as caught:
        inbound.read({"type": "websocket.receive", **message})
    assert caught.value.code == 1008
