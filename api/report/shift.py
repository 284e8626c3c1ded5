"""A shift report from counted rows. Pure; `README.md` has the definitions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from agents.rank.verdicts import Verdict, verdict_of
from api.report.schemas import (
    CameraLine,
    HourLine,
    Precision,
    RuleLine,
    SeverityLine,
    ShiftReport,
)
from schemas.base import Severity

__all__ = ["Group", "Hour", "cameras", "hours", "judged", "rules", "severities", "to_csv"]

HOUR: Final = timedelta(hours=1)
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
Key = TypeVar("Key", bound=tuple[str | None, ...])


class Group(Struct, frozen=True, gc=False):
    """Alerts that are alike in what they are counted by."""

    site_id: str
    zone_id: str | None
    event_type: str
    camera_id: str | None
    resolution: str | None
    opened: int


class Hour(Struct, frozen=True, gc=False):
    """Alerts of one severity that were opened in hour `number`."""

    number: int
    severity: Severity
    opened: int


def judged(groups: Iterable[Group]) -> Precision:
    """How these alerts were judged, taken together."""
    counts: dict[Verdict | None, int] = dict.fromkeys((*Verdict, None), 0)
    for group in groups:
        counts[verdict_of(group.resolution)] += group.opened
    said = sum(counts[verdict] for verdict in Verdict)
    return Precision(
        opened=sum(counts.values()),
        true=counts[Verdict.TRUE],
        false=counts[Verdict.FALSE],
        benign=counts[Verdict.BENIGN],
        unjudged=counts[None],
        precision=round(counts[Verdict.TRUE] / said, 4) if said else None,
    )


def _by(pairs: Iterable[tuple[Key, Group]]) -> list[tuple[Key, Precision]]:
    """Judged by key, most alerts first."""
    found: dict[Key, list[Group]] = {}
    for key, group in pairs:
        found.setdefault(key, []).append(group)
    lines = [(key, judged(groups)) for key, groups in found.items()]
    lines.sort(key=lambda line: (-line[1].opened, [part or "" for part in line[0]]))
    return lines


def rules(groups: Iterable[Group]) -> tuple[RuleLine, ...]:
    """By zone and type."""
    lines = _by(((g.site_id, g.zone_id, g.event_type), g) for g in groups)
    return tuple(
        RuleLine(site_id=site, zone_id=zone, event_type=kind, **msgspec.structs.asdict(said))
        for (site, zone, kind), said in lines
    )


def cameras(groups: Iterable[Group]) -> tuple[CameraLine, ...]:
    """By camera."""
    lines = _by(((g.site_id, g.camera_id), g) for g in groups)
    return tuple(
        CameraLine(site_id=site, camera_id=camera, **msgspec.structs.asdict(said))
        for (site, camera), said in lines
    )


def hours(counted: Iterable[Hour], begin: datetime, end: datetime) -> tuple[HourLine, ...]:
    """Every hour from the beginning, those without alerts too."""
    number = int(-(-(end - begin) // HOUR))
    found = [dict.fromkeys(Severity, 0) for _ in range(number)]
    for hour in counted:
        found[min(hour.number, number - 1)][hour.severity] += hour.opened
    return tuple(
        HourLine(
            from_=begin + n * HOUR,
            opened=sum(of.values()),
            critical=of[Severity.CRITICAL],
            high=of[Severity.HIGH],
            medium=of[Severity.MEDIUM],
            low=of[Severity.LOW],
            info=of[Severity.INFO],
        )
        for n, of in enumerate(found)
    )


def severities(lines: Iterable[SeverityLine]) -> tuple[SeverityLine, ...]:
    """The worst first."""
    return tuple(sorted(lines, key=lambda line: -line.severity.rank))


def to_csv(report: ShiftReport) -> str:
    """The report as lines of `section,key,measure,value`."""
    out = io.StringIO()
    # The standard's own line end (RFC 4180), which is also csv's default.
    writer = csv.writer(out)
    writer.writerow(("section", "key", "measure", "value"))
    for line in _lines(report):
        writer.writerow([_cell(part) for part in line])
    return out.getvalue()


def _cell(value: object) -> str:
    """Text that no spreadsheet runs: types of events come from outside."""
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _lines(report: ShiftReport) -> Iterator[tuple[object, ...]]:
    yield "shift", "", "sites", " ".join(report.sites)
    for name, at in (("from", report.from_), ("to", report.to), ("at", report.at)):
        yield "shift", "", name, _time(at)
    yield from _measures("total", "", report.total)
    yield from _measures("precision", "", report.precision)
    yield "notifications", "", "sent", report.notifications
    for severity in report.severities:
        yield from _measures("severity", severity.severity.value, severity)
    for hour in report.hours:
        yield from _measures("hour", _time(hour.from_), hour)
    for rule in report.rules:
        key = f"{rule.site_id}/{rule.zone_id or ''}/{rule.event_type}"
        yield from _measures("rule", key, rule)
    for camera in report.cameras:
        yield from _measures("camera", f"{camera.site_id}/{camera.camera_id or ''}", camera)
    for channel in report.channels:
        yield from _measures("channel", channel.channel_kind, channel)


NAMES: Final = frozenset(
    {"severity", "from_", "site_id", "zone_id", "event_type", "camera_id", "channel_kind"}
)
"""Fields that name a line, and are its key."""


def _measures(section: str, key: str, line: Struct) -> Iterator[tuple[object, ...]]:
    for name in line.__struct_fields__:
        if name not in NAMES:
            yield section, key, name, getattr(line, name)
