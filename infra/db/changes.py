"""What a new revision of a document changes: for its history, and for who captures what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, structs

from schemas.device import Assignment
from schemas.document import Site

__all__ = ["Change", "assignments", "changed_assignments", "compare"]

ID_FIELDS: Final = ("camera_id", "zone_id", "device_id", "silence_id", "site_id", "name")
"""By the first of these that they have, entries of two lists are the same entry."""


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One difference. path: `zones[yard].severity`; before or after absent: added, removed."""

    path: str
    before: Any | UnsetType = UNSET
    after: Any | UnsetType = UNSET


def compare(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """The differences between two JSON values, in the order of the new one.

    Entries of a list are matched by their id, so that a camera added at the top is one change.
    Linear in the size of both. Their depth is a validated document's.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key in (*after, *(key for key in before if key not in after)):
            yield from _one(before.get(key, UNSET), after.get(key, UNSET), _join(path, key))
        return
    if isinstance(before, list) and isinstance(after, list):
        old, new = _by_id(before), _by_id(after)
        if old is not None and new is not None:
            for key in (*new, *(key for key in old if key not in new)):
                yield from _one(old.get(key, UNSET), new.get(key, UNSET), f"{path}[{key}]")
            return
    if before != after:
        yield Change(path=path, before=before, after=after)


def _one(before: Any, after: Any, path: str) -> Iterator[Change]:
    if before is UNSET or after is UNSET:
        yield Change(path=path, before=before, after=after)
    else:
        yield from compare(before, after, path)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _by_id(entries: list[Any]) -> dict[str, Any] | None:
    """The entries by their id; None where one has none, or two have the same."""
    found: dict[str, Any] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            return None
        name = next((entry[field] for field in ID_FIELDS if field in entry), None)
        if not isinstance(name, str) or name in found:
            return None
        found[name] = entry
    return found


def assignments(site: Site | None) -> dict[str, Assignment]:
    """What to capture and to poll, by `site/device`, of a site that is enabled: the cameras with a
    stream, and the devices and cameras with an address and a driver."""
    if site is None or not site.enabled:
        return {}
    polled = {
        f"{site.site_id}/{device.device_id}": Assignment(
            site_id=site.site_id,
            device_id=device.device_id,
            kind=device.kind,
            credentials=device.credentials,
            address=device.address,
            driver=device.driver,
            ca_file=device.ca_file,
            normal_s=site.polling.normal.total_seconds(),
            optional=site.polling.optional,
        )
        for device in site.devices
        if device.address and device.driver
    }
    return polled | {
        f"{site.site_id}/{camera.camera_id}": Assignment(
            site_id=site.site_id,
            device_id=camera.camera_id,
            kind="camera",
            source=camera.stream,
            substream=camera.substream,
            credentials=camera.credentials,
            detect_fps=camera.detect_fps,
            address=camera.address,
            driver=camera.driver,
        )
        for camera in site.cameras
        if camera.stream or (camera.address and camera.driver)
    }


def changed_assignments(
    before: Site | None, after: Site | None, revision: int
) -> Iterator[tuple[str, Assignment | None]]:
    """What `device.assignments.v1` must be told: (key, assignment), None where it is taken away.

    An assignment that stays as it is is not repeated: a camera keeps its stream when another one
    of its site changes.
    """
    old, new = assignments(before), assignments(after)
    for key in old:
        if key not in new:
            yield key, None
    for key, assignment in new.items():
        if old.get(key) != assignment:
            yield key, structs.replace(assignment, revision=str(revision))
