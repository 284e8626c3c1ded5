"""What is wrong with a device that answers: when it begins to be told, and when it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.runtime.configuration import SiteConfig
from agents.watch.channels import captured_channels, channel_of
from agents.watch.conditions import (
    CHANNELS_LOST,
    CONDITIONS,
    COVERED,
    DISK,
    NO_FRAMES,
    RECORDING,
    Conditions,
    observe_conditions,
)
from schemas.base import Severity, decode, encode
from schemas.device import CameraState, Probe, ProbeKind
from schemas.document import Camera, Site
from schemas.event import SecurityEvent

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)
CONNECTED, LOST = CameraState.CONNECTED, CameraState.LOST


def frames(seconds: float, state: CameraState = CONNECTED, **facts: Any) -> Probe:
    return Probe(
        site_id="north",
        device_id="gate",
        kind=ProbeKind.FRAMES,
        at=T0 + timedelta(seconds=seconds),
        ok=state is not LOST,
        state=state,
        facts=facts,
    )


def recorder(seconds: float, **facts: Any) -> Probe:
    wrong = ("disks_failed", "channels_lost", "missing_recording")
    return Probe(
        site_id="north",
        device_id="nvr-1",
        kind=ProbeKind.CHANNELS,
        at=T0 + timedelta(seconds=seconds),
        ok=not any(facts.get(name) for name in wrong),
        facts=facts,
    )


def told(*probes: Probe, **more: Any) -> list[tuple[float, str, bool, dict[str, str]]]:
    """(seconds, type, ended, labels) of the events of these polls."""
    state: Conditions | None = None
    events: list[SecurityEvent] = []
    for probe in probes:
        state, made = observe_conditions(state, probe, **more)
        events += made
    return [((e.occurred_at - T0).total_seconds(), e.event_type, e.ended, e.labels) for e in events]


def test_a_camera_without_frames_for_a_minute_is_told_once_and_so_is_its_return() -> None:
    away = [frames(10 * n, LOST) for n in range(20)]
    back = [frames(200 + 10 * n) for n in range(20)]
    assert told(*away, *back) == [(60, NO_FRAMES, False, {}), (230, NO_FRAMES, True, {})]


def test_a_camera_that_starts_anew_within_the_minute_is_not_told() -> None:
    assert told(*[frames(10 * n, LOST) for n in range(6)], frames(60), frames(70, LOST)) == []


@pytest.mark.parametrize("state", [CameraState.CONNECTING, CameraState.ENDED])
def test_a_file_that_ended_and_a_first_attempt_are_no_loss(state: CameraState) -> None:
    assert told(*[frames(10 * n, state) for n in range(30)]) == []


def test_what_capture_sees_of_a_picture_is_told_with_the_camera() -> None:
    state: Conditions | None = None
    events: list[SecurityEvent] = []
    for n in range(4):
        state, made = observe_conditions(state, frames(10 * n, covered_lens=True))
        events += made
    (event,) = events
    assert (event.event_type, event.device_id, event.camera_id) == (COVERED, "gate", "gate")
    assert (event.severity, event.zone_id, event.ended) == (Severity.HIGH, None, False)
    assert event.occurred_at == T0 + timedelta(seconds=20)


def test_a_picture_that_nobody_looked_at_says_nothing() -> None:
    dark = [frames(10 * n, covered_lens=True) for n in range(4)]
    # Lost, or connected and not yet looked at: it is as it was.
    unsaid = [frames(40 + 10 * n, LOST, covered_lens=False) for n in range(3)] + [frames(70)]
    assert told(*dark, *unsaid) == [(20, COVERED, False, {})]


def test_a_single_word_is_no_condition() -> None:
    one_word = [frames(10 * n, covered_lens=n == 3) for n in range(9)]
    assert told(*one_word) == []


def test_a_failed_disk_is_told_at_once_and_ends_when_it_was_well_for_ten_minutes() -> None:
    polls = [recorder(0, disks=2, disks_failed=0), recorder(240, disks=2, disks_failed=1)]
    polls += [recorder(480 + 240 * n, disks=2, disks_failed=0) for n in range(5)]
    assert told(*polls) == [(240, DISK, False, {"disks": "1"}), (1200, DISK, True, {"disks": "1"})]


def test_a_recorder_that_tells_nothing_of_its_disks_changes_nothing() -> None:
    polls = [recorder(0, disks_failed=1)] + [recorder(240 * n) for n in range(1, 9)]
    assert told(*polls) == [(0, DISK, False, {"disks": "1"})]


def test_recordings_are_looked_for_in_turns() -> None:
    """Channel 5 is missing; polls that look for others do not make it well."""
    bad = recorder(0, missing_recording=True, missing_channels="5", asked_channels="4,5,6")
    others = [
        recorder(240 * n, missing_recording=False, asked_channels="1,2,3") for n in range(1, 5)
    ]
    well = [
        recorder(1200, missing_recording=False, asked_channels="4,5,6"),
        recorder(1440, missing_recording=False, asked_channels="1,2,3"),
    ]
    assert told(bad, *others, *well) == [
        (240, RECORDING, False, {"channels": "5"}),
        (1440, RECORDING, True, {"channels": "5"}),
    ]


def test_a_recorder_that_tells_of_all_channels_at_once_needs_no_turns() -> None:
    bad = [recorder(240 * n, missing_recording=True, missing_channels="2") for n in range(2)]
    well = [recorder(480 + 240 * n, missing_recording=False) for n in range(2)]
    assert [(at, ended) for at, _, ended, _ in told(*bad, *well)] == [(240, False), (720, True)]


def test_a_lost_channel_is_told_unless_its_camera_tells_it_itself() -> None:
    polls = [recorder(240 * n, channels=8, channels_lost="3,7") for n in range(3)]
    assert told(*polls) == [(240, CHANNELS_LOST, False, {"channels": "3,7"})]
    assert told(*polls, captured=frozenset({"3"})) == [
        (240, CHANNELS_LOST, False, {"channels": "7"})
    ]
    assert told(*polls, captured=frozenset({"3", "7"})) == []


def test_which_channels_are_captured_follows_from_the_streams() -> None:
    assert channel_of("rtsp://10.0.0.2/Streaming/Channels/1201") == 12
    assert channel_of("rtsp://10.0.0.2/cam/realmonitor?channel=4&subtype=0") == 4
    assert channel_of("rtsp://10.0.0.2/stream1") is None
    base = "rtsp://10.0.0.2/Streaming/Channels"
    site = Site(
        site_id="north",
        cameras=(
            Camera(camera_id="a", nvr_id="nvr-1", stream=f"{base}/301"),
            Camera(camera_id="b", nvr_id="nvr-2", stream=f"{base}/401"),
            Camera(camera_id="c", nvr_id="nvr-1"),
            Camera(camera_id="d", stream=f"{base}/501"),
        ),
    )
    config = SiteConfig(site, 1)
    assert captured_channels(config, "nvr-1") == {"3"}
    assert captured_channels(config, "nvr-2") == {"4"}
    assert captured_channels(config, "nvr-3") == frozenset()
    assert captured_channels(None, "nvr-1") == frozenset()


def test_a_device_that_is_away_is_told_as_that_alone() -> None:
    polls = [frames(10 * n, LOST) for n in range(20)]
    assert told(*polls, down=True) == []


def test_polls_with_a_long_pause_between_them_are_no_run() -> None:
    assert told(frames(0, LOST), frames(3600, LOST), frames(3630, LOST)) == []


def test_where_polls_are_an_hour_apart_a_run_of_them_may_have_such_pauses() -> None:
    polls = [recorder(3600 * n, channels=8, channels_lost="3") for n in range(3)]
    assert told(*polls) == []
    assert [at for at, *_ in told(*polls, normal_s=3600.0)] == [3600]


def test_the_same_poll_again_and_older_ones_change_nothing() -> None:
    state, _ = observe_conditions(None, recorder(100, disks_failed=1))
    for seconds in (100, 40):
        assert observe_conditions(state, recorder(seconds, disks_failed=0)) == (state, ())


def test_polls_of_a_device_itself_say_nothing_here() -> None:
    probe = Probe(site_id="north", device_id="nvr-1", kind=ProbeKind.TCP, at=T0, ok=False)
    assert observe_conditions(None, probe) == (None, ())


def test_the_state_survives_its_way_through_a_table() -> None:
    state, _ = observe_conditions(None, recorder(0, disks_failed=1))
    assert state is not None
    assert state.open == (DISK,)
    assert decode(encode(state), Conditions) == state


STEP = st.tuples(st.sampled_from([1.0, 10.0, 59.0, 240.0, 2000.0]), st.booleans(), st.booleans())


@settings(max_examples=200, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_events_of_a_condition_take_turns_and_have_ids_of_their_own(
    steps: list[tuple[float, bool, bool]],
) -> None:
    """Whatever polls say: begins and ends take turns, and each begin was preceded by a bad poll."""
    now, state = 0.0, None
    events: list[SecurityEvent] = []
    for gap, covered, lost in steps:
        now += gap
        probe = frames(now, LOST if lost else CONNECTED, covered_lens=covered)
        state, made = observe_conditions(state, probe)
        events += made
        assert all(e.ended or (covered if e.event_type == COVERED else lost) for e in made)
        again, repeated = observe_conditions(state, probe)
        assert (again, repeated) == (state, ())
    assert len({event.event_id for event in events}) == len(events)
    for condition in CONDITIONS:
        mine = [event.ended for event in events if event.event_type == condition.event_type]
        assert mine == [number % 2 == 1 for number in range(len(mine))]
        is_open = state is not None and condition.event_type in state.open
        assert is_open == (len(mine) % 2 == 1)
