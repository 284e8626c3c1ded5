"""What is to be done at an alert, as it is answered."""

from __future__ import annotations

from msgspec.structs import replace

from agents.runtime.configuration import SiteConfig
from api import examples
from api.alert.procedure import view_of
from schemas.alert import StepDone
from schemas.document import Camera, Site, SiteWatch, Zone
from schemas.ids import step_id

CONFIG = SiteConfig(
    Site(
        site_id="north",
        watch=SiteWatch(procedure=("Call the site.",)),
        cameras=(Camera(camera_id="gate"),),
        zones=(
            Zone(zone_id="yard", camera_ids=("gate",), procedure=("Look.", "Call.")),
            Zone(zone_id="dock", camera_ids=("gate",), procedure=("Look.",)),
            Zone(zone_id="bare", camera_ids=("gate",)),
        ),
    ),
    1,
)
CALL = step_id("north", "yard", "Call.")
ALERT = replace(
    examples.ALERT,
    procedure=(
        StepDone(step_id=CALL, by="ana", at=examples.AT),
        StepDone(step_id="of a step that is gone", by="ana", at=examples.AT),
    ),
)


def test_the_steps_of_its_zone_and_who_did_which() -> None:
    found = view_of(CONFIG, ALERT, ())
    assert (found.alert_id, found.site_id) == (ALERT.alert_id, "north")
    ((zone, steps),) = [(one.zone_id, one.steps) for one in found.zones]
    assert zone == "yard"
    assert [(one.text, one.done_by, one.done_at) for one in steps] == [
        ("Look.", None, None),
        ("Call.", "ana", examples.AT),
    ]
    assert steps[1].step_id == CALL


def test_its_own_zone_comes_first_and_one_without_steps_is_left_out() -> None:
    led = {"dock", "bare", "gone", "yard", "", None}
    found = view_of(CONFIG, ALERT, led)
    assert [one.zone_id for one in found.zones] == ["yard", "dock", None]
    # The same words in another zone are another step, which nobody has done.
    assert found.zones[1].steps[0].step_id == step_id("north", "dock", "Look.")
    assert [one.text for one in found.zones[2].steps] == ["Call the site."]


def test_an_alert_about_a_device_has_the_sites_procedure() -> None:
    device = replace(ALERT, zone_id=None, camera_id=None, device_id="nvr-1")
    assert [one.zone_id for one in view_of(CONFIG, device, ()).zones] == [None]


def test_where_nothing_is_to_be_done_there_is_nothing() -> None:
    assert view_of(CONFIG, replace(ALERT, zone_id="bare"), ()).zones == ()
    assert view_of(None, ALERT, ()).zones == ()
