"""What the fields of sites mean together: ids, references, polygons, schedules, sources."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import timedelta
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from schemas.document import Camera, Device, Document, OnPlan, Schedule, Site, Zone
from schemas.reading.channels import check_site
from schemas.reading.geometry import polygon_problem
from schemas.reading.problems import Path, Problems, shown
from schemas.reading.secrets import address_problem, credentials_problem, source_problem

__all__ = ["DAYS", "DEVICE_KINDS", "check_schedule", "check_sites"]

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DEVICE_KINDS: Final = ("nvr", "camera", "service")
MODES: Final = ("text", "cards")
SHORTEST_QUIET: Final = timedelta(minutes=1)
LONGEST_QUIET: Final = timedelta(hours=24)
CA_FILE: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""A name and never a path: nobody gets a look at another file by it."""
NORMAL: Final = (timedelta(minutes=4), timedelta(hours=1))
RESERVED_SITES: Final = frozenset({"routing"})
"""The routing's own key on `config.documents.v1`."""


def check_sites(
    document: Document,
    problems: Problems,
    receivers: Collection[str] | None,
    ca_files: Collection[str] | None = None,
) -> None:
    """Note what is wrong in the sites.

    receivers, ca_files: the names that exist; None: not known here.
    """
    _unique(
        "site", ((site.site_id, ("sites", i)) for i, site in enumerate(document.sites)), problems
    )
    for index, site in enumerate(document.sites):
        _Site(site, ("sites", index), problems, receivers, ca_files).check()


def _unique(noun: str, named: Iterable[tuple[str, Path]], problems: Problems) -> None:
    seen: dict[str, Path] = {}
    for name, path in named:
        if not name:
            continue
        if name in seen:
            first = problems.line(seen[name])
            where = f", first in line {first}" if first else ""
            problems.at(path, f"{noun} {shown(name)} comes twice{where}")
        else:
            seen[name] = path


class _Site:
    """The checks of one site."""

    def __init__(
        self,
        site: Site,
        path: Path,
        problems: Problems,
        receivers: Collection[str] | None,
        ca_files: Collection[str] | None,
    ) -> None:
        self._site = site
        self._path = path
        self._problems = problems
        self._receivers = receivers
        self._ca_files = ca_files
        self._name = f"site {shown(site.site_id)}" if site.site_id else "this site"
        self._cameras = [camera.camera_id for camera in site.cameras if camera.camera_id]
        self._cameras += [d.device_id for d in site.devices if d.kind == "camera" and d.device_id]
        self._camera_set = frozenset(self._cameras)
        self._kinds = {device.device_id: device.kind for device in site.devices}
        self._plans = [plan.plan_id for plan in site.plans if plan.plan_id]

    def check(self) -> None:
        """Everything about this site."""
        site, path, at = self._site, self._path, self._problems.at
        if site.site_id in RESERVED_SITES:
            at((*path, "site_id"), f"{shown(site.site_id)} is reserved; choose another site_id")
        _check_timezone(site.timezone, (*path, "timezone"), self._problems)
        if site.notifications.mode not in MODES:
            mode = site.notifications.mode
            at(
                (*path, "notifications", "mode"),
                f"mode {shown(mode)} is none of these.{self._problems.known('modes', mode, MODES)}",
            )
        if not SHORTEST_QUIET <= site.watch.flapping_quiet <= LONGEST_QUIET:
            at((*path, "watch", "flapping_quiet"), "flapping_quiet is between 1m and 24h")
        self._check_procedure("watch", site.watch.procedure, (*path, "watch", "procedure"))
        least, most = NORMAL
        if not least <= site.polling.normal <= most:
            at((*path, "polling", "normal"), "normal is out of range, which is 4m to 1h")
        check_site(site, path, self._problems)
        self._check_ids()
        named = ((plan.plan_id, (*path, "plans", i)) for i, plan in enumerate(site.plans))
        _unique("plan", named, self._problems)
        for index, device in enumerate(site.devices):
            self._check_device(device, (*path, "devices", index))
        for index, camera in enumerate(site.cameras):
            self._check_camera(camera, (*path, "cameras", index))
        for index, zone in enumerate(site.zones):
            self._check_zone(zone, (*path, "zones", index))

    def _check_ids(self) -> None:
        """Cameras, zones and devices share one space of ids: keys and matchers join them."""
        site, path = self._site, self._path
        seen: dict[str, tuple[str, Path]] = {}
        named = [
            *(("device", d.device_id, (*path, "devices", i)) for i, d in enumerate(site.devices)),
            *(("camera", c.camera_id, (*path, "cameras", i)) for i, c in enumerate(site.cameras)),
            *(("zone", z.zone_id, (*path, "zones", i)) for i, z in enumerate(site.zones)),
        ]
        for noun, name, where in named:
            if not name:
                continue
            if name not in seen:
                seen[name] = (noun, where)
                continue
            other, first_path = seen[name]
            line = self._problems.line(first_path)
            first = f" (line {line})" if line else ""
            if other == noun:
                message = f"{noun} {shown(name)} comes twice in {self._name}{first}"
            elif {other, noun} == {"device", "camera"} and name in self._camera_set:
                message = (
                    f"camera {shown(name)} is listed under devices{first} and under cameras; "
                    "list it in one of the two"
                )
            else:
                message = (
                    f"{noun} {shown(name)} has the id of a {other}{first}; ids of cameras, zones "
                    "and devices are unique within a site"
                )
            self._problems.at((*where, f"{noun}_id"), message)

    def _check_device(self, device: Device, path: Path) -> None:
        at, name = self._problems.at, f"device {shown(device.device_id)}"
        if device.kind and device.kind not in DEVICE_KINDS:
            at(
                (*path, "kind"),
                f"{name}: kind {shown(device.kind)} is none of these."
                + self._problems.known("kinds", device.kind, DEVICE_KINDS),
            )
        if device.parent is not None:
            if device.kind == "nvr":
                self._check_uplink(name, device.parent, (*path, "parent"))
            elif device.kind == "service":
                at(
                    (*path, "parent"),
                    f"{name} has a parent; only a camera has one, its recorder, "
                    "and a recorder, its uplink",
                )
            else:
                self._check_recorder(name, device.parent, (*path, "parent"))
        self._check_secret(name, device.credentials, path)
        self._check_place(name, device.floor_plan, path)
        if device.ca_file is not None:
            self._check_ca_file(name, device.ca_file, (*path, "ca_file"))
        if device.address is not None:
            problem = address_problem(device.address)
            if problem:
                at((*path, "address"), f"the address of {name} {problem}")

    def _check_ca_file(self, name: str, ca_file: str, path: Path) -> None:
        if not re.fullmatch(CA_FILE, ca_file):
            self._problems.at(
                path,
                f"{name}: ca_file {shown(ca_file)} is no name of a file: letters, digits, '.', '_' "
                "and '-'; the file itself lies in the folder 'ca' of the state directory",
            )
        elif self._ca_files is not None and ca_file not in self._ca_files:
            self._problems.at(
                path,
                f"{name}: ca_file {shown(ca_file)} is not in the folder 'ca' of the state "
                "directory." + self._problems.known("files", ca_file, self._ca_files),
            )

    def _check_camera(self, camera: Camera, path: Path) -> None:
        name = f"camera {shown(camera.camera_id)}"
        if camera.nvr_id is not None:
            self._check_recorder(name, camera.nvr_id, (*path, "nvr_id"))
        self._check_secret(name, camera.credentials, path)
        self._check_place(name, camera.floor_plan, path)
        for field in ("stream", "substream"):
            source: str | None = getattr(camera, field)
            problem = None if source is None else source_problem(source)
            if problem:
                self._problems.at((*path, field), f"the {field} of {name} {problem}")
        if camera.address is not None and (problem := address_problem(camera.address)):
            self._problems.at((*path, "address"), f"the address of {name} {problem}")

    def _check_recorder(self, name: str, recorder: str, path: Path) -> None:
        kind = self._kinds.get(recorder)
        if kind == "nvr":
            return
        if kind is not None:
            self._problems.at(
                path, f"{name} names {shown(recorder)} as its recorder, which is no nvr"
            )
            return
        recorders = [name for name, kind in self._kinds.items() if kind == "nvr"]
        self._problems.at(
            path,
            f"{name} names recorder {shown(recorder)}, which {self._name} does not have."
            + self._problems.known("recorders", recorder, recorders),
        )

    def _check_uplink(self, name: str, uplink: str, path: Path) -> None:
        kind = self._kinds.get(uplink)
        if kind == "service":
            return
        if kind is not None:
            self._problems.at(
                path, f"{name} names {shown(uplink)} as its uplink, which is no service"
            )
            return
        services = [name for name, kind in self._kinds.items() if kind == "service"]
        self._problems.at(
            path,
            f"{name} names uplink {shown(uplink)}, which {self._name} does not have."
            + self._problems.known("services", uplink, services),
        )

    def _check_place(self, name: str, place: OnPlan | None, path: Path) -> None:
        where = (*path, "floor_plan", "plan")
        if place is None or place.plan in self._plans or where in self._problems.broken:
            return
        self._problems.at(
            where,
            f"{name} is on plan {shown(place.plan)}, which {self._name} does not have."
            + self._problems.known("plans", place.plan, self._plans),
        )

    def _check_secret(self, name: str, credentials: str | None, path: Path) -> None:
        problem = None if credentials is None else credentials_problem(credentials)
        if problem:
            self._problems.at((*path, "credentials"), f"credentials of {name} {problem}")

    def _check_zone(self, zone: Zone, path: Path) -> None:
        name = f"zone {shown(zone.zone_id)}" if zone.zone_id else "this zone"
        seen: set[str] = set()
        for index, camera in enumerate(zone.camera_ids):
            where = (*path, "camera_ids", index)
            if camera in seen:
                self._problems.at(where, f"{name} names camera {shown(camera)} twice")
            elif camera not in self._camera_set:
                self._problems.at(
                    where,
                    f"{name} names camera {shown(camera)}, which {self._name} does not have."
                    + self._problems.known("cameras", camera, self._cameras),
                )
            seen.add(camera)
        mapped = frozenset(zone.camera_ids)
        for camera, points in zone.polygons.items():
            where = (*path, "polygons", camera)
            if camera not in mapped and (*path, "camera_ids") not in self._problems.broken:
                self._problems.at(
                    where,
                    f"{name} has a polygon for camera {shown(camera)}, which is not among its "
                    "camera_ids." + self._problems.known("cameras", camera, zone.camera_ids),
                )
            problem = None if where in self._problems.broken else polygon_problem(points)
            if problem:
                self._problems.at(
                    where, f"the polygon of {name} for camera {shown(camera)} {problem}"
                )
        for index, receiver in enumerate(zone.alert_destinations):
            if self._receivers is not None and receiver not in self._receivers:
                self._problems.at(
                    (*path, "alert_destinations", index),
                    f"{name} names receiver {shown(receiver)}, which does not exist."
                    + self._problems.known("receivers", receiver, self._receivers),
                )
        check_schedule(zone.active_schedule, (*path, "active_schedule"), self._problems)
        self._check_procedure(name, zone.procedure, (*path, "procedure"))

    def _check_procedure(self, name: str, procedure: tuple[str, ...], path: Path) -> None:
        """A step is known by what it says: two that say the same would be one."""
        seen: set[str] = set()
        for index, step in enumerate(procedure):
            if not step.strip():
                self._problems.at((*path, index), f"a step of the procedure of {name} is empty")
            elif step in seen:
                self._problems.at(
                    (*path, index), f"the procedure of {name} has step {shown(step)} twice"
                )
            seen.add(step)


def check_schedule(schedule: Schedule, path: Path, problems: Problems) -> None:
    """Note what is wrong in a schedule."""
    _check_timezone(schedule.timezone, (*path, "timezone"), problems)
    for index, window in enumerate(schedule.windows):
        here = (*path, "windows", index)
        for position, day in enumerate(window.days):
            if day not in DAYS:
                problems.at(
                    (*here, "days", position),
                    f"{shown(day)} is no day.{problems.known('days', day, DAYS)}",
                )
        if len(set(window.days)) < len(window.days):
            problems.at((*here, "days"), "a day comes twice in this window")
        if window.start == "24:00":
            problems.at(
                (*here, "start"), "a window cannot start at 24:00; write 00:00 of the next day"
            )
        elif window.start and window.start == window.end:
            problems.note((*here, "end"), f"this window lasts 24 hours from {window.start}")


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _check_timezone(name: str | None, path: Path, problems: Problems) -> None:
    if name is None or name in _timezones():
        return
    near = sorted(zone for zone in _timezones() if "/" in zone and not zone.startswith("Etc/"))
    last = name.rsplit("/", maxsplit=1)[-1].lower().replace(" ", "_")
    guesses = [zone for zone in near if zone.rsplit("/", maxsplit=1)[-1].lower() == last]
    hint = f" Did you mean {shown(guesses[0])}?" if guesses and last else ""
    problems.at(
        path,
        f"timezone: {shown(name)} is no IANA timezone; write for example 'Europe/Berlin' or 'UTC'."
        f"{hint}",
    )
