"""Why nobody is told: silences, snoozes, inhibition, mute schedules, a site that is off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.base import Severity
from schemas.document import Device, Inhibition, Route, Schedule, SiteNotifications
from schemas.event import SecurityEvent
from tests.unit.agents.harness import Harness, at, event, site
from tests.unit.agents.route.parts import minutes, silence, told, tree, window, with_parts

S = timedelta(seconds=1)


def test_a_silence_is_half_open_and_its_end_counts_as_new() -> None:
    harness = Harness(site(), routing=with_parts(silences=(silence('camera="cam-1"', start=10),)))
    assert harness.result(event("e0", at_seconds=9)) == ("sent", None)
    assert harness.result(event("e1", at_seconds=10)) == ("suppressed", "silenced")
    assert harness.result(event("e2", at_seconds=11, camera_id="cam-2")) == ("sent", None)
    assert harness.result(event("e3", at_seconds=599)) == ("suppressed", "silenced")
    harness.advance(at(599.9))
    assert len(harness.delivered) == 2
    harness.advance(at(601))
    assert told(harness)[2:] == [(600.0, "soc", "firing", 1)]
    assert harness.result(event("e4", at_seconds=602)) == ("sent", None)


def test_an_alert_says_why_nobody_is_told_of_it_and_that_it_ended() -> None:
    harness = Harness(site(), routing=with_parts(silences=(silence('zone="yard"', end=60),)))
    harness.send(event("e1"))
    assert harness.alert().quiet == "silenced"
    before = harness.alert().revision
    harness.wait(61)
    assert harness.alert().quiet is None
    assert harness.alert().revision > before


def test_a_silence_that_begins_later_keeps_a_told_alert_out_of_its_repeats() -> None:
    chosen = with_parts(
        tree("soc", repeat_interval=minutes(10), resolve_after=minutes(90)),
        silences=(silence('camera="cam-1"', start=300, end=3000),),
    )
    harness = Harness(site(), routing=chosen)
    harness.send(event("e1"))
    harness.advance(at(2999))
    assert told(harness) == [(0.0, "soc", "firing", 1)]
    harness.advance(at(3001))
    # When it ends the alert counts as new.
    assert told(harness)[1:] == [(3000.0, "soc", "firing", 1)]


def test_a_silenced_alert_is_left_out_of_its_groups_notification() -> None:
    chosen = with_parts(
        tree("soc", group_by=("site",), group_wait=10 * S, group_interval=60 * S),
        silences=(silence('camera="cam-1"', start=5, end=100),),
    )
    harness = Harness(site(), routing=chosen)
    # It joined before the silence began.
    assert harness.result(event("e1")) == ("grouped", None)
    harness.send(event("e2", at_seconds=1, camera_id="cam-2"))
    harness.advance(at(99))
    assert told(harness) == [(10.0, "soc", "firing", 1)]
    harness.advance(at(200))
    assert told(harness)[1:] == [(100.0, "soc", "firing", 2)]


def test_an_alert_that_ends_while_silenced_is_in_no_notification() -> None:
    harness = Harness(site(), routing=with_parts(silences=(silence('zone="yard"', start=5),)))
    harness.send(event("e1"))
    harness.wait(60)
    harness.command("resolve")
    harness.wait(3600)
    assert told(harness) == [(0.0, "soc", "firing", 1)]


@pytest.mark.parametrize(
    ("matchers", "hits"),
    [
        (('camera="cam-1"', 'zone="yard"'), True),
        (('camera="cam-1"', 'zone="roof"'), False),
        (('type=~"intru.*"',), True),
        (('zone!="roof"',), True),
        (('device=""',), True),  # an absent label is the empty text
        (('severity="low"',), False),
    ],
)
def test_what_a_silence_matches(matchers: tuple[str, ...], hits: bool) -> None:
    many = tuple(silence('zone="z"', name=f"s{number}") for number in range(50))
    chosen = with_parts(silences=(*many, silence(*matchers)))
    harness = Harness(site(), routing=chosen)
    expected = ("suppressed", "silenced") if hits else ("sent", None)
    assert harness.result(event("e1")) == expected


def test_a_snooze_ends_by_itself_and_the_alert_counts_as_new() -> None:
    harness = Harness(site(), routing=tree("soc", group_interval=30 * S))
    harness.send(event("e1"))
    harness.wait(10)
    harness.command("snooze", duration_s=600.0)
    assert harness.alert().quiet == "snoozed"
    assert harness.result(event("e2", at_seconds=100)) == ("suppressed", "snoozed")
    harness.advance(at(609))
    assert len(harness.delivered) == 1
    harness.advance(at(700))
    assert told(harness)[1:] == [(610.0, "soc", "firing", 1)]
    assert (harness.alert().quiet, harness.alert().events) == (None, 2)


def test_a_longer_snooze_goes_on_past_the_end_of_the_first() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.command("snooze", duration_s=60.0)
    harness.wait(30)
    harness.command("snooze", duration_s=300.0)
    harness.advance(at(329))
    assert len(harness.delivered) == 1
    harness.advance(at(331))
    assert told(harness)[1:] == [(330.0, "soc", "firing", 1)]


# The harness begins on a Monday at 10:00 UTC.
def test_a_mute_schedule_holds_its_route_and_no_other() -> None:
    muted = Route(matchers=('camera="cam-1"',), mute_schedules=(window("09:00", "10:30"),))
    harness = Harness(site(), routing=tree("soc", routes=(muted,), resolve_after=minutes(60)))
    assert harness.result(event("e1")) == ("suppressed", "muted_by_schedule")
    assert harness.result(event("e2", camera_id="cam-2")) == ("sent", None)
    harness.advance(at(1799))
    assert len(harness.delivered) == 1
    harness.advance(at(1801))
    assert told(harness)[1:] == [(1800.0, "soc", "firing", 1)]


def test_where_one_of_two_routes_is_muted_the_other_tells() -> None:
    routes = (
        Route(
            receiver="a",
            continue_=True,
            matchers=('site="north"',),
            mute_schedules=(window("10:00", "10:10"),),
        ),
        Route(receiver="b", matchers=('site="north"',)),
    )
    harness = Harness(site(), routing=tree("soc", "a", "b", routes=routes))
    assert harness.result(event("e1")) == ("sent", None)
    harness.advance(at(700))
    assert told(harness) == [(0.0, "b", "firing", 1), (600.0, "a", "firing", 1)]


def test_mute_schedules_are_inherited_and_a_child_may_have_none() -> None:
    always = (Schedule(),)
    routes = (Route(matchers=('camera="cam-1"',)), Route(matchers=(), mute_schedules=()))
    harness = Harness(site(), routing=tree("soc", routes=routes, mute_schedules=always))
    assert harness.result(event("e1")) == ("suppressed", "muted_by_schedule")
    assert harness.result(event("e2", camera_id="cam-2")) == ("sent", None)


DEVICES = (
    Device(device_id="nvr-1", kind="nvr"),
    Device(device_id="cam-8", kind="camera", parent="nvr-1"),
    Device(device_id="cam-9", kind="camera", parent="nvr-1"),
    Device(device_id="cam-7", kind="camera"),
    Device(device_id="box", kind="service"),
)
OFFLINE = 'type="device_offline"'


def down(name: str, device: str, *, seconds: float = 0, **more: Any) -> SecurityEvent:
    fields: dict[str, Any] = {
        "zone_id": None,
        "camera_id": None,
        "device_id": device,
        "event_type": "device_offline",
        "severity": Severity.CRITICAL,
    }
    return event(name, at_seconds=seconds, **{**fields, **more})


def recorders(*equal: str, **route: Any) -> Harness:
    rule = Inhibition(
        source=(OFFLINE, 'kind="nvr"'), target=(OFFLINE, 'kind="camera"'), equal=equal
    )
    chosen = with_parts(tree("soc", **route), inhibit=(rule,))
    return Harness(replace(site(), devices=DEVICES), routing=chosen)


def test_a_source_inhibits_its_targets_from_the_same_instant_on() -> None:
    harness = recorders("site", "nvr")
    assert harness.result(down("e1", "nvr-1")) == ("sent", None)
    assert harness.result(down("e2", "cam-8")) == ("suppressed", "inhibited")
    assert harness.result(down("e3", "cam-7")) == ("sent", None)  # hangs on no recorder


def test_a_target_that_came_first_is_left_out_when_its_group_is_told() -> None:
    harness = recorders("site", "nvr", group_wait=5 * S)
    assert harness.result(down("e1", "cam-8")) == ("grouped", None)
    assert harness.result(down("e2", "nvr-1")) == ("grouped", None)
    harness.wait(60)
    assert [one.request.alerts[0].title for one in harness.delivered] == [
        "device offline at nvr-1, North depot"
    ]


def test_when_the_last_source_ends_its_targets_count_as_new() -> None:
    harness = recorders("site")
    harness.send(down("e1", "nvr-1"))
    harness.send(down("e2", "cam-8"))
    harness.send(down("e3", "cam-7"))
    by_device = {one.device_id: key for key, one in harness.alerts().items()}
    harness.wait(100)
    assert len(harness.delivered) == 1
    harness.command("resolve", alert=by_device["nvr-1"])
    shown = [(one.status, one.request.alerts[0].title.split()[3][:5]) for one in harness.delivered]
    assert shown[1:] == [("resolved", "nvr-1"), ("firing", "cam-8"), ("firing", "cam-7")]
    assert [one.quiet for one in harness.alerts().values()] == [None, None, None]


def test_a_told_target_is_in_no_notification_while_it_is_inhibited() -> None:
    harness = recorders("site", repeat_interval=minutes(10))
    harness.send(down("e1", "cam-8"))
    harness.send(down("e2", "nvr-1", seconds=60))
    quiet = {one.device_id: one.quiet for one in harness.alerts().values()}
    assert quiet == {"cam-8": "inhibited", "nvr-1": None}
    harness.advance(at(1300))
    titles = {one.request.alerts[0].title for one in harness.delivered[2:]}
    assert titles == {"device offline at nvr-1, North depot"}


@pytest.mark.parametrize(
    ("equal", "target", "expected"),
    [
        (("nvr",), "cam-8", "inhibited"),
        (("nvr",), "cam-7", None),  # one side lacks it
        (("colour",), "cam-7", "inhibited"),  # both lack it: equal
        ((), "cam-7", "inhibited"),
        (("device",), "cam-8", None),
    ],
)
def test_equal(equal: tuple[str, ...], target: str, expected: str | None) -> None:
    harness = recorders(*equal)
    harness.send(down("e1", "nvr-1"))
    assert harness.result(down("e2", target))[1] == expected


def test_no_alert_inhibits_itself_and_of_two_alike_neither_does() -> None:
    rule = Inhibition(source=(OFFLINE,), target=('site="north"',))
    harness = Harness(
        replace(site(), devices=DEVICES), routing=with_parts(tree("soc"), inhibit=(rule,))
    )
    assert harness.result(down("e1", "cam-8")) == ("sent", None)
    assert harness.result(down("e2", "cam-9")) == ("sent", None)
    # An intrusion is no source, so these explain it.
    assert harness.result(event("e3")) == ("suppressed", "inhibited")


def test_of_two_sources_the_first_that_ends_frees_nobody() -> None:
    rule = Inhibition(source=(OFFLINE,), target=('type="intrusion"',))
    harness = Harness(
        replace(site(), devices=DEVICES), routing=with_parts(tree("soc"), inhibit=(rule,))
    )
    for name in ("cam-8", "cam-9"):
        harness.send(down(name, name))
    harness.send(event("e3"))
    first, second = (key for key, one in harness.alerts().items() if one.device_id)
    harness.command("resolve", alert=first)
    assert [one.quiet for one in harness.alerts().values() if one.camera_id] == ["inhibited"]
    harness.command("resolve", alert=second)
    assert [one.quiet for one in harness.alerts().values() if one.camera_id] == [None]
    assert told(harness)[-1][2] == "firing"


def test_a_silenced_source_inhibits_all_the_same() -> None:
    harness = recorders("nvr")
    chosen = with_parts(
        harness.configuration.routing, silences=(silence('device="nvr-1"', end=900),)
    )
    harness.configure(replace(site(), devices=DEVICES), routing=chosen)
    assert harness.result(down("e1", "nvr-1")) == ("suppressed", "silenced")
    assert harness.result(down("e2", "cam-8")) == ("suppressed", "inhibited")


ORDER = ("late", "snoozed", "silenced", "inhibited", "muted_by_schedule", "notifications_disabled")


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_of_several_reasons_the_first_of_the_table_counts(first: int) -> None:
    """Every reason from `first` on applies; those before it do not."""
    on = ORDER[first:]
    rule = Inhibition(source=(OFFLINE,), target=('type="intrusion"',))
    mutes = (Schedule(),) if "muted_by_schedule" in on else ()
    start = 3600.0
    parts: dict[str, Any] = {"inhibit": (rule,) if "inhibited" in on else ()}
    if "silenced" in on:
        parts["silences"] = (silence('type="intrusion"', start=start, end=2 * start),)
    place = replace(site(), devices=DEVICES)
    harness = Harness(place, routing=with_parts(tree("soc"), inhibit=parts["inhibit"]))
    harness.send(down("d1", "cam-8", seconds=start - 10))
    harness.send(event("e0", at_seconds=start - 10))
    if "snoozed" in on:
        (key,) = (key for key, one in harness.alerts().items() if one.camera_id)
        harness.command("snooze", alert=key, duration_s=3600.0)
    if "notifications_disabled" in on:
        place = replace(place, notifications=SiteNotifications(enabled=False))
    harness.configure(place, routing=with_parts(tree("soc", mute_schedules=mutes), **parts))
    seen = start - 700 if "late" in on else start
    one = event("e1", at_seconds=seen)
    assert harness.result(one, at_seconds=start) == ("suppressed", ORDER[first])
    # Whatever the reason, the alert has it.
    assert next(a for a in harness.alerts().values() if a.camera_id).events == 2
