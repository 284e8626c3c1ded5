"""What devices send by themselves becomes events of ours, or is refused by the field's name."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime.configuration import SiteConfig
from api.event.vendors.message import State, VendorMessage, token
from api.event.vendors.multipart import pieces
from api.event.vendors.place import Named
from api.event.vendors.reading import messages, require_taken, to_cv
from api.problems import (
    BodyTooDeep,
    Invalid,
    MalformedBody,
    NotFound,
    Problem,
    SiteAmbiguous,
    UnsupportedMediaType,
)
from schemas.base import Severity
from schemas.document import Camera, Device, Site, Zone

XML = "application/xml; charset=UTF-8"


def hik(
    kind: str = "linedetection", state: str = "active", at: str = "2026-03-02T10:00:00+01:00"
) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">
      <ipAddress>192.0.2.10</ipAddress><portNo>80</portNo><protocol>HTTP</protocol>
      <macAddress>44:19:b6:00:00:01</macAddress><channelID>2</channelID>
      <dateTime>{at}</dateTime><activePostCount>1</activePostCount>
      <eventType>{kind}</eventType><eventState>{state}</eventState>
      <eventDescription>{kind} alarm</eventDescription><channelName>Fence</channelName>
      <DetectionRegionList><DetectionRegionEntry><regionID>3</regionID>
        <detectionTarget>human</detectionTarget></DetectionRegionEntry></DetectionRegionList>
    </EventNotificationAlert>""".encode()


def one(body: bytes, kind: str = XML) -> VendorMessage:
    (found,) = messages(body, kind).messages
    return found


def north(**zone: Any) -> dict[str, SiteConfig]:
    site = Site(
        site_id="north",
        timezone="Europe/Berlin",
        devices=(Device(device_id="nvr-1", kind="nvr", address="http://192.0.2.10"),),
        cameras=(
            Camera(camera_id="gate", name="Gate", nvr_id="nvr-1", stream="rtsp://192.0.2.10/a"),
            Camera(
                camera_id="fence",
                nvr_id="nvr-1",
                stream="rtsp://192.0.2.10:554/Streaming/Channels/201",
            ),
        ),
        zones=(Zone(zone_id="yard", camera_ids=("gate", "fence"), **zone),),
    )
    return {"north": SiteConfig(site, 1)}


def test_hikvision_xml() -> None:
    assert one(hik()) == VendorMessage(
        vendor="hikvision",
        kind="linedetection",
        state=State.STARTED,
        at=datetime.fromisoformat("2026-03-02T10:00:00+01:00"),
        channel=2,
        channel_name="Fence",
        address="192.0.2.10",
        rule="3",
        target="human",
        sequence="1",
    )


def test_hikvision_xml_becomes_an_event() -> None:
    event = to_cv(one(hik()), Named(), north())
    assert event is not None
    assert (event.site_id, event.camera_id, event.zone_id) == ("north", "fence", "yard")
    assert (event.event_type, event.label, event.vendor) == ("line_crossing", "person", "hikvision")
    assert event.labels == {"vendor_type": "linedetection", "rule": "3", "channel": "2"}
    assert event.confidence is None


@pytest.mark.parametrize(
    ("kind", "state", "found"),
    [
        ("videoloss", "inactive", State.HEARTBEAT),  # ISAPI's keep-alive
        ("heartBeat", "active", State.HEARTBEAT),
        ("videoloss", "active", State.STARTED),  # a true loss is a device's event
        ("VMD", "active", State.STARTED),
        ("VMD", "inactive", State.ENDED),
    ],
)
def test_hikvision_states(kind: str, state: str, found: State) -> None:
    assert one(hik(kind, state)).state is found


@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        ("VMD", "motion"),
        ("fielddetection", "intrusion"),
        ("CrossLineDetection", "line_crossing"),
        ("SomethingNew", "SomethingNew"),  # kept as its own text
        ("x" * 90, "x" * 63),
    ],
)
def test_types(kind: str, ours: str) -> None:
    event = to_cv(one(hik(kind)), Named(), north())
    assert event is not None
    assert event.event_type == ours


def test_what_is_about_the_device_is_a_devices_event_and_ends() -> None:
    began = to_cv(one(hik("tamperdetection")), Named(), north())
    ended = to_cv(one(hik("tamperdetection", "inactive")), Named(), north())
    assert began is not None
    assert ended is not None
    assert (began.device_id, began.zone_id, began.severity) == ("fence", None, Severity.HIGH)
    assert (began.ended, ended.ended) == (False, True)
    assert began.event_id != ended.event_id
    assert to_cv(one(hik("VMD", "inactive")), Named(), north()) is None


PUSH = {
    "Code": "CrossRegionDetection",
    "Action": "Start",
    "Index": 1,
    "IPAddress": "192.0.2.10",
    "Data": {
        "RealUTC": 1772445600,
        "UTCMS": 250,
        "Name": "IVS-1",
        "Object": {"ObjectType": "Vehicle", "BoundingBox": [1, 2, 3, 4]},
    },
}


@pytest.mark.parametrize(
    "raw",
    [PUSH, {"Events": [{k: v for k, v in PUSH.items() if k != "IPAddress"}], **PUSH}],
)
def test_dahua_json(raw: dict[str, Any]) -> None:
    found = one(msgspec.json.encode(raw), "application/json")
    assert found.at == datetime(2026, 3, 2, 10, 0, 0, 250_000, tzinfo=UTC)
    assert (found.channel, found.rule, found.target) == (2, "IVS-1", "Vehicle")
    event = to_cv(found, Named(), north(labels=("truck", "person")))
    assert event is not None
    assert (event.camera_id, event.event_type) == ("fence", "intrusion")
    # The vendor knows only vehicles: the zone's own word for one, so that it is not dropped.
    assert event.label == "truck"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"Code=VideoMotion;action=Start;index=0", [("VideoMotion", State.STARTED, 1)]),
        (b"Code=VideoMotion;action=Stop;index=3", [("VideoMotion", State.ENDED, 4)]),
        (b"Heartbeat", [("Heartbeat", State.HEARTBEAT, None)]),
        (b"Code%3DVideoBlind%3Baction%3DPulse%3Bindex%3D1", [("VideoBlind", State.STARTED, 2)]),
        (
            b'Code=A;action=Start;index=0;data={"Name":"} ; Code=B", "l":[{}]}\r\n'
            b"Code=C;action=Pulse;index=1",
            [("A", State.STARTED, 1), ("C", State.STARTED, 2)],
        ),
    ],
)
def test_the_event_managers_lines(body: bytes, wanted: list[tuple[str, State, int | None]]) -> None:
    found = [m for m in messages(body, "text/plain").messages if m.kind != "B"]
    assert [(m.kind, m.state, m.channel) for m in found] == wanted


def test_local_time_is_the_sites() -> None:
    body = b'Code=VideoMotion;action=Start;index=1;data={"LocaleTime":"2026-03-02 11:00:00"}'
    found = one(body, "text/plain")
    event = to_cv(found, Named(camera_id="gate"), north())
    assert event is not None
    assert event.timestamp_utc == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


JPEG = bytes.fromhex("ffd8ffc0000b080010002001011100ffd9")


def multipart(*parts: tuple[str, bytes], mark: str = "MIME_boundary") -> tuple[bytes, str]:
    body = b"".join(
        f"--{mark}\r\nContent-Disposition: form-data; name=x\r\nContent-Type: {kind}\r\n"
        f"Content-Length: 7\r\n\r\n".encode()
        + data
        + b"\r\n"
        for kind, data in parts
    )
    return body + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


def test_multipart_has_its_event_and_its_pictures() -> None:
    body, kind = multipart(("application/xml", hik()), ("image/jpeg", JPEG), ("image/jpeg", b"no"))
    found = messages(body, kind)
    assert [m.kind for m in found.messages] == ["linedetection"]
    assert [(p.width, p.height, p.data) for p in found.pictures] == [(32, 16, JPEG)]


def test_a_parts_bytes_are_what_was_sent() -> None:
    data = bytes(range(256)) * 3
    body, kind = multipart(("image/jpeg", data), mark="--odd")
    assert [piece.data for piece in pieces(body, kind)] == [data]


@pytest.mark.parametrize(
    ("body", "kind", "problem", "says"),
    [
        (b"<a/>", XML, Invalid, "EventNotificationAlert"),
        (b"<EventNotificationAlert/>", XML, Invalid, "eventType"),
        (hik(at="yesterday"), XML, Invalid, "dateTime"),
        (b"", XML, MalformedBody, "not XML"),
        (b"<a><b></a>", XML, MalformedBody, "not XML"),
        (b"<a>" * 40 + b"</a>" * 40, XML, BodyTooDeep, "deeper"),
        (b"<a>" + b"<b/>" * 6000 + b"</a>", XML, BodyTooDeep, "5000 elements"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', XML, MalformedBody, "document type"),
        (
            b'<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><a/>',
            XML,
            MalformedBody,
            "document type",
        ),
        (b"hello", "text/plain", Invalid, "Code="),
        (b"\xff\xfe", "text/plain", MalformedBody, "UTF-8"),
        (b'{"Code":""}', "application/json", Invalid, "body.Code"),
        (b'{"Events":[]}', "application/json", Invalid, "body.Events"),
        (b'{"Events":[{"Action":"Start"}]}', "application/json", Invalid, "Events[0].Code"),
        (b'{"Code":"A","Data":{"UTC":1e300}}', "application/json", Invalid, "Data.UTC"),
        (b"x", "multipart/form-data", MalformedBody, "boundary"),
        (b"x", "multipart/form-data; boundary=a", MalformedBody, "no part"),
        (*multipart(("image/jpeg", JPEG)), MalformedBody, "no part with an event"),
        (*multipart(*[("application/xml", hik())] * 40), MalformedBody, "more than 32"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, kind: str, problem: type[Problem], says: str) -> None:
    with pytest.raises(problem) as caught:
        messages(body, kind)
    assert says in str(caught.value)


@given(st.binary(max_size=300), st.sampled_from([XML, "text/plain", "multipart/x; boundary=a"]))
def test_whatever_comes_is_read_or_refused(body: bytes, kind: str) -> None:
    with contextlib.suppress(Invalid, MalformedBody, BodyTooDeep):
        assert messages(body, kind).messages


@pytest.mark.parametrize(
    ("named", "problem", "says"),
    [
        (Named(site_id="west"), NotFound, "west"),
        (Named(camera_id="roof"), Invalid, "north/gate, north/fence"),
    ],
)
def test_a_place_that_is_not_clear(named: Named, problem: type[Problem], says: str) -> None:
    with pytest.raises(problem) as caught:
        to_cv(one(hik()), named, north())
    assert says in str(caught.value)


def test_a_camera_at_two_sites_and_one_with_two_zones() -> None:
    twice = {**north(), "south": SiteConfig(north()["north"].site, 1)}
    with pytest.raises(SiteAmbiguous) as caught:
        to_cv(one(hik()), Named(camera_id="gate"), twice)
    assert caught.value.document.sites == ("north", "south")
    site = north()["north"].site
    more = msgspec.structs.replace(
        site, zones=(*site.zones, Zone(zone_id="dock", camera_ids=("fence",)))
    )
    with pytest.raises(Invalid, match="yard, dock"):
        to_cv(one(hik()), Named(), {"north": SiteConfig(more, 1)})
    event = to_cv(one(hik()), Named(zone_id="dock"), {"north": SiteConfig(more, 1)})
    assert event is not None
    assert event.zone_id == "dock"


def test_the_same_message_again_has_the_same_id() -> None:
    first, second = one(hik()), one(hik())
    assert token(first, "fence") == token(second, "fence")
    assert token(first, "gate") != token(first, "fence")
    later = one(hik(at="2026-03-02T10:00:01+01:00"))
    assert token(later, "fence") != token(first, "fence")


@pytest.mark.parametrize("kind", [None, "", "image/png", "application/octet-stream", "text/html"])
def test_other_types_are_refused(kind: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        require_taken(kind)
