"""What simulated devices say of their streams and channels: ONVIF's media service, vendors' lists.

The streams themselves are `infra.fleet.rtsp`'s; a device that has none names the port 554.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from infra.fleet.device import SimDevice

__all__ = [
    "MEDIA",
    "dahua_titles",
    "isapi_accesses",
    "isapi_channels",
    "media_answer",
    "services",
    "stream_paths",
]

MEDIA: Final = "/onvif/media_service"
NAMES: Final = ("main", "sub")
SIZES: Final = {"main": (1920, 1080), "sub": (640, 360)}
_TOKEN: Final = re.compile(rb"<(?:\w+:)?ProfileToken(?: [^>]{0,300})?>([^<]{1,100})</")


def stream_paths(device: SimDevice) -> list[str]:
    """The paths of a device's streams, without a slash in front; a Dahua's have a query as well."""
    numbers = range(1, device.channels + 1)
    match device.kind:
        case "isapi":
            return [f"Streaming/Channels/{n}0{k}" for n in numbers or (1,) for k in (1, 2)]
        case "dahua":
            return ["cam/realmonitor"]
        case _:
            return [_path(device, *profile) for profile in _profiles(device)]


def _profiles(device: SimDevice) -> Iterator[tuple[int, str]]:
    """Channel (from 1) and name of each profile."""
    for channel in range(1, max(1, device.channels) + 1):
        for name in NAMES:
            yield channel, name


def _path(device: SimDevice, channel: int, name: str) -> str:
    return f"{device.device_id}/{channel}/{name}"


def _host(device: SimDevice) -> str:
    return device.names_host or "127.0.0.1"


def services(device: SimDevice) -> str:
    """GetServicesResponse: each with its address."""
    base = f"http://{_host(device)}:{device.port}"
    rows = "".join(
        f"<tds:Service><tds:Namespace>{space}</tds:Namespace><tds:XAddr>{base}{path}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for space, path in (
            ("http://www.onvif.org/ver10/device/wsdl", "/onvif/device_service"),
            ("http://www.onvif.org/ver10/media/wsdl", MEDIA),
        )
    )
    return f"<tds:GetServicesResponse>{rows}</tds:GetServicesResponse>"


def media_answer(device: SimDevice, body: bytes) -> str | None:
    """The body of an answer of the media service; None for what it does not have."""
    if b"GetProfiles" in body:
        rows = "".join(_profile(channel, name) for channel, name in _profiles(device))
        return f"<trt:GetProfilesResponse>{rows}</trt:GetProfilesResponse>"
    if b"GetStreamUri" in body:
        asked = _TOKEN.search(body)
        for channel, name in _profiles(device):
            if asked is not None and asked[1].decode("latin-1") == f"p{channel}-{name}":
                port = device.rtsp_port or 554
                uri = f"rtsp://{_host(device)}:{port}/{_path(device, channel, name)}"
                return (
                    f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{escape(uri)}</tt:Uri>"
                    "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
                    "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
                    "<tt:Timeout>PT60S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
                )
    return None


def _profile(channel: int, name: str) -> str:
    width, height = SIZES[name]
    source = quoteattr(f"vsc{channel}")
    return (
        f'<trt:Profiles token="p{channel}-{name}" fixed="true"><tt:Name>{name}</tt:Name>'
        f"<tt:VideoSourceConfiguration token={source}><tt:Name>source {channel}</tt:Name>"
        f"<tt:UseCount>2</tt:UseCount><tt:SourceToken>source{channel}</tt:SourceToken>"
        f'<tt:Bounds x="0" y="0" width="1920" height="1080"/></tt:VideoSourceConfiguration>'
        f'<tt:VideoEncoderConfiguration token="ve{channel}-{name}"><tt:Name>{name}</tt:Name>'
        "<tt:UseCount>1</tt:UseCount><tt:Encoding>H264</tt:Encoding>"
        f"<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height>"
        "</tt:Resolution><tt:Quality>5</tt:Quality><tt:Multicast><tt:Address>"
        "<tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
        "<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
        "<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration>"
        "</trt:Profiles>"
    )


def isapi_accesses(device: SimDevice, attributes: str) -> str:
    """AdminAccessProtocolList: where its protocols listen."""
    return (
        f"<AdminAccessProtocolList {attributes}><AdminAccessProtocol><id>1</id>"
        "<enabled>true</enabled><protocol>HTTP</protocol>"
        f"<portNo>{device.port}</portNo></AdminAccessProtocol><AdminAccessProtocol><id>4</id>"
        f"<enabled>true</enabled><protocol>RTSP</protocol><portNo>{device.rtsp_port or 554}"
        "</portNo></AdminAccessProtocol></AdminAccessProtocolList>"
    )


def isapi_channels(device: SimDevice, attributes: str) -> str:
    """InputProxyChannelList: the cameras on a recorder, with their names."""
    rows = "".join(
        f"<InputProxyChannel><id>{n}</id><name>Camera {n:02d}</name></InputProxyChannel>"
        for n in range(1, device.channels + 1)
    )
    return f"<InputProxyChannelList {attributes}>{rows}</InputProxyChannelList>"


def dahua_titles(device: SimDevice) -> str:
    """The channels' names, from 0."""
    return "".join(
        f"table.ChannelTitle[{n}].Name=Camera {n + 1:02d}\r\n" for n in range(device.channels)
    )
