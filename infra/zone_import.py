"""Zones of an EZ-WATCH relay (`zones.yaml`, `ZONE_CONFIG_JSON`) as a site document. Pure.

Such a relay knows zones with their cameras, schedules and windows, and destinations by name. It
asks for no confidence and no label, so neither do the zones that come of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from schemas.base import Severity
from schemas.document import (
    Camera,
    Channel,
    Document,
    Receiver,
    Route,
    Routing,
    Schedule,
    Site,
    Window,
    Zone,
)
from schemas.document_reader import DocumentError, dump, examine
from schemas.reading import tree
from schemas.reading.problems import Problems, shown
from schemas.reading.sites import DAYS
from schemas.reading.tree import Mapping, Node, Scalar, Sequence

__all__ = ["Imported", "read_zones"]

FIELDS: Final = (
    "zone_id",
    "site_id",
    "camera_ids",
    "severity",
    "active_schedule",
    "alert_destinations",
    "suppression_window_sec",
    "dedupe_window_sec",
    "enabled",
    "name",
    "description",
)
SEVERITIES: Final = ("critical", "high", "medium", "low", "info")
LONG_DAYS: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
MAX_WINDOW_S: Final = 86_400


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What came of a file. notes: what a person should look at."""

    document: Document
    zones: int
    notes: tuple[str, ...]


def read_zones(
    data: bytes,
    *,
    file: str,
    site: str | None = None,
    timezone: str | None = None,
    current: Document | None = None,
) -> Imported:
    """The site document of those zones.

    site: for zones that name none. timezone: of sites that are new. current: what is in force:
    sites, cameras and receivers that are there already stay as they are, and a zone of the same id
    is replaced. Raises DocumentError with every problem, each at its line and by its field.
    """
    problems = Problems(file)
    root = tree.parse(data, problems)
    reader = _Reader(problems, site)
    zones = [] if root is None else reader.zones(root)
    if not zones and not problems.found:
        problems.add(0, "there are no zones in it")
    if problems.found:
        raise DocumentError(problems.sorted())
    document, notes = _document(zones, timezone, current or Document())
    # What fields mean together is checked as `apply` checks it, by the document's own rules.
    checked = examine(dump(document), file="the site document that comes of it")
    if checked.document is None:
        raise DocumentError(checked.problems)
    return Imported(document=checked.document, zones=len(zones), notes=tuple(notes))


class _Reader:
    """Reads zones, and notes what is wrong by the field's path."""

    def __init__(self, problems: Problems, site: str | None) -> None:
        self._problems = problems
        self._site = site

    def zones(self, root: Node) -> list[tuple[str, Zone]]:
        """Each zone with its site: of a list, of `zones:` with one, or of a mapping by id."""
        if isinstance(root, Mapping):
            inner = _get(root, "zones")
            if inner is not None:
                return self.zones(inner)
            if _get(root, "zone_id") is None:
                return self._unique(
                    self._zone(node, key.text, key.text) for key, node in root.entries
                )
            return self._unique([self._zone(root, "zone", None)])
        if isinstance(root, Sequence):
            return self._unique(
                self._zone(node, f"zones[{number}]", None) for number, node in enumerate(root.items)
            )
        self._problems.add(root.line, "zones are a list, or a mapping from zone_id to its fields")
        return []

    def _unique(self, found: Iterable[tuple[str, Zone] | None]) -> list[tuple[str, Zone]]:
        kept: dict[tuple[str, str], tuple[str, Zone]] = {}
        for item in found:
            if item is None:
                continue
            key = (item[0], item[1].zone_id)
            if key in kept:
                self._problems.add(0, f"zone_id: {shown(key[1])} comes twice at site {key[0]}")
            kept[key] = item
        return list(kept.values())

    def _zone(self, node: Node, path: str, given: str | None) -> tuple[str, Zone] | None:
        if not isinstance(node, Mapping):
            self._wrong(node, path, "is no zone: a mapping of fields is")
            return None
        for key, _ in node.entries:
            if key.text not in FIELDS:
                self._problems.add(
                    key.line,
                    f"{path}: unknown field {shown(key.text)}."
                    + self._problems.known("fields", key.text, FIELDS),
                )
        zone_id = self._text(node, path, "zone_id", given)
        site_id = self._text(node, path, "site_id", self._site)
        cameras = self._texts(node, path, "camera_ids")
        if not cameras and _get(node, "camera_ids") is None:
            self._wrong(node, f"{path}.camera_ids", "is required: a list of the cameras' ids")
        severity = self._choice(node, path)
        zone = Zone(
            zone_id=zone_id or "",
            camera_ids=tuple(dict.fromkeys(cameras)),
            severity=severity,
            active_schedule=self._schedule(node, path),
            alert_destinations=tuple(dict.fromkeys(self._texts(node, path, "alert_destinations"))),
            suppression_window_sec=self._seconds(node, path, "suppression_window_sec"),
            dedupe_window_sec=self._seconds(node, path, "dedupe_window_sec"),
            min_confidence=0.0,
        )
        return (site_id or "", zone)

    def _wrong(self, node: Node, path: str, what: str) -> None:
        self._problems.add(node.line, f"{path}: {what}")

    def _text(self, node: Mapping, path: str, name: str, default: str | None) -> str | None:
        found = _get(node, name)
        if found is None:
            if default is None:
                hint = " (or give one for all with --site)" if name == "site_id" else ""
                self._wrong(node, f"{path}.{name}", f"is required{hint}")
            return default
        if not isinstance(found, Scalar) or found.null or not found.text.strip():
            self._wrong(found, f"{path}.{name}", "has to be a text")
            return None
        return found.text.strip()

    def _texts(self, node: Mapping, path: str, name: str) -> list[str]:
        found = _get(node, name)
        if found is None or (isinstance(found, Scalar) and found.null):
            return []
        if not isinstance(found, Sequence):
            self._wrong(found, f"{path}.{name}", "has to be a list, as in [a, b]")
            return []
        texts = []
        for number, item in enumerate(found.items):
            if isinstance(item, Scalar) and not item.null and item.text.strip():
                texts.append(item.text.strip())
            else:
                self._wrong(item, f"{path}.{name}[{number}]", "has to be a text")
        return texts

    def _choice(self, node: Mapping, path: str) -> Severity:
        found = _get(node, "severity")
        if found is None:
            return Severity.MEDIUM
        text = found.text.strip().lower() if isinstance(found, Scalar) else ""
        if text not in SEVERITIES:
            self._wrong(
                found,
                f"{path}.severity",
                f"{shown(text)} is none of these."
                + self._problems.known("values", text, SEVERITIES),
            )
            return Severity.MEDIUM
        return Severity(text)

    def _seconds(self, node: Mapping, path: str, name: str) -> float:
        found = _get(node, name)
        if found is None or (isinstance(found, Scalar) and found.null):
            return 0.0
        value = tree.number(found) if isinstance(found, Scalar) else None
        if value is None or not 0 <= value <= MAX_WINDOW_S:
            allowed = f"has to be a number of seconds, 0 to {MAX_WINDOW_S}"
            self._wrong(found, f"{path}.{name}", allowed)
            return 0.0
        return float(value)

    def _schedule(self, node: Mapping, path: str) -> Schedule:
        found = _get(node, "active_schedule")
        if found is None or (isinstance(found, Scalar) and found.null):
            return Schedule()
        here = f"{path}.active_schedule"
        if not isinstance(found, Mapping):
            self._wrong(found, here, "has to be a mapping with 'timezone' and 'windows'")
            return Schedule()
        timezone = None
        if _get(found, "timezone") is not None:
            timezone = self._text(found, here, "timezone", None)
        windows = _get(found, "windows")
        items: tuple[Node, ...] = windows.items if isinstance(windows, Sequence) else ()
        if windows is not None and not isinstance(windows, Sequence):
            self._wrong(windows, f"{here}.windows", "has to be a list")
        made = [
            window
            for number, item in enumerate(items)
            if (window := self._window(item, f"{here}.windows[{number}]")) is not None
        ]
        return Schedule(timezone=timezone, windows=tuple(made))

    def _window(self, node: Node, path: str) -> Window | None:
        if not isinstance(node, Mapping):
            self._wrong(node, path, "has to be a mapping with 'days', 'start' and 'end'")
            return None
        days = [self._day(text, node, path) for text in self._texts(node, path, "days")]
        if _get(node, "days") is None:
            days = list(DAYS)
        start = self._time(node, path, "start")
        end = self._time(node, path, "end")
        if start is None or end is None or not days:
            if not days:
                self._wrong(node, f"{path}.days", "has to name a day, as in [mon, tue]")
            return None
        return Window(days=tuple(dict.fromkeys(day for day in days if day)), start=start, end=end)

    def _day(self, text: str, node: Node, path: str) -> str:
        small = text.lower()
        if small in LONG_DAYS:
            return small[:3]
        if small not in DAYS:
            self._wrong(
                node,
                f"{path}.days",
                f"{shown(text)} is no day.{self._problems.known('days', small, DAYS)}",
            )
        return small

    def _time(self, node: Mapping, path: str, name: str) -> str | None:
        text = self._text(node, path, name, None)
        if text is None:
            return None
        hour, colon, minute = text.partition(":")
        digits = hour.isascii() and minute.isascii() and hour.isdecimal() and minute.isdecimal()
        if not colon or not digits or len(minute) != 2 or not _is_time(int(hour), int(minute)):
            found = _get(node, name)
            self._wrong(
                found if found is not None else node,
                f"{path}.{name}",
                f"{shown(text)} is no time of day; write HH:MM, 00:00 to 24:00",
            )
            return None
        return f"{int(hour):02d}:{minute}"


def _is_time(hour: int, minute: int) -> bool:
    return (hour <= 23 and minute <= 59) or (hour == 24 and minute == 0)


def _get(node: Mapping, name: str) -> Node | None:
    return next((value for key, value in node.entries if key.text == name), None)


def _document(
    zones: list[tuple[str, Zone]], timezone: str | None, current: Document
) -> tuple[Document, list[str]]:
    known = {site.site_id: site for site in current.sites}
    notes = []
    sites = []
    for site_id in dict.fromkeys(site for site, _ in zones):
        mine = [zone for site, zone in zones if site == site_id]
        before = known.get(site_id)
        sites.append(_site(before or Site(site_id=site_id, timezone=timezone), mine))
        had = _camera_ids(before) if before is not None else set()
        new = [c.camera_id for c in sites[-1].cameras if c.camera_id not in had]
        if new:
            notes.append(
                f"site {site_id}: cameras without a stream, whose own analytics are taken: "
                + ", ".join(new)
            )
    wanted = [name for _, zone in zones for name in zone.alert_destinations]
    routing, added = _routing(current.routing, wanted)
    notes += [
        f"receiver {name} only writes to the log: give it the channel that {name} was"
        for name in added
    ]
    return Document(sites=tuple(sites), routing=routing), notes


def _camera_ids(site: Site) -> set[str]:
    found = {camera.camera_id for camera in site.cameras}
    return found | {device.device_id for device in site.devices if device.kind == "camera"}


def _site(site: Site, zones: list[Zone]) -> Site:
    """The site with these zones, and the cameras that they name."""
    new = {zone.zone_id: zone for zone in zones}
    kept = [new.pop(zone.zone_id, zone) for zone in site.zones]
    known = _camera_ids(site)
    wanted = dict.fromkeys(camera for zone in zones for camera in zone.camera_ids)
    cameras = [Camera(camera_id=camera) for camera in wanted if camera not in known]
    return replace(site, zones=(*kept, *new.values()), cameras=(*site.cameras, *cameras))


def _routing(routing: Routing, destinations: list[str]) -> tuple[Routing, list[str]]:
    """The routing with a receiver for each destination, and the names that are new."""
    known = {receiver.name for receiver in routing.receivers}
    added = [name for name in dict.fromkeys(destinations) if name not in known]
    if not added:
        return routing, []
    receivers = tuple(Receiver(name=name, channels=(Channel(kind="log"),)) for name in added)
    route = routing.route or Route(receiver=added[0])
    return replace(routing, route=route, receivers=(*routing.receivers, *receivers)), added
