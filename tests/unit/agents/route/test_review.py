"""A changed document takes effect on what is open, at the next tick."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from agents.decide import DECIDE_CHAIN
from schemas.alert import AlertState
from schemas.base import Severity
from schemas.document import Device, Escalation, EscalationStep, Inhibition, Site, SiteNotifications
from schemas.event import SecurityEvent
from tests.unit.agents.harness import Harness, Side, at, event, site
from tests.unit.agents.route.parts import minutes, silence, told, tree, with_parts

S = timedelta(seconds=1)


def device(name: str, device_id: str) -> SecurityEvent:
    return event(
        name,
        zone_id=None,
        camera_id=None,
        device_id=device_id,
        event_type="device_offline",
        severity=Severity.CRITICAL,
    )


def test_a_silence_that_is_removed_ends_at_once() -> None:
    harness = Harness(site(), routing=with_parts(tree("soc"), silences=(silence('zone="yard"'),)))
    harness.send(event("e1"))
    harness.wait(10)
    harness.configure(site(), routing=tree("soc"))
    harness.wait(30)
    assert told(harness) == [(11.0, "soc", "firing", 1)]
    assert harness.alert().quiet is None


def test_a_silence_that_is_added_keeps_what_waits_from_being_told() -> None:
    harness = Harness(site(), routing=tree("soc", group_wait=30 * S))
    harness.send(event("e1"))
    harness.wait(10)
    quiet = with_parts(tree("soc", group_wait=30 * S), silences=(silence('zone="yard"'),))
    harness.configure(site(), routing=quiet)
    harness.wait(1)
    assert harness.alert().quiet == "silenced"
    harness.advance(at(599))
    assert told(harness) == []
    harness.advance(at(700))
    assert told(harness) == [(630.0, "soc", "firing", 1)]


def test_a_longer_silence_takes_the_place_of_a_shorter_one() -> None:
    short, long = silence('zone="yard"', end=100), silence('zone="yard"', end=500)
    harness = Harness(site(), routing=with_parts(tree("soc"), silences=(short,)))
    harness.send(event("e1"))
    harness.configure(site(), routing=with_parts(tree("soc"), silences=(long,)))
    harness.advance(at(499))
    assert told(harness) == []
    harness.advance(at(501))
    assert told(harness) == [(500.0, "soc", "firing", 1)]


def test_an_alert_whose_route_changed_is_told_where_it_belongs_now() -> None:
    harness = Harness(site(), routing=tree("soc", "lead"))
    harness.send(event("e1"))
    harness.configure(site(), routing=tree("lead", "soc"))
    harness.wait(5)
    assert told(harness) == [(0.0, "soc", "firing", 1), (1.0, "lead", "firing", 1)]
    harness.command("resolve")
    assert [one.receiver for one in harness.delivered if one.status == "resolved"] == ["lead"]


def test_a_document_that_changes_nothing_for_an_alert_tells_nothing() -> None:
    harness = Harness(site(), routing=tree("soc"))
    harness.send(event("e1"))
    revision = harness.alert().revision
    rows = {key: row for key, row in harness.decide.store.rows.items() if "alerts:" in key[2]}
    for _ in range(3):
        harness.configure(replace(site(), name="North depot"), routing=tree("soc"))
        harness.wait(2)
    assert len(harness.delivered) == 1
    assert harness.alert().revision == revision
    after = {key: row for key, row in harness.decide.store.rows.items() if "alerts:" in key[2]}
    assert after == rows


def test_a_shorter_interval_and_a_shorter_repeat_are_kept_to() -> None:
    def chosen(interval: float, repeat: float) -> None:
        harness.configure(
            site(),
            routing=tree(
                "soc",
                group_interval=minutes(interval),
                repeat_interval=minutes(repeat),
                resolve_after=minutes(900),
            ),
        )

    harness = Harness(site(), routing=tree("soc", group_interval=minutes(60)))
    chosen(60, 240)
    harness.send(event("e1"))
    assert harness.result(event("e2", at_seconds=60)) == ("grouped", None)
    chosen(5, 240)
    harness.advance(at(320))
    assert told(harness)[1:] == [(300.0, "soc", "firing", 1)]
    chosen(5, 10)
    harness.advance(at(910))
    assert told(harness)[2:] == [(900.0, "soc", "firing", 1)]


def test_a_shorter_resolve_after_is_kept_to() -> None:
    harness = Harness(site(), routing=tree("soc"))
    harness.send(event("e1"))
    harness.wait(60)
    harness.configure(site(), routing=tree("soc", resolve_after=minutes(5)))
    harness.advance(at(299))
    assert harness.alert().state is AlertState.OPEN
    harness.advance(at(301))
    assert harness.alert().resolved_at == at(300)


def test_a_longer_resolve_after_is_kept_to() -> None:
    harness = Harness(site(), routing=tree("soc", resolve_after=minutes(5)))
    harness.send(event("e1"))
    harness.wait(60)
    harness.configure(site(), routing=tree("soc", resolve_after=minutes(20)))
    harness.advance(at(1199))
    assert harness.alert().state is AlertState.OPEN
    harness.advance(at(1201))
    assert harness.alert().resolved_at == at(1200)


def test_the_alert_of_a_zone_that_is_gone_stays_until_it_is_quiet() -> None:
    place = site(alert_destinations=("lead",))
    harness = Harness(place, routing=tree("soc", "lead"))
    harness.send(event("e1"))
    gone = replace(place, zones=())
    harness.configure(gone, routing=tree("soc", "lead"))
    assert harness.result(event("e2", at_seconds=10)) == ("rejected", "unknown_zone")
    assert harness.alert().state is AlertState.OPEN
    harness.advance(at(1801))
    assert (harness.alert().state, harness.alert().resolution) == (AlertState.RESOLVED, "quiet")


def test_the_alert_of_a_device_that_is_gone_is_resolved() -> None:
    place = replace(site(), devices=(Device(device_id="nvr-1", kind="nvr"),))
    harness = Harness(place, routing=tree("soc"))
    harness.send(device("e1", "nvr-1"))
    harness.send(device("e2", "unlisted"))
    harness.configure(site(), routing=tree("soc"))
    harness.wait(2)
    states = {one.device_id: (one.state.value, one.resolution) for one in harness.alerts().values()}
    # One that the document never had is nobody's to remove.
    assert states == {"nvr-1": ("resolved", "removed"), "unlisted": ("open", None)}


def test_notifications_switched_off_and_on() -> None:
    off: Site = replace(site(), notifications=SiteNotifications(enabled=False))
    harness = Harness(off, routing=tree("soc"))
    harness.send(event("e1"))
    harness.wait(20)
    harness.configure(site(), routing=tree("soc"))
    harness.wait(5)
    assert told(harness) == [(21.0, "soc", "firing", 1)]
    harness.configure(off, routing=tree("soc"))
    harness.wait(2)
    assert harness.alert().quiet == "notifications_disabled"


def test_an_inhibition_that_is_added_and_removed() -> None:
    rule = Inhibition(source=('camera="cam-2"',), target=('camera="cam-1"',))
    plain, inhibiting = tree("soc"), with_parts(tree("soc"), inhibit=(rule,))
    harness = Harness(site(), routing=plain)
    harness.send(event("e1"))
    harness.send(event("e2", camera_id="cam-2"))
    harness.configure(site(), routing=inhibiting)
    harness.wait(2)
    quiet = {one.camera_id: one.quiet for one in harness.alerts().values()}
    assert quiet == {"cam-1": "inhibited", "cam-2": None}
    harness.configure(site(), routing=plain)
    harness.wait(5)
    assert told(harness)[2:] == [(3.0, "soc", "firing", 1)]


def test_escalations_that_are_added_go_by_when_it_was_opened() -> None:
    harness = Harness(site(), routing=tree("soc", "lead"))
    harness.send(event("e1"))
    harness.wait(60)
    added = Escalation(steps=(EscalationStep(after=minutes(5), receiver="lead"),))
    harness.configure(site(), routing=with_parts(tree("soc", "lead"), escalations=(added,)))
    harness.advance(at(600))
    assert told(harness)[1:] == [(300.0, "lead", "escalation", 1)]


def test_a_site_that_is_gone_tells_nobody() -> None:
    harness = Harness(site(), routing=tree("soc"))
    harness.send(event("e1"))
    harness.configuration.apply("north", None)
    harness._changed = True
    harness.wait(3)
    assert harness.alert().quiet == "notifications_disabled"
    harness.advance(at(4000))
    assert harness.alert().state is AlertState.RESOLVED
    assert told(harness) == [(0.0, "soc", "firing", 1)]


def test_timers_are_state_and_survive_a_restart() -> None:
    later = Escalation(steps=(EscalationStep(after=minutes(5), receiver="lead"),))
    chosen = with_parts(
        tree("soc", "lead", group_wait=30 * S, repeat_interval=minutes(10)),
        escalations=(later,),
        silences=(silence('camera="cam-2"', end=400),),
    )
    whole, restarted = (Harness(site(), routing=chosen) for _ in range(2))
    for harness in (whole, restarted):
        harness.send(event("e1"))
        harness.send(event("e2", at_seconds=1, camera_id="cam-2"))
        for seconds in (10, 200, 350, 700, 3000):
            harness.advance(at(seconds))
            if harness is restarted:
                # Another process, which has the rows and nothing else.
                index = harness._sides.index(harness.decide)
                harness.decide = Side(DECIDE_CHAIN, harness.configuration, harness.decide.store)
                harness._sides[index] = harness.decide
    assert told(whole) == told(restarted)
    assert [what for _, _, what, _ in told(whole)][:3] == ["firing", "escalation", "firing"]
    assert whole.outputs == restarted.outputs
