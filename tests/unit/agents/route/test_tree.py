"""The route tree: who takes an alert, what is inherited, and which group it is in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agents.route.tree import compile_tree, routes_of
from schemas.base import Severity
from schemas.document import Device, Route, Routing, Zone
from tests.unit.agents.harness import Harness, at, event, site
from tests.unit.agents.route.parts import minutes, told, tree

S = timedelta(seconds=1)


def child(receiver: str | None, *matchers: str, go_on: bool = False, **more: Any) -> Route:
    return Route(receiver=receiver, matchers=matchers, continue_=go_on, **more)


HIGH, SOC = 'severity="high"', 'site="north"'


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ((), ["root"]),
        ((child("a", HIGH),), ["a"]),
        ((child("a", 'severity="low"'),), ["root"]),  # no child takes it: the parent does
        ((child("a", HIGH), child("b", SOC)), ["a"]),  # the first one only
        ((child("a", HIGH, go_on=True), child("b", SOC)), ["a", "b"]),
        ((child("a", HIGH, go_on=True), child("b", 'zone="roof"')), ["a"]),
        ((child("a", SOC, routes=(child("b", HIGH),)),), ["b"]),  # the deepest
        ((child("a", SOC, routes=(child("b", 'zone="x"'),)), child("c", SOC)), ["a"]),
        ((child(None, SOC, routes=(child(None, HIGH),)),), ["root"]),  # inherited
        ((child("a", SOC, HIGH), child("b")), ["a"]),
        ((child("a", SOC, 'camera!="cam-1"'), child("b", 'camera=~"cam-.*"')), ["b"]),
        ((child("a", 'label!~".+"'),), ["a"]),  # a label that is absent is the empty text
        ((child("a", go_on=True), child("a", HIGH)), ["a"]),  # named twice, told once
    ],
)
def test_who_takes_it(routes: tuple[Route, ...], expected: list[str]) -> None:
    harness = Harness(site(), routing=tree("root", "a", "b", "c", routes=routes))
    assert harness.result(event("e1")) == ("sent", None)
    assert [one.receiver for one in harness.delivered] == expected


def test_a_root_that_does_not_match_takes_nothing() -> None:
    chosen = tree("root", matchers=('severity="low"',))
    harness = Harness(site(), routing=chosen)
    assert harness.result(event("e1")) == ("suppressed", "notifications_disabled")


def test_settings_are_inherited_and_the_matchers_name_the_path() -> None:
    root = Route(
        receiver="soc",
        group_by=("zone",),
        group_wait=3 * S,
        repeat_interval=minutes(9),
        send_resolved=False,
        repeat_acknowledged=False,
        routes=(
            Route(matchers=(HIGH,), group_wait=7 * S, resolve_after=minutes(2)),
            Route(matchers=(SOC,), group_by=()),
        ),
    )
    labels = {"severity": "high", "site": "north"}
    (one,) = routes_of(compile_tree(root), labels)
    assert (one.receiver, one.group_by, one.wait) == ("soc", ("zone",), 7 * S)
    assert (one.repeat, one.resolve_after, one.send_resolved) == (minutes(9), minutes(2), False)
    assert (one.interval, one.repeat_acknowledged) == (minutes(5), False)
    (other,) = routes_of(compile_tree(root), {"severity": "low", "site": "north"})
    assert other.group_by == ()
    assert other.path != one.path
    # A route put before it makes no other group of it.
    earlier = replace(root, routes=(Route(matchers=('zone="x"',)), *root.routes))
    assert routes_of(compile_tree(earlier), labels) == [one]


def grouped(*labels: str) -> Routing:
    return tree("soc", group_by=labels, group_wait=10 * S, group_interval=minutes(1))


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        ((), [1, 1, 1]),
        (("site",), [3]),
        (("site", "zone"), [2, 1]),
        (("camera",), [2, 1]),
        (("zone", "camera"), [1, 1, 1]),
        (("colour",), [3]),  # nobody has it: all alike
    ],
)
def test_group_by(labels: tuple[str, ...], groups: list[int]) -> None:
    place = site()
    roof = Zone(zone_id="roof", camera_ids=("cam-1",), severity=Severity.HIGH)
    harness = Harness(replace(place, zones=(*place.zones, roof)), routing=grouped(*labels))
    harness.send(event("e1"))
    harness.send(event("e2", camera_id="cam-2"))
    harness.send(event("e3", zone_id="roof"))
    harness.wait(30)
    assert sorted((one.alerts for one in harness.delivered), reverse=True) == groups


def test_a_groups_labels_may_be_the_events_own_and_no_value_looks_like_two() -> None:
    harness = Harness(site(), routing=grouped("a", "b"))
    harness.send(event("e1", labels={"a": "1,b=2"}))
    harness.send(event("e2", camera_id="cam-2", labels={"a": "1", "b": "2"}))
    harness.wait(30)
    assert [one.alerts for one in harness.delivered] == [1, 1]


def test_a_senders_label_never_stands_for_one_of_ours() -> None:
    routes = (child("a", 'zone="roof"'), child("b", 'kind="nvr"'))
    harness = Harness(site(), routing=tree("root", "a", "b", routes=routes))
    harness.send(event("e1", labels={"zone": "roof", "kind": "nvr", "site": "south"}))
    assert [one.receiver for one in harness.delivered] == ["root"]


@pytest.mark.parametrize(
    ("more", "matcher"),
    [
        ({"device_id": "nvr-1"}, 'kind="nvr"'),
        ({"device_id": "nvr-1"}, 'nvr="nvr-1"'),  # a recorder's own id
        ({"device_id": "cam-9"}, 'nvr="nvr-1"'),  # its camera's parent
        ({"device_id": "cam-9"}, 'kind="camera"'),
        ({"device_id": "cam-1"}, 'kind="camera"'),  # a camera that is listed as one
        ({"device_id": "ghost"}, 'kind!~".+"'),  # nobody says
        ({"camera_id": "cam-1", "zone_id": "yard"}, 'camera="cam-1"'),
        ({"camera_id": "cam-1", "zone_id": "yard"}, 'device!~".+"'),
    ],
)
def test_labels(more: dict[str, Any], matcher: str) -> None:
    place = replace(
        site(),
        devices=(
            Device(device_id="nvr-1", kind="nvr"),
            Device(device_id="cam-9", kind="camera", parent="nvr-1"),
        ),
    )
    harness = Harness(place, routing=tree("root", "a", routes=(child("a", matcher),)))
    fields: dict[str, Any] = {"zone_id": None, "camera_id": None, **more}
    harness.send(event("e1", **fields))
    assert [one.receiver for one in harness.delivered] == ["a"]


def test_a_destination_is_told_by_the_settings_of_the_route_that_names_it() -> None:
    routes = (child("lead", HIGH, go_on=True, group_wait=20 * S), child("soc", SOC))
    chosen = tree("root", "soc", "lead", "other", routes=routes, group_wait=0 * S)
    harness = Harness(site(alert_destinations=("soc", "lead", "other")), routing=chosen)
    harness.send(event("e1"))
    harness.wait(60)
    assert told(harness) == [
        (0.0, "soc", "firing", 1),
        (20.0, "lead", "firing", 1),
        (20.0, "other", "firing", 1),  # no route names it: the first that takes the alert
    ]


def test_a_changed_group_waits_and_what_ended_is_told_apart_from_what_fires() -> None:
    harness = Harness(site(), routing=grouped("site", "zone"))
    harness.send(event("e1"))
    harness.send(event("e2", at_seconds=4, camera_id="cam-2"))
    first = min(harness.alerts().values(), key=lambda one: one.opened_at)
    harness.advance(at(15))
    harness.command("resolve", alert=first.alert_id)
    harness.advance(at(300))
    assert told(harness) == [(10.0, "soc", "firing", 2), (70.0, "soc", "resolved", 1)]
    assert harness.delivered[-1].request.alerts[0].alert_id == first.alert_id


def test_an_alert_that_ended_before_its_group_was_told_is_never_named() -> None:
    harness = Harness(site(), routing=grouped("site"))
    harness.send(event("e1"))
    harness.advance(at(11))
    harness.send(event("e2", at_seconds=12, camera_id="cam-2"))
    second = max(harness.alerts().values(), key=lambda one: one.opened_at)
    harness.command("resolve", alert=second.alert_id)
    harness.advance(at(600))
    assert told(harness) == [(10.0, "soc", "firing", 1)]


def test_a_group_that_emptied_is_new_when_it_comes_again() -> None:
    harness = Harness(site(), routing=grouped("site"))
    harness.send(event("e1"))
    harness.advance(at(20))
    harness.command("resolve")
    harness.advance(at(71))
    harness.send(event("e2", at_seconds=75))
    harness.advance(at(400))
    # It waits group_wait, not the interval since the resolve.
    assert [(when, what) for when, _, what, _ in told(harness)] == [
        (10.0, "firing"),
        (70.0, "resolved"),
        (85.0, "firing"),
    ]
    assert len({one.request.notification_id for one in harness.delivered}) == 3


def test_a_failed_first_pass_lets_the_next_event_through_at_once() -> None:
    chosen = tree("soc", group_interval=minutes(5))
    harness = Harness(site(dedupe_window_sec=60), routing=chosen)
    harness.failing.add(("soc", None))
    assert harness.result(event("e1")) == ("failed", "recording_send_failed")
    harness.failing.clear()
    assert harness.result(event("e2", at_seconds=2)) == ("sent", None)
    assert harness.result(event("e3", at_seconds=3)) == ("suppressed", "dedupe_window")
    assert harness.result(event("e4", at_seconds=62)) == ("grouped", None)


def test_nothing_is_said_of_the_end_of_what_nobody_ever_took() -> None:
    harness = Harness(site(), routing=tree("soc"))
    harness.failing.add(("soc", None))
    harness.send(event("e1"))
    harness.wait(400)
    harness.failing.clear()
    harness.command("resolve")
    harness.wait(600)
    assert harness.delivered == []


def test_a_retry_that_succeeds_counts_as_sent() -> None:
    chosen = tree("soc", group_interval=minutes(5))
    harness = Harness(site(), routing=chosen)
    harness.failing.add(("soc", None))
    harness.send(event("e1"))
    harness.failing.clear()
    harness.wait(60)
    assert len(harness.delivered) == 1
    assert harness.result(event("e2", at_seconds=90)) == ("grouped", None)
    harness.command("resolve")
    harness.wait(600)
    assert [one.status for one in harness.delivered] == ["firing", "resolved"]


def test_a_thousand_alerts_are_one_group() -> None:
    place = site()
    cameras = tuple(f"c{number}" for number in range(300))
    yard = replace(place.zones[0], camera_ids=cameras)
    harness = Harness(replace(place, zones=(yard,)), routing=grouped("site"))
    for number in range(300):
        harness.send(event(f"e{number}", camera_id=f"c{number}"))
    harness.wait(11)
    assert told(harness) == [(10.0, "soc", "firing", 300)]
    for alert in tuple(harness.alerts())[:299]:
        harness.command("resolve", alert=alert)
    harness.wait(120)
    assert told(harness)[1:] == [(70.0, "soc", "resolved", 299)]


def test_receivers_are_named_in_the_order_of_their_routes() -> None:
    routes = tuple(child(name, SOC, go_on=True) for name in ("c", "a", "b"))
    harness = Harness(site(), routing=tree("root", "a", "b", "c", routes=routes))
    harness.send(event("e1"))
    assert [one.receiver for one in harness.delivered] == ["c", "a", "b"]
