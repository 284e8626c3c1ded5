"""Lag from ends and commits, and the verdict: silence never looks like peace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from api.health.lag import Lag, LagTracker, behind
from api.health.verdict import (
    CameraSeen,
    Observation,
    PipelineState,
    RoleSeen,
    judge,
    without_frames,
)
from schemas.device import CameraState

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


SAMPLES = [(at(0), 100), (at(10), 200), (at(20), 300)]


@pytest.mark.parametrize(
    ("committed", "lag"),
    [
        (300, Lag(0, 0.0)),
        (400, Lag(0, 0.0)),  # committed after the ends were asked for
        (299, Lag(1, 20.0)),  # the record 299 came after the 200th, which was seen at 10 s
        (200, Lag(100, 20.0)),
        (199, Lag(101, 30.0)),
        (50, Lag(250, 30.0, at_least=True)),
    ],
)
def test_lag_of_one_partition(committed: int, lag: Lag) -> None:
    assert behind(SAMPLES, committed, at(30)) == lag


def test_no_samples_no_lag() -> None:
    assert behind([], 5, NOW) == Lag()


def test_partitions_add_up_and_the_oldest_counts() -> None:
    tracker = LagTracker()
    for second in range(0, 21, 2):
        tracker.observe(at(second), {("events", 0): second, ("events", 1): 7, ("other", 0): 99})
    committed = {("events", 0): 14, ("events", 1): 7}
    assert tracker.lag(["events"], committed, at(20)) == Lag(6, 6.0)
    assert tracker.lag(["events"], {}, at(20)) == Lag(20, 20.0)  # since it was first seen
    assert tracker.lag([], committed, at(20)) == Lag()


def test_history_is_bounded_and_keeps_what_tells() -> None:
    tracker = LagTracker()
    for second in range(0, 4000, 2):
        tracker.observe(at(second), {("events", 0): 5 if second < 3990 else 6})
    samples = tracker._samples[("events", 0)]
    assert len(samples) < 10
    assert tracker.lag(["events"], {("events", 0): 5}, at(4000)).seconds == 12


def camera(**fields: Any) -> CameraSeen:
    known: dict[str, Any] = {
        "site_id": "north",
        "camera_id": "gate",
        "name": "Main gate",
        "expected_since": at(-600),
        "state": CameraState.CONNECTED,
        "heard_at": at(-3),
        "last_frame_at": at(-3),
    }
    return CameraSeen(**{**known, **fields})


def role(name: str = "detect", **fields: Any) -> RoleSeen:
    return RoleSeen(**{"role": name, "members": 1, "lag": Lag(), **fields})


WELL = Observation(
    now=NOW,
    started=at(-600),
    broker_ok=True,
    database_ok=True,
    following=True,
    sites=1,
    roles=(role(), role("decide")),
    ticks=(at(-1), at(-2)),
    cameras=(camera(),),
)


def test_all_well() -> None:
    assert judge(WELL).state is PipelineState.OK
    assert judge(WELL).reasons == ()


@pytest.mark.parametrize(
    ("changed", "state", "code"),
    [
        ({"broker_ok": False}, PipelineState.BLIND, "broker_unreachable"),
        ({"following": False}, PipelineState.BLIND, "not_following"),
        ({"database_ok": False}, PipelineState.LATE, "database_unreachable"),
        ({"sites": 0}, PipelineState.BLIND, "nothing_configured"),
        ({"roles": (role(members=0),)}, PipelineState.BLIND, "role_down"),
        (
            {"roles": (role("archive", members=0, without=PipelineState.LATE),)},
            PipelineState.LATE,
            "role_down",
        ),
        ({"roles": (role(lag=Lag(500, 10.5)),)}, PipelineState.LATE, "role_late"),
        ({"ticks": (at(-1), at(-11))}, PipelineState.BLIND, "decide_silent"),
        ({"ticks": (at(-1), None)}, PipelineState.BLIND, "decide_silent"),
        ({"cameras": (camera(state=CameraState.LOST),)}, PipelineState.BLIND, "camera_lost"),
        (
            {"cameras": (camera(state=CameraState.ENDED, heard_at=at(-99)),)},
            PipelineState.BLIND,
            "camera_ended",
        ),
        (
            {"cameras": (camera(state=CameraState.CONNECTING),)},
            PipelineState.BLIND,
            "camera_connecting",
        ),
        ({"cameras": (camera(heard_at=at(-31)),)}, PipelineState.BLIND, "camera_silent"),
        (
            {"cameras": (camera(state=None, heard_at=None),)},
            PipelineState.BLIND,
            "camera_unheard",
        ),
    ],
)
def test_what_makes_it_late_or_blind(
    changed: dict[str, Any], state: PipelineState, code: str
) -> None:
    verdict = judge(replace(WELL, **changed))
    assert verdict.state is state
    assert [reason.code for reason in verdict.reasons] == [code]


@pytest.mark.parametrize(
    "changed",
    [
        {"roles": (role(lag=Lag(500, 9.5)),)},
        {"roles": (role(members=None),)},  # the broker did not say
        {"ticks": (at(-9), at(-9))},
        {"ticks": (None,), "started": at(-5)},  # it may still come
        {"cameras": (camera(heard_at=None, state=None, expected_since=at(-5)),)},
        {"cameras": (camera(state=CameraState.CONNECTING, expected_since=at(-5)),)},
        {"cameras": ()},  # events from outside alone need none
    ],
)
def test_what_does_not(changed: dict[str, Any]) -> None:
    assert judge(replace(WELL, **changed)).state is PipelineState.OK


def test_a_broker_that_is_away_says_nothing_of_roles_and_ticks() -> None:
    seen = replace(WELL, broker_ok=False, roles=(role(members=0),), ticks=(at(-99),))
    assert [reason.code for reason in judge(seen).reasons] == ["broker_unreachable"]


def test_a_decide_without_workers_is_told_once() -> None:
    seen = replace(WELL, roles=(role("decide", members=0),), ticks=(at(-99), at(-99)))
    assert [reason.code for reason in judge(seen).reasons] == ["role_down"]


def test_blind_comes_before_late_and_many_cameras_are_summed_up() -> None:
    lost = tuple(camera(camera_id=f"c{n}", state=CameraState.LOST) for n in range(8))
    seen = replace(WELL, database_ok=False, cameras=lost)
    codes = [reason.code for reason in judge(seen).reasons]
    assert codes == ["camera_lost"] * 5 + ["cameras_blind", "database_unreachable"]
    assert judge(seen).reasons[5].text.startswith("3 more")
    assert len(without_frames(seen)) == 8


def test_the_words_name_who_and_for_how_long() -> None:
    seen = replace(
        WELL,
        roles=(role(lag=Lag(412, 31.7, at_least=True), unit="frames"),),
        cameras=(camera(state=CameraState.LOST, last_frame_at=at(-42)),),
    )
    texts = [reason.text for reason in judge(seen).reasons]
    assert texts == [
        "Camera Main gate (north/gate): it delivers no frames, the last one 42 s ago.",
        "detect is at least 32 s and 412 frames behind.",
    ]
