"""What the fuzzers begin with: true inputs, from which they make wrong ones."""

# ruff: noqa: E501 - as devices and people write them
from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from api.alert.repository import RankKey, TimeKey
from api.export.examples import AFTER
from api.paging import Cursor
from infra.fleet.answers import answer_of
from infra.fleet.device import Kind, SimDevice
from infra.fleet.discovery import matches
from infra.fleet.media import media_answer, services
from infra.fleet.script import Now
from infra.onboard.discovery import probe

__all__ = [
    "SEPARATOR",
    "answers",
    "cursors",
    "cv",
    "documents",
    "events",
    "headers",
    "matchers",
    "taken_on",
    "templates",
    "tokens",
]

SEPARATOR: Final = b"\n\x00\n"
"""Between the answers of one poll, in an input for a driver."""

AT: Final = datetime(2026, 3, 2, 22, 14, 7, tzinfo=UTC)
MESSAGE: Final = "urn:uuid:0a6dc791-2be6-4991-9af1-454778a1917a"

DOCUMENT: Final = b"""\
sites:
  - site_id: north
    name: North depot
    timezone: Europe/London
    notifications: {enabled: true, rate_limit_per_min: 3}
    devices:
      - {device_id: nvr-1, kind: nvr, name: Recorder, address: 10.0.0.2, driver: isapi}
    cameras:
      - {camera_id: gate, name: Gate, nvr_id: nvr-1, stream: rtsp://10.0.0.3/s, credentials: gate}
      - {camera_id: fence, stream: "sim:fence", detect_fps: 2}
    zones:
      - zone_id: yard
        camera_ids: [gate, fence]
        severity: high
        labels: [person]
        min_confidence: 0.6
        dedupe_window_sec: 60
        polygons: {gate: [[0.1, 0.2], [0.9, 0.2], [0.9, 1], [0.1, 1]]}
        active_schedule:
          timezone: Europe/Berlin
          windows: [{days: [fri, sat], start: 18:00, end: 06:00}, {days: [sun], start: "00:00", end: "24:00"}]
route:
  receiver: soc
  group_wait: 10s
  routes:
    - {matchers: ['severity="high"', 'camera=~"g.*"'], receiver: soc, continue: true}
receivers:
  - {name: soc, retry_for: 10m, channels: [{kind: webhook, url: "https://soc.example.org/hook"}, {kind: log}]}
templates:
  - {channel: log, subject: "{{ title }}", text: "{% for a in alerts %}{{ a.id }}{% endfor %}"}
silences:
  - {silence_id: works, matchers: ['camera="gate"'], starts_at: 2026-03-02T10:00:00Z, ends_at: 2026-03-02T12:00:00Z, created_by: kim, comment: painting}
"""

HIKVISION: Final = b"""\
<?xml version="1.0" encoding="UTF-8"?>
<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">
<ipAddress>192.0.2.10</ipAddress><portNo>80</portNo><channelID>2</channelID>
<dateTime>2026-03-02T10:00:00+01:00</dateTime><activePostCount>1</activePostCount>
<eventType>linedetection</eventType><eventState>active</eventState>
<channelName>Fence</channelName><DetectionRegionList><DetectionRegionEntry><regionID>3</regionID>
<detectionTarget>human</detectionTarget></DetectionRegionEntry></DetectionRegionList>
</EventNotificationAlert>"""
HIKVISION_JSON: Final = b'{"ipAddress":"192.0.2.10","channelID":2,"dateTime":"2026-03-02T10:00:00+01:00","eventType":"VMD","eventState":"active"}'
DAHUA_LINES: Final = (
    b'Code=CrossLineDetection;action=Start;index=0;data={"Name":"L1","Object":{"ObjectType":"Human"},'
    b'"UTC":1772445600}\r\nCode=AlarmLocal;action=Stop;index=1\r\nHeartbeat'
)
DAHUA_JSON: Final = (
    b'{"Code":"VideoMotion","Action":"Start","Index":0,"Data":{"LocaleTime":"2026-03-02 10:00:00"}}'
)
JPEG: Final = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xc0\x00\x11\x08\x01\x68\x02\x80\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xd9"
)
BOUNDARY: Final = b"boundary"
SOAP: Final = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    b'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
    b'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    b'xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>%b</s:Body></s:Envelope>'
)


def documents() -> list[bytes]:
    """Site documents, as YAML and as JSON."""
    return [
        DOCUMENT,
        b'{"sites":[{"site_id":"north","zones":[{"zone_id":"yard","camera_ids":[]}]}]}',
        b"sites: &a [*a]\n",
        b"sites: !!python/object:os.system {}\n",
        b"",
    ]


def events() -> list[bytes]:
    """What devices post, in each of their forms."""
    part = b"--%b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b\r\n"
    together = b"".join(
        part % (BOUNDARY, kind, len(data), data)
        for kind, data in ((b"application/xml", HIKVISION), (b"image/jpeg", JPEG))
    )
    return [
        HIKVISION,
        HIKVISION_JSON,
        DAHUA_LINES,
        DAHUA_JSON,
        b'{"Events":[' + DAHUA_JSON + b"]}",
        together + b"--" + BOUNDARY + b"--\r\n",
        JPEG,
        b"Heartbeat",
    ]


def cv() -> list[bytes]:
    """Our own JSON."""
    return [
        b'{"event_type":"intrusion","site_id":"north","camera_id":"gate","zone_id":"yard",'
        b'"timestamp_utc":"2026-03-02T22:14:07.4Z","confidence":0.91,"label":"person"}',
        b'{"event_type":"device_offline","site_id":"north","device_id":"nvr-1","severity":"critical",'
        b'"ended":true,"event_id":"a","labels":{"lane":"2"},"media":[[[]]],"raw_payload":null}',
    ]


def answers() -> list[bytes]:
    """What devices answer to a poll, and to whoever takes them on: several answers an input."""
    asked: dict[Kind, tuple[tuple[str, str], ...]] = {
        "isapi": (
            ("GET", "/ISAPI/System/status"),
            ("GET", "/ISAPI/System/deviceInfo"),
            ("GET", "/ISAPI/ContentMgmt/InputProxy/channels/status"),
            ("GET", "/ISAPI/ContentMgmt/Storage"),
            ("GET", "/ISAPI/ContentMgmt/record/tracks"),
            ("GET", "/ISAPI/ContentMgmt/InputProxy/channels"),
            ("GET", "/ISAPI/Security/adminAccesses"),
        ),
        "dahua": (
            ("GET", "/cgi-bin/magicBox.cgi?action=getSystemInfo"),
            ("GET", "/cgi-bin/magicBox.cgi?action=getSoftwareVersion"),
            ("GET", "/cgi-bin/configManager.cgi?action=getConfig&name=ChannelTitle"),
            ("POST", "/cgi-bin/api/LogicDeviceManager/getCameraState"),
        ),
        "onvif": (
            ("POST", "/onvif/device_service"),
            ("POST", "/onvif/media_service"),
        ),
    }
    found = []
    for kind, paths in asked.items():
        device = SimDevice(device_id="sim-1", kind=kind, port=8000, channels=2)
        bodies = [answer_of(device, *path, b"", Now(), AT).body for path in paths]
        found += [*bodies, SEPARATOR.join(bodies)]
    camera = SimDevice(device_id="sim-2", kind="onvif", port=8001)
    return [*found, *taken_on(camera), *matches(probe(MESSAGE), [camera])]


def taken_on(camera: SimDevice) -> list[bytes]:
    """What a camera answers to who takes it on, question by question, and all of it."""
    bodies = [
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>"
        "<tt:DateTimeType>NTP</tt:DateTimeType><tt:UTCDateTime><tt:Time><tt:Hour>22</tt:Hour>"
        "<tt:Minute>14</tt:Minute><tt:Second>7</tt:Second></tt:Time><tt:Date><tt:Year>2026</tt:Year>"
        "<tt:Month>3</tt:Month><tt:Day>2</tt:Day></tt:Date></tt:UTCDateTime>"
        "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>",
        "<tds:GetDeviceInformationResponse><tds:Manufacturer>Simulated</tds:Manufacturer>"
        "<tds:Model>SIM-4</tds:Model><tds:FirmwareVersion>1.2.3</tds:FirmwareVersion>"
        "<tds:SerialNumber>SIM1</tds:SerialNumber><tds:HardwareId>1</tds:HardwareId>"
        "</tds:GetDeviceInformationResponse>",
        services(camera),
        media_answer(camera, b"GetProfiles") or "",
    ]
    token = re.search(r'token="([^"]+)"', bodies[-1])
    assert token is not None
    asked = f"<GetStreamUri><ProfileToken>{token[1]}</ProfileToken></GetStreamUri>"
    bodies.append(media_answer(camera, asked.encode()) or "")
    answered = [SOAP % body.encode() for body in bodies]
    return [*answered, SEPARATOR.join(answered)]


def templates() -> list[bytes]:
    """Templates of notifications."""
    return [
        b"{{ title }}: {{ alerts | length }}",
        b"{% for a in alerts %}{{ a.id | upper }}{% if not loop.last %}, {% endif %}{% endfor %}",
        b"{{ ''.__class__.__mro__ }}",
        b"{% for a in alerts %}{% for b in alerts %}x{% endfor %}{% endfor %}",
        b"{{ (alerts | first).camera | default('?') | truncate(9) }}",
    ]


def cursors() -> list[bytes]:
    """Cursors and places to go on."""
    query = "0123456789abcdef"
    return [
        Cursor(query, TimeKey(AT, "x")).encode().encode(),
        Cursor(query, RankKey(72, "x")).encode().encode(),
        AFTER.encode(),
        b"north,nvr-1",
        b"30m",
    ]


def headers() -> list[bytes]:
    """Values of headers that mean something here."""
    return [
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b'W/"abc", "def", *',
        b"203.0.113.9, 2001:db8::1, ::ffff:10.0.0.1",
        b"br;q=1.0, gzip;q=0.5, *;q=0",
        b'Digest realm="x", nonce="abc\\"", qop="auth,auth-int", algorithm=SHA-256',
        b"Bearer abc.def.ghi",
        b'multipart/mixed; boundary="--x"',
        b"application/json; charset=utf-8",
        b"a-request-id",
    ]


def tokens() -> list[bytes]:
    """Access tokens, and what they claim."""
    claims = (
        b'{"iss":"watchfloor","aud":"watchfloor-api","sub":"a","sid":"s","jti":"j","amr":["password"],'
        b'"iat":1772489647,"nbf":1772489647,"exp":1772490247}'
    )
    return [
        claims,
        b"eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsifQ.e30.c2ln",
        b"eyJhbGciOiJub25lIn0.e30.",
        b"..",
    ]


def matchers() -> list[bytes]:
    """Matchers of routes."""
    return [
        b'severity="high"',
        b'camera=~"gate-[0-9]+|fence"',
        b'site!~"(a|b)*c{2,5}"',
        b'label!="a\\"b"',
        b'x=~"\\\\pL{1000}"',
    ]
