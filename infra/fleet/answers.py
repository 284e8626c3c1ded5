"""What the simulated devices say, by vendor: paths and bodies as their interfaces have them.

Written after the vendors' guides and what devices are known to answer, apart from the drivers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from xml.sax.saxutils import escape

from infra.fleet import media
from infra.fleet.device import Kind, SimDevice
from infra.fleet.script import FleetFault, Now

__all__ = ["Kind", "Said", "SimDevice", "answer_of"]

HIK: Final = 'version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema"'
ZONE: Final = timezone(timedelta(hours=-3))
"""The fleet stands in Brasília: a driver that forgets offsets is found out."""
DISK_MIB: Final = 3_815_447
"""A disk of 4 TB, as recorders count it."""
XML: Final = "application/xml"
SOAP: Final = "application/soap+xml; charset=utf-8"


@dataclass(frozen=True)
class Said:
    """An answer. body: the whole of it."""

    status: int
    body: bytes
    kind: str = XML


NOT_THERE: Final = Said(404, b"<html><body>404 Not Found</body></html>", "text/html")


def answer_of(
    device: SimDevice, method: str, path: str, body: bytes, now: Now, at: datetime
) -> Said:
    """What a device says. path: with its query. at: the time in UTC, before its own error."""
    clock = at + timedelta(seconds=now.clock_s)
    match device.kind:
        case "isapi":
            return _isapi(device, method, path, body, now, clock)
        case "dahua":
            return _dahua(device, method, path, now)
        case _:
            return _onvif(device, method, path, body, clock)


def _xml(body: str, status: int = 200) -> Said:
    return Said(status, b'<?xml version="1.0" encoding="UTF-8"?>\n' + body.encode())


def _isapi(
    device: SimDevice, method: str, path: str, body: bytes, now: Now, clock: datetime
) -> Said:
    local = clock.astimezone(ZONE)
    match method, path:
        case "GET", "/ISAPI/System/status":
            return _xml(
                f"<DeviceStatus {HIK}><currentDeviceTime>{local.isoformat(timespec='seconds')}"
                "</currentDeviceTime><deviceUpTime>86400</deviceUpTime><CPUList><CPU>"
                "<cpuDescription>2616.00</cpuDescription><cpuUtilization>17</cpuUtilization></CPU>"
                "</CPUList></DeviceStatus>"
            )
        case "GET", "/ISAPI/System/deviceInfo":
            model = "DS-7732NI-K4" if device.channels else "DS-2CD2043G2-I"
            return _xml(
                f"<DeviceInfo {HIK}><deviceName>{escape(device.device_id)}</deviceName>"
                f"<model>{model}</model><serialNumber>SIM{device.port:08d}</serialNumber>"
                "<firmwareVersion>V4.31.102</firmwareVersion></DeviceInfo>"
            )
        case "GET", "/ISAPI/Security/adminAccesses":
            return _xml(media.isapi_accesses(device, HIK))
        case "GET", "/ISAPI/ContentMgmt/Storage":
            state = "error" if FleetFault.DISK_FAILED in now.kinds else "ok"
            free = 0 if FleetFault.DISK_FULL in now.kinds else DISK_MIB // 2
            return _xml(
                f'<storage {HIK}><hddList size="1"><hdd><id>1</id><hddName>hdd1</hddName>'
                f"<hddType>SATA</hddType><status>{state}</status><capacity>{DISK_MIB}</capacity>"
                f"<freeSpace>{free}</freeSpace><property>RW</property></hdd></hddList>"
                '<nasList size="0"/></storage>'
            )
    if not device.channels:
        return _not_supported(path)
    match method, path:
        case "GET", "/ISAPI/ContentMgmt/InputProxy/channels/status":
            rows = "".join(
                f"<InputProxyChannelStatus><id>{n}</id><sourceInputPortDescriptor>"
                f"<proxyProtocol>HIKVISION</proxyProtocol><ipAddress>192.0.2.{n % 250}</ipAddress>"
                f"</sourceInputPortDescriptor><online>{str(n not in now.lost).lower()}</online>"
                "</InputProxyChannelStatus>"
                for n in range(1, device.channels + 1)
            )
            return _xml(f"<InputProxyChannelStatusList {HIK}>{rows}</InputProxyChannelStatusList>")
        case "GET", "/ISAPI/ContentMgmt/InputProxy/channels":
            return _xml(media.isapi_channels(device, HIK))
        case "GET", "/ISAPI/ContentMgmt/record/tracks":
            return _xml(_tracks(device))
        case "POST", "/ISAPI/ContentMgmt/search":
            return _search(body, now)
    return _not_supported(path)


def _not_supported(path: str) -> Said:
    return _xml(
        f"<ResponseStatus {HIK}><requestURL>{escape(path)}</requestURL><statusCode>4</statusCode>"
        "<statusString>Invalid Operation</statusString><subStatusCode>notSupport</subStatusCode>"
        "</ResponseStatus>",
        403,
    )


def _tracks(device: SimDevice) -> str:
    week = "".join(
        f"<ScheduleAction><id>{n}</id><ScheduleActionStartTime><DayOfWeek>{day}</DayOfWeek>"
        "<TimeOfDay>00:00:00</TimeOfDay></ScheduleActionStartTime><ScheduleActionEndTime>"
        f"<DayOfWeek>{day}</DayOfWeek><TimeOfDay>24:00:00</TimeOfDay></ScheduleActionEndTime>"
        "<Actions><Record>true</Record><ActionRecordingMode>CMR</ActionRecordingMode></Actions>"
        "</ScheduleAction>"
        for n, day in enumerate(
            ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), 1
        )
    )
    rows = "".join(
        f"<Track><id>{n}01</id><Channel>{n}</Channel><Enable>true</Enable>"
        "<DefaultRecordingMode>CMR</DefaultRecordingMode><TrackSchedule><ScheduleBlockList>"
        f"<ScheduleBlock>{week}</ScheduleBlock></ScheduleBlockList></TrackSchedule></Track>"
        for n in range(1, device.channels + 1)
    )
    return f'<TrackList version="1.0" xmlns="urn:psialliance-org">{rows}</TrackList>'


def _search(body: bytes, now: Now) -> Said:
    track = re.search(rb"<trackID>(\d{3,6})</trackID>", body)
    start = re.search(rb"<startTime>([0-9TZ:-]{20})</startTime>", body)
    end = re.search(rb"<endTime>([0-9TZ:-]{20})</endTime>", body)
    if track is None or start is None or end is None:
        return _not_supported("/ISAPI/ContentMgmt/search")
    if int(track[1]) // 100 in now.unrecorded:
        told, items = "NO MATCHES", ""
    else:
        told = "OK"
        items = (
            f"<searchMatchItem><trackID>{track[1].decode()}</trackID><timeSpan>"
            f"<startTime>{start[1].decode()}</startTime><endTime>{end[1].decode()}</endTime>"
            "</timeSpan></searchMatchItem>"
        )
    return _xml(
        f"<CMSearchResult {HIK}><responseStatus>true</responseStatus>"
        f"<responseStatusStrg>{told}</responseStatusStrg><matchList>{items}</matchList>"
        "</CMSearchResult>"
    )


def _dahua_model(device: SimDevice) -> str:
    return "DHI-NVR5216-16P" if device.channels else "IPC-HFW2431S"


def _dahua(device: SimDevice, method: str, path: str, now: Now) -> Said:
    text = "text/plain;charset=utf-8"
    match method, path:
        case "GET", "/cgi-bin/magicBox.cgi?action=getSystemInfo":
            kind = _dahua_model(device)
            said = f"appAutoStart=true\r\ndeviceType={kind}\r\nhardwareVersion=1.00\r\n"
            return Said(200, f"{said}serialNumber=SIM{device.port:08d}\r\n".encode(), text)
        case "GET", "/cgi-bin/magicBox.cgi?action=getMachineName":
            return Said(200, f"name={device.device_id}\r\n".encode(), text)
        case "GET", "/cgi-bin/magicBox.cgi?action=getSerialNo":
            return Said(200, f"sn=SIM{device.port:08d}\r\n".encode(), text)
        case "GET", "/cgi-bin/magicBox.cgi?action=getDeviceType":
            return Said(200, f"type={_dahua_model(device)}\r\n".encode(), text)
        case "GET", "/cgi-bin/magicBox.cgi?action=getSoftwareVersion":
            return Said(200, b"version=4.001.0000000.1,build:2021-09-13\r\n", text)
        case "GET", "/cgi-bin/configManager.cgi?action=getConfig&name=RTSP":
            return Said(200, f"table.RTSP.Port={device.rtsp_port or 554}\r\n".encode(), text)
        case "GET", "/cgi-bin/storageDevice.cgi?action=getDeviceAllInfo":
            used = 4e12 if FleetFault.DISK_FULL in now.kinds else 2e12
            bad = FleetFault.DISK_FAILED in now.kinds
            return Said(
                200,
                f"list.info[0].Detail[0].IsError={str(bad).lower()}\r\n"
                "list.info[0].Detail[0].Path=/mnt/dvr/sda0\r\n"
                "list.info[0].Detail[0].TotalBytes=4000000000000.000000\r\n"
                "list.info[0].Detail[0].Type=ReadWrite\r\n"
                f"list.info[0].Detail[0].UsedBytes={used:.6f}\r\n"
                "list.info[0].Name=/dev/sda\r\n"
                f"list.info[0].State={'Error' if bad else 'Success'}\r\n".encode(),
                text,
            )
    if not device.channels:
        return Said(400, b"Error\r\nBad Request!\r\n", text)
    numbers = range(device.channels)
    match method, path:
        case "POST", "/cgi-bin/api/LogicDeviceManager/getCameraState":
            states = [
                {"channel": n, "connectionState": "Unconnect" if n + 1 in now.lost else "Connected"}
                for n in numbers
            ]
            return Said(200, json.dumps({"states": states}).encode(), "application/json")
        case "GET", "/cgi-bin/configManager.cgi?action=getConfig&name=ChannelTitle":
            return Said(200, media.dahua_titles(device).encode(), text)
        case "GET", "/cgi-bin/configManager.cgi?action=getConfig&name=RecordMode":
            lines = (
                f"table.RecordMode[{n}].Mode={2 if n + 1 in now.unrecorded else 0}\r\n"
                for n in numbers
            )
            return Said(200, "".join(lines).encode(), text)
    return Said(400, b"Error\r\nBad Request!\r\n", text)


_ENVELOPE: Final = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
    'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:ter="http://www.onvif.org/ver10/error">'
    "<s:Body>{}</s:Body></s:Envelope>"
)


def _soap(body: str, status: int = 200) -> Said:
    return Said(status, _ENVELOPE.format(body).encode(), SOAP)


def _onvif(device: SimDevice, method: str, path: str, body: bytes, clock: datetime) -> Said:
    if method != "POST" or path not in ("/onvif/device_service", media.MEDIA):
        return NOT_THERE
    if path != media.MEDIA and b"GetSystemDateAndTime" in body:
        at = clock.astimezone(UTC)
        return _soap(
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>"
            "<tt:DateTimeType>NTP</tt:DateTimeType><tt:UTCDateTime><tt:Time>"
            f"<tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute>"
            f"<tt:Second>{at.second}</tt:Second></tt:Time><tt:Date><tt:Year>{at.year}</tt:Year>"
            f"<tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day></tt:Date></tt:UTCDateTime>"
            "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )
    if not _token_holds(device, body, clock):
        return _soap(
            "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized"
            '</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en">Sender not Authorized'
            "</s:Text></s:Reason></s:Fault>",
            400,
        )
    if path == media.MEDIA:
        said = media.media_answer(device, body)
        if said is not None:
            return _soap(said)
    elif b"GetServices" in body:
        return _soap(media.services(device))
    elif b"GetDeviceInformation" in body:
        return _soap(
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>Simulated</tds:Manufacturer>"
            "<tds:Model>SIM-4</tds:Model><tds:FirmwareVersion>1.2.3</tds:FirmwareVersion>"
            f"<tds:SerialNumber>SIM{device.port:08d}</tds:SerialNumber>"
            "<tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>"
        )
    return _soap(
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>ter:ActionNotSupported"
        "</s:Value></s:Subcode></s:Code></s:Fault>",
        500,
    )


STALE: Final = timedelta(seconds=5)
"""A token that is further from the device's own clock is refused, as many devices do."""


def _token_holds(device: SimDevice, body: bytes, clock: datetime) -> bool:
    def of(name: bytes) -> bytes:
        found = re.search(rb"<(?:\w+:)?" + name + rb"(?: [^>]{0,300})?>([^<]{1,300})</", body)
        return found[1] if found else b""

    created = of(b"Created")
    try:
        nonce = base64.b64decode(of(b"Nonce"), validate=True)
        at = datetime.fromisoformat(created.decode())
    except ValueError:
        return False
    told = hashlib.sha1(nonce + created + device.password.encode(), usedforsecurity=False)
    return (
        at.tzinfo is not None
        and abs(at - clock) <= STALE
        and of(b"Username") == device.username.encode()
        and hmac.compare_digest(base64.b64encode(told.digest()), of(b"Password"))
    )
