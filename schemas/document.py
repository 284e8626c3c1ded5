"""The site document: what `watchfloor apply` takes, and how it travels on `config.documents.v1`.

These structs are the validated form. Reading YAML, with every problem at its line, is
`schemas.document_reader`; it makes durations of `30s`, and fills in what a field leaves open.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct, field

from schemas.base import (
    ID_PATTERN,
    CameraId,
    DeviceId,
    Label,
    Message,
    Name,
    Score,
    Severity,
    SiteId,
    Text,
    UtcTime,
    ZoneId,
)

__all__ = [
    "Camera",
    "Channel",
    "ConfigRecord",
    "Device",
    "Document",
    "Escalation",
    "EscalationStep",
    "Inhibition",
    "OnPlan",
    "Plan",
    "Polling",
    "Position",
    "Receiver",
    "Route",
    "Routing",
    "Schedule",
    "Silence",
    "Site",
    "SiteNotifications",
    "SiteWatch",
    "Template",
    "Window",
    "Zone",
]

Point = tuple[Score, Score]
Days = Annotated[tuple[str, ...], Meta(min_length=1, max_length=7)]
ClockTime = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
StepText = Annotated[str, Meta(min_length=1, max_length=300)]
Procedure = Annotated[tuple[StepText, ...], Meta(max_length=20)]
"""What is to be done at an alert, in this order; a line of plain text each."""
Matcher = Annotated[str, Meta(min_length=3, max_length=500)]
"""`name="value"`, `!=`, `=~` or `!~`, as Alertmanager writes them."""


class Config(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Part of a document. The reader finds unknown fields; a newer record may have some."""


class Window(Config, frozen=True, kw_only=True):
    """A window of a week; it belongs to the day on which it starts, and may end on the next."""

    days: Days
    start: ClockTime
    end: ClockTime


class Schedule(Config, frozen=True, kw_only=True):
    """When something applies; no windows: always. timezone: IANA; None: the site's, else UTC."""

    timezone: str | None = None
    windows: Annotated[tuple[Window, ...], Meta(max_length=100)] = ()


class SiteNotifications(Config, frozen=True, kw_only=True):
    """A site's own say about notifications. rate_limit_per_min 0: none; a sliding minute.

    channels: the names or kinds that the site uses of a receiver's channels; none: all of them.
    mode: `text` or `cards`, for channels that have cards. allow_internal_targets: channels may go
    to addresses of this machine and of private networks; allowed_networks: to these (CIDR).
    language: of the built-in texts, where the channel says none.
    """

    enabled: bool = True
    channels: tuple[str, ...] = ()
    rate_limit_per_min: Annotated[int, Meta(ge=0, le=100_000)] = 0
    mode: str = "text"
    allow_internal_targets: bool = False
    allowed_networks: Annotated[tuple[str, ...], Meta(max_length=100)] = ()
    language: Annotated[str, Meta(max_length=35)] | None = None


class Polling(Config, frozen=True, kw_only=True):
    """How a site's devices are asked, for sites with thin lines or weak recorders.

    normal: mean time between two polls of a device that is well, from 4 min to an hour; what is
    not well is polled every minute all the same. optional: whether devices are asked for what is
    not their health as well: pictures, lists of channels, disks, recordings.
    """

    normal: timedelta = timedelta(minutes=4)
    optional: bool = True


PlanId = Annotated[str, Meta(pattern=ID_PATTERN, max_length=63)]
Degrees = Annotated[float, Meta(ge=0, lt=360)]


class Position(Config, frozen=True, kw_only=True):
    """Where something is on earth: degrees of WGS 84, north and east positive."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]


class OnPlan(Config, frozen=True, kw_only=True):
    """Where something is on a plan of its site: shares of width and height from the top left."""

    plan: PlanId
    x: Score
    y: Score


class Plan(Config, frozen=True, kw_only=True):
    """A floor plan, whose picture is uploaded apart.

    width_m: metres from its left to its right edge; with it, ranges are drawn to scale. north_deg:
    where north is on it, clockwise from its top.
    """

    plan_id: PlanId
    name: Name | None = None
    width_m: Annotated[float, Meta(gt=0, le=100_000)] | None = None
    north_deg: Degrees = 0.0


class Device(Config, frozen=True, kw_only=True):
    """A recorder, a service, or a camera that is only watched.

    parent: what it hangs on: a camera's recorder, or a recorder's uplink, which is a service.
    serial: what its maker numbered it; taken on again, it is known by that.
    ca_file: the name of a PEM file in the folder `ca` of the state directory, whose certificates
    are believed of it; None: the system's authorities.
    position, floor_plan: where it is.
    """

    device_id: DeviceId
    kind: str
    name: Name | None = None
    address: Annotated[str, Meta(max_length=2000)] | None = None
    driver: str | None = None
    parent: DeviceId | None = None
    credentials: str | None = None
    serial: Name | None = None
    ca_file: Annotated[str, Meta(max_length=100)] | None = None
    position: Position | None = None
    floor_plan: OnPlan | None = None


class Camera(Config, frozen=True, kw_only=True):
    """A camera. stream, substream: sources without credentials; credentials: a secret's name.

    address, driver, serial: as of a device; with an address and a driver it is polled as well.
    position, floor_plan: where it is. heading_deg: where it looks, clockwise from north. fov_deg:
    the angle that it sees, from side to side; range_m: how far it is of use, metres.
    """

    camera_id: CameraId
    name: Name | None = None
    nvr_id: DeviceId | None = None
    stream: Annotated[str, Meta(max_length=2000)] | None = None
    substream: Annotated[str, Meta(max_length=2000)] | None = None
    detect_fps: Annotated[float, Meta(gt=0, le=60)] = 5.0
    credentials: str | None = None
    address: Annotated[str, Meta(max_length=2000)] | None = None
    driver: str | None = None
    serial: Name | None = None
    position: Position | None = None
    floor_plan: OnPlan | None = None
    heading_deg: Degrees | None = None
    fov_deg: Annotated[float, Meta(gt=0, le=360)] | None = None
    range_m: Annotated[float, Meta(gt=0, le=10_000)] | None = None


class SiteWatch(Config, frozen=True, kw_only=True):
    """How a site's devices are told of.

    flapping_changes: a device that changes more often than that in an hour is one alert that says
    so; flapping_quiet: it ends when the device has not changed for so long. procedure: what is to
    be done at a device's alert.
    """

    flapping_changes: Annotated[int, Meta(ge=1, le=100)] = 4
    flapping_quiet: timedelta = timedelta(minutes=30)
    procedure: Procedure = ()


class Zone(Config, frozen=True, kw_only=True):
    """Where something matters, and how much.

    polygons: camera to points in 0..1; a camera without one: the whole picture. The windows and
    dwell_sec are seconds; 0 means none. labels: none takes every label.
    procedure: what is to be done at its alerts.
    """

    zone_id: ZoneId
    camera_ids: Annotated[tuple[CameraId, ...], Meta(min_length=1, max_length=1000)]
    severity: Severity = Severity.MEDIUM
    active_schedule: Schedule = Schedule()
    alert_destinations: tuple[str, ...] = ()
    dedupe_window_sec: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    suppression_window_sec: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    polygons: dict[str, Annotated[tuple[Point, ...], Meta(min_length=3, max_length=200)]] = field(
        default_factory=dict
    )
    labels: tuple[Label, ...] = ()
    min_confidence: Score = 0.8
    dwell_sec: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    procedure: Procedure = ()


class Site(Config, frozen=True, kw_only=True):
    """One site. timezone: IANA; None: UTC."""

    site_id: SiteId
    name: Name | None = None
    timezone: str | None = None
    enabled: bool = True
    notifications: SiteNotifications = SiteNotifications()
    watch: SiteWatch = SiteWatch()
    polling: Polling = Polling()
    devices: Annotated[tuple[Device, ...], Meta(max_length=20_000)] = ()
    cameras: Annotated[tuple[Camera, ...], Meta(max_length=20_000)] = ()
    zones: Annotated[tuple[Zone, ...], Meta(max_length=20_000)] = ()
    plans: Annotated[tuple[Plan, ...], Meta(max_length=100)] = ()


class Route(Config, frozen=True, kw_only=True):
    """A node of the route tree; None inherits from the parent. Defaults of the root: `ROOT`.

    repeat_acknowledged: whether a group in which everything was acknowledged is repeated too.
    """

    receiver: str | None = None
    matchers: tuple[Matcher, ...] = ()
    group_by: tuple[str, ...] | None = None
    group_wait: timedelta | None = None
    group_interval: timedelta | None = None
    repeat_interval: timedelta | None = None
    repeat_acknowledged: bool | None = None
    resolve_after: timedelta | None = None
    send_resolved: bool | None = None
    continue_: bool = False
    mute_schedules: tuple[Schedule, ...] | None = None
    routes: tuple[Route, ...] = ()


class Channel(Config, frozen=True, kw_only=True):
    """One way out. kind: `log`, `webhook`, `recording`, …; name: else its kind.

    options: what that kind needs (`url`, `secret`, …); secrets by name only.
    """

    kind: Label
    name: Label | None = None
    options: dict[str, Any] = field(default_factory=dict)


class Receiver(Config, frozen=True, kw_only=True):
    """Somebody who is told: channels in order until one takes it, or all at once with fanout."""

    name: Label
    channels: Annotated[tuple[Channel, ...], Meta(max_length=20)] = ()
    fanout: bool = False
    retry_for: timedelta = timedelta(minutes=5)


Source = Annotated[str, Meta(max_length=8_000)]


class Template(Config, frozen=True, kw_only=True):
    """What a notification says (Jinja2): for the channels, language and severity that it names.

    channel: a channel's name or kind; severity: that of the worst alert. What a template leaves
    open is taken from the next best one, and at last from the built-in text.
    """

    channel: Label | None = None
    language: Annotated[str, Meta(max_length=35)] | None = None
    severity: Severity | None = None
    subject: Annotated[str, Meta(max_length=500)] | None = None
    text: Source | None = None
    html: Source | None = None


class Inhibition(Config, frozen=True, kw_only=True):
    """While an alert matches source, those that match target are told to nobody."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


class Silence(Config, frozen=True, kw_only=True):
    """Alerts that match are told to nobody between starts_at and ends_at."""

    silence_id: Label
    matchers: tuple[Matcher, ...]
    starts_at: UtcTime
    ends_at: UtcTime
    created_by: str = ""
    comment: Text = ""


class EscalationStep(Config, frozen=True, kw_only=True):
    """Whom to tell when nobody acknowledged for so long."""

    after: timedelta
    receiver: str


class Escalation(Config, frozen=True, kw_only=True):
    """Steps for the alerts that match."""

    matchers: tuple[Matcher, ...] = ()
    steps: tuple[EscalationStep, ...]


class Routing(Config, frozen=True, kw_only=True):
    """What spans sites: who is told what. The record `routing` on `config.documents.v1`."""

    route: Route | None = None
    receivers: tuple[Receiver, ...] = ()
    inhibit: tuple[Inhibition, ...] = ()
    silences: tuple[Silence, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    templates: Annotated[tuple[Template, ...], Meta(max_length=200)] = ()


class Document(Config, frozen=True, kw_only=True):
    """The whole document."""

    sites: tuple[Site, ...] = ()
    routing: Routing = Routing()


class ConfigRecord(Message, frozen=True, kw_only=True):
    """A record of `config.documents.v1`: a site, or the routing, whole, with its revision.

    revision: a number that grows, from PostgreSQL. Exactly one of site and routing is set.
    """

    SCHEMA: ClassVar[str] = "config.v1"

    revision: int
    author: str
    at: UtcTime
    site: Site | None = None
    routing: Routing | None = None
