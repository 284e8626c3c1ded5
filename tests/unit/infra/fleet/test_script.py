from __future__ import annotations

import pytest

from infra.fleet.script import FleetFault, Now, ScriptError, faults_at, read_script

DEVICES = ["nvr-1", "cam-1", "cam-2"]


def test_an_act_begins_and_ends() -> None:
    script = read_script("[{at: 10s, device: nvr-1, fault: down, for: 5s}]", DEVICES)
    kinds = {at: faults_at(script, "nvr-1", at).kinds for at in (9.9, 10, 14.9, 15)}
    down = frozenset({FleetFault.DOWN})
    assert kinds == {9.9: frozenset(), 10: down, 14.9: down, 15: frozenset()}
    assert faults_at(script, "cam-1", 12) == Now()


def test_acts_add_up_and_stars_name_many() -> None:
    script = read_script(
        """
        - {at: 0, device: "cam-*", fault: slow, seconds: 2}
        - {at: 0, device: cam-1, fault: slow, seconds: 3}
        - {at: 0, device: "*", fault: channel-lost, channel: 7}
        - {at: 0, device: "*", fault: wrong-clock, seconds: -60}
        - {at: 0, device: nvr-1, fault: recording-gap, channel: 2}
        """,
        DEVICES,
    )
    one, two, nvr = (faults_at(script, name, 1) for name in ("cam-1", "cam-2", "nvr-1"))
    assert (one.delay_s, two.delay_s, nvr.delay_s) == (3.0, 2.0, 0.0)
    assert one.lost == frozenset({7})
    assert nvr.unrecorded == frozenset({2})
    assert nvr.clock_s == -60.0


def test_a_flap_takes_turns_down_first() -> None:
    script = read_script("[{at: 10, device: cam-1, fault: flap, seconds: 5}]", DEVICES)
    down = [FleetFault.DOWN in faults_at(script, "cam-1", at).kinds for at in (9, 10, 15, 20, 25)]
    assert down == [False, True, False, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "x",
        "[1]",
        "[{at: 0, device: cam-1}]",
        "[{at: 0, device: cam-1, fault: explodes}]",
        "[{at: 0, device: cam-9, fault: down}]",
        "[{at: never, device: cam-1, fault: down}]",
        "[{at: -1, device: cam-1, fault: down}]",
        "[{at: 0, device: cam-1, fault: flap, seconds: 0}]",
        "[{at: 0, device: cam-1, fault: down, until: 5}]",
        "!!python/object/apply:os.system [true]",
    ],
)
def test_scripts_that_are_none(text: str) -> None:
    with pytest.raises(ScriptError):
        read_script(text, DEVICES)


def test_no_script_is_no_fault() -> None:
    assert read_script("", DEVICES) == ()
