"""A device's request: which messages are in it, and which pictures. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from agents.capture.sources.base import CorruptFrameError
from agents.capture.sources.headers import picture_size
from agents.runtime.configuration import SiteConfig
from api.body import parse as parse_json
from api.event.schemas import CvEvent
from api.event.vendors import dahua, hikvision, multipart, words, xml
from api.event.vendors.message import State, VendorMessage, token
from api.event.vendors.place import Named, locate, locate_input
from api.problems import BodyTooLarge, MalformedBody, UnsupportedMediaType

__all__ = [
    "MAX_BYTES",
    "Picture",
    "Taken",
    "is_vendor_json",
    "limit_of",
    "messages",
    "require_taken",
    "to_cv",
]

MAX_BYTES: Final = 8 * 1_048_576
"""Of a multipart body: an event and a few pictures."""
MAX_TEXT: Final = 262_144
"""Of XML and of the event manager's lines."""
MAX_PICTURES: Final = 4
MAX_PICTURE: Final = 3 * 1_048_576
"""A record on camera.snapshots.v1 may have 4 MiB, headers and all."""
JSON_BYTES: Final = 1_048_576

XML: Final = frozenset({"application/xml", "text/xml"})
LINES: Final = frozenset({"text/plain", "application/x-www-form-urlencoded"})


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG that came with an event; width and height in pixels."""

    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What is in a request."""

    messages: tuple[VendorMessage, ...]
    pictures: tuple[Picture, ...] = ()


def _kind(content_type: str | None) -> str:
    return (content_type or "").split(";", 1)[0].strip().lower()


def is_json(content_type: str | None) -> bool:
    """Whether the type is JSON."""
    kind = _kind(content_type)
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def require_taken(content_type: str | None) -> None:
    """Raise UnsupportedMediaType for what no device sends.

    Pages of other origins can send some of these types without asking; the guard in front of every
    request refuses them by their origin.
    """
    kind = _kind(content_type)
    if is_json(content_type) or kind in XML | LINES or kind.startswith("multipart/"):
        return
    raise UnsupportedMediaType(
        "Send JSON, Hikvision's XML (application/xml), multipart with either, or Dahua's and "
        "Intelbras' lines (text/plain)."
    )


def limit_of(content_type: str | None) -> int:
    """How many bytes a body of that type may have."""
    kind = _kind(content_type)
    if kind.startswith("multipart/"):
        return MAX_BYTES
    return MAX_TEXT if kind in XML | LINES else JSON_BYTES


def is_vendor_json(raw: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a vendor's own, and not ours."""
    return hikvision.is_json(raw) or dahua.is_json(raw)


def messages(body: bytes, content_type: str | None) -> Taken:
    """The messages of a request that is not our own JSON.

    Raises Invalid, MalformedBody, BodyTooDeep and BodyTooLarge.
    """
    kind = _kind(content_type)
    if not kind.startswith("multipart/"):
        return Taken(tuple(_of(body, kind)))
    found: list[VendorMessage] = []
    pictures: list[Picture] = []
    for piece in multipart.pieces(body, content_type or ""):
        if piece.kind.startswith("image/") or piece.data.startswith(b"\xff\xd8"):
            picture = _picture(piece.data)
            if picture is not None and len(pictures) < MAX_PICTURES:
                pictures.append(picture)
        elif piece.data.strip():
            if len(piece.data) > MAX_TEXT:
                raise BodyTooLarge(MAX_TEXT)
            found += _of(piece.data, piece.kind)
    if not found:
        raise MalformedBody("The body has no part with an event in it.")
    return Taken(tuple(found), tuple(pictures))


def _of(data: bytes, kind: str) -> list[VendorMessage]:
    """By what it begins with: devices give XML and JSON the wrong type."""
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"<":
        return [hikvision.from_xml(xml.parse(data.lstrip(b"\xef\xbb\xbf \t\r\n")))]
    if start == b"{":
        raw = parse_json(data)
        return of_json(raw)
    if kind in XML:
        raise MalformedBody("The body is not XML: it has no element.")
    try:
        return dahua.from_text(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not text in UTF-8.") from error


def of_json(raw: Mapping[str, Any]) -> list[VendorMessage]:
    """The messages in a vendor's JSON. Raises Invalid."""
    if hikvision.is_json(raw):
        return [hikvision.from_json(raw)]
    return dahua.from_json(raw)


def _picture(data: bytes) -> Picture | None:
    """A JPEG that can be kept; anything else is left out, and the event goes on without it."""
    if not data.startswith(b"\xff\xd8") or len(data) > MAX_PICTURE:
        return None
    try:
        width, height = picture_size(data)
    except CorruptFrameError:
        return None
    return Picture(data, width, height)


def to_cv(message: VendorMessage, named: Named, sites: Mapping[str, SiteConfig]) -> CvEvent | None:
    """The message as an event of ours; None where there is nothing to tell: a zone's that ended.

    An alarm input is the device's that has it, and ends; with a zone in the address it is that
    zone's, and its schedule says when it matters. Raises NotFound, SiteAmbiguous and Invalid where
    its camera, its device or its zone is not clear.
    """
    kind = _clean(words.event_type(message.kind))
    if kind == words.INPUT and named.zone_id is None:
        return _input(message, named, sites)
    severity = words.DEVICE_TYPES.get(kind)
    ended = message.state is State.ENDED
    if ended and severity is None:
        return None
    place = locate(message, named, sites, zone=severity is None)
    config = sites[place.site_id]
    at = _utc(message.at, config)
    asked = config.zones.get(place.zone_id or "")
    target = message.target or words.target_of_kind(message.kind)
    label = words.label_of(target, asked.labels if asked is not None else ())
    labels = {"vendor_type": message.kind[:200]}
    if message.rule is not None:
        labels["rule"] = message.rule[:200]
    if message.channel is not None:
        labels["channel"] = str(message.channel)
    if message.input is not None:
        labels["input"] = str(message.input)
    event = CvEvent(
        event_type=kind,
        vendor=message.vendor,
        site_id=place.site_id,
        camera_id=place.camera_id,
        zone_id=place.zone_id,
        device_id=None if severity is None else place.camera_id,
        severity=severity,
        ended=ended,
        timestamp_utc=at,
        label=None if label is None else _clean(label),
        event_id=None if at is None else token(message, place.camera_id),
        labels={name: _clean(value) for name, value in labels.items()},
    )
    return event


def _input(message: VendorMessage, named: Named, sites: Mapping[str, SiteConfig]) -> CvEvent:
    """An alarm input's change, as an event of the device that has it."""
    site_id, device_id = locate_input(message, named, sites)
    config = sites[site_id]
    at = _utc(message.at, config)
    labels = {"vendor_type": message.kind[:200]}
    if message.input is not None:
        labels["input"] = str(message.input)
    if message.rule is not None:
        labels["input_name"] = message.rule[:200]
    return CvEvent(
        event_type=words.input_type(message.input),
        vendor=message.vendor,
        site_id=site_id,
        device_id=device_id,
        severity=words.INPUT_SEVERITY,
        ended=message.state is State.ENDED,
        timestamp_utc=at,
        event_id=None if at is None else token(message, device_id),
        labels={name: _clean(value) for name, value in labels.items()},
    )


def _utc(at: datetime | None, config: SiteConfig) -> datetime | None:
    """A naive time is the device's own wall clock, at its site."""
    if at is None or at.tzinfo is not None:
        return at
    return at.replace(tzinfo=ZoneInfo(config.site.timezone or "UTC")).astimezone(UTC)


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
