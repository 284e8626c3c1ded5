"""Door contacts and other alarm inputs, as recorders and cameras tell of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.route.alerts import situation
from agents.runtime.configuration import SiteConfig
from api.event.intake import to_event
from api.event.schemas import CvEvent
from api.event.vendors.message import State, VendorMessage, token
from api.event.vendors.place import Named
from api.event.vendors.reading import messages, to_cv
from api.problems import Invalid, NotFound, SiteAmbiguous
from schemas.base import Severity
from schemas.document import Camera, Device, Site, Zone

XML = "application/xml"


def hik(state: str = "active", port: int = 3, *, number: str = "inputIOPortID") -> bytes:
    """An alert of an input, as ISAPI has it; older firmware puts the number into channelID."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">
      <ipAddress>192.0.2.10</ipAddress><portNo>80</portNo><protocol>HTTP</protocol>
      <macAddress>44:19:b6:00:00:01</macAddress><{number}>{port}</{number}>
      <dateTime>2026-03-02T10:00:00+01:00</dateTime><activePostCount>1</activePostCount>
      <eventType>IO</eventType><eventState>{state}</eventState>
      <eventDescription>IO alarm</eventDescription>
    </EventNotificationAlert>""".encode()


LINE = (
    "Code=AlarmLocal;action={};index=2;data={{\n"
    '"Name" : "Back door", "SenseMethod" : "DoorMagnetism", "RealUTC" : 1772442000 }}'
)
PUSH = {
    "Code": "AlarmLocal",
    "Action": "Start",
    "Index": 2,
    "IPAddress": "192.0.2.10",
    "Data": {"Name": "Back door", "SenseMethod": "DoorMagnetism", "RealUTC": 1772442000},
}


def one(body: bytes, kind: str = XML) -> VendorMessage:
    (found,) = messages(body, kind).messages
    return found


def site(name: str = "north", **more: Any) -> SiteConfig:
    fields: dict[str, Any] = {
        "devices": (
            Device(device_id="nvr-1", kind="nvr", address="http://192.0.2.10"),
            Device(device_id="nvr-2", kind="nvr", address="192.0.2.11:8000"),
        ),
        "cameras": (
            Camera(camera_id="gate", nvr_id="nvr-1", stream="rtsp://192.0.2.10/a"),
            Camera(camera_id="fence", stream="rtsp://192.0.2.30/a"),
        ),
        "zones": (Zone(zone_id="yard", camera_ids=("gate",)),),
    }
    return SiteConfig(Site(site_id=name, timezone="Europe/Berlin", **(fields | more)), 1)


NORTH = {"north": site()}


def event_of(message: VendorMessage, named: Named | None = None) -> CvEvent:
    event = to_cv(message, named or Named(), NORTH)
    assert event is not None
    return event


@pytest.mark.parametrize("number", ["inputIOPortID", "dynInputIOPortID", "channelID"])
def test_hikvision_tells_which_input(number: str) -> None:
    message = one(hik(number=number))
    assert (message.input, message.channel, message.state) == (3, None, State.STARTED)
    assert one(hik("inactive", number=number)).state is State.ENDED


def test_hikvision_tells_it_in_json_too() -> None:
    body = {"ipAddress": "192.0.2.10", "eventType": "IO", "eventState": "active"}
    message = one(msgspec.json.encode({**body, "inputIOPortID": 4}), "application/json")
    assert (message.input, message.channel) == (4, None)


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 10, "٣"])
def test_an_input_whose_number_is_none_is_an_input(number: str) -> None:
    body = hik().replace(b">3<", f">{number}<".encode())
    assert one(body).input is None
    assert event_of(one(body)).event_type == "alarm_input"


def test_a_camera_s_own_words_keep_their_channel() -> None:
    body = hik(number="channelID").replace(b"<eventType>IO", b"<eventType>VMD")
    assert (one(body).input, one(body).channel) == (None, 3)


def test_dahua_counts_inputs_from_0_and_we_from_1() -> None:
    message = one(LINE.format("Start").encode(), "text/plain")
    assert (message.input, message.channel, message.rule) == (3, None, "Back door")
    assert one(LINE.format("Stop").encode(), "text/plain").state is State.ENDED
    assert one(msgspec.json.encode(PUSH), "application/json").input == 3


def test_a_contact_that_opens_and_shuts_is_one_situation_of_its_recorder() -> None:
    began, ended = event_of(one(hik())), event_of(one(hik("inactive")))
    assert (began.site_id, began.device_id, began.camera_id) == ("north", "nvr-1", None)
    assert (began.event_type, began.severity, began.zone_id) == (
        "alarm_input_3",
        Severity.MEDIUM,
        None,
    )
    assert began.labels == {"vendor_type": "IO", "input": "3"}
    assert (began.ended, ended.ended) == (False, True)
    assert began.event_id != ended.event_id
    assert began.timestamp_utc is not None

    def place(event: CvEvent) -> str:
        assert event.timestamp_utc is not None
        record = to_event(event, event_id="x", site="north", at=event.timestamp_utc)
        return situation(record)

    assert place(began) == place(ended)
    # The other door's being shut must not end this one's.
    assert place(event_of(one(hik("inactive", 4)))) != place(began)


def test_two_inputs_that_change_at_once_are_two_events() -> None:
    ids = {event_of(one(hik(port=port))).event_id for port in (1, 2, 3)}
    assert len(ids) == 3
    message = one(hik())
    assert token(message, "nvr-1") == token(one(hik()), "nvr-1") != token(message, "nvr-2")


def test_dahua_s_input_has_its_name() -> None:
    event = event_of(one(msgspec.json.encode(PUSH), "application/json"))
    assert event.device_id == "nvr-1"
    assert event.labels == {
        "vendor_type": "AlarmLocal",
        "input": "3",
        "input_name": "Back door",
    }


@pytest.mark.parametrize(
    ("named", "device"),
    [
        (Named(device_id="nvr-2"), "nvr-2"),  # the address knows better than the message
        (Named(camera_id="fence"), "fence"),
        (Named(site_id="north"), "nvr-1"),
    ],
)
def test_whose_input_it_is(named: Named, device: str) -> None:
    assert event_of(one(hik()), named).device_id == device


def test_a_camera_s_own_input_is_found_by_its_address() -> None:
    body = hik().replace(b"192.0.2.10", b"192.0.2.30")
    assert event_of(one(body)).device_id == "fence"


def test_with_a_zone_it_is_that_zone_s_and_has_no_end() -> None:
    """As for a camera's analytics: the zone's schedule says whether an open door matters."""
    named = Named(zone_id="yard")
    event = event_of(one(hik()), named)
    assert (event.camera_id, event.zone_id, event.device_id) == ("gate", "yard", None)
    assert (event.event_type, event.severity) == ("alarm_input", None)
    assert event.labels["input"] == "3"
    assert to_cv(one(hik("inactive")), named, NORTH) is None


@pytest.mark.parametrize(
    ("body", "named", "problem"),
    [
        (hik().replace(b"192.0.2.10", b"198.51.100.1"), Named(), Invalid),
        (hik(), Named(device_id="nvr-9"), Invalid),
        (hik(), Named(site_id="south"), NotFound),
        (LINE.format("Start").encode(), Named(), Invalid),
    ],
)
def test_an_input_of_nobody_s(body: bytes, named: Named, problem: type[Exception]) -> None:
    with pytest.raises(problem):
        to_cv(one(body, "text/plain"), named, NORTH)


def test_two_sites_with_such_a_recorder() -> None:
    both = {"north": site(), "south": site("south")}
    with pytest.raises(SiteAmbiguous):
        to_cv(one(hik()), Named(), both)
    event = to_cv(one(hik()), Named(site_id="south"), both)
    assert event is not None
    assert event.site_id == "south"
