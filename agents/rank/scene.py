"""What neighbouring cameras saw within minutes.

Cameras that share a zone are neighbours, and in a small site all are. A neighbour counts by how
much its own alert is worth: a rule that was always false, or a camera that sees something at this
hour every day, corroborates nothing. Where very many cameras see something at once, each says
less: rain falls on all of them, and nobody walks past twenty in five minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.runtime.configuration import SiteConfig

__all__ = [
    "OTHER_LABEL",
    "WITHIN",
    "Meeting",
    "Neighbour",
    "Scene",
    "Seen",
    "joined",
    "meet",
    "places",
    "strongest",
    "weight",
]

WITHIN: Final = timedelta(minutes=5)
"""How far apart two sightings may be: at a walk, some 400 m (1.4 m/s; Bohannon, 1997)."""
KEEP: Final = 2 * WITHIN
MOST: Final = 16
"""Sightings that are kept of a place, those that count most: what a storm costs is bounded."""
MOST_NEIGHBOURS: Final = 4
"""Neighbours that count for an alert; more of them say nothing more."""
CROWDS: Final = frozenset({8, 12, 16})
"""When so many cameras see something, all of them hear of it: it takes points away."""
SMALL_SITE: Final = 16
"""In a site of so many cameras all are neighbours."""
SAME_SITE: Final = 0.5
"""What a neighbour counts that shares the site and no zone."""
OTHER_LABEL: Final = 0.4
"""What a neighbour counts that saw something else: a cat is no burglar."""


class Neighbour(Struct, frozen=True, gc=False):
    """A neighbouring camera's sighting, and what it counts: 0..1."""

    camera_id: str
    weight: float


class Seen(Struct, frozen=True, kw_only=True, gc=False):
    """A camera's alert as its neighbours know it. told: how many of them its alert heard of."""

    camera_id: str
    zone_id: str
    event_type: str
    at: datetime
    weight: float
    label: str | None = None
    told: int = 0


class Scene(Struct, frozen=True):
    """Sightings of a place in the last minutes, one a camera, zone and type; in no order."""

    seen: tuple[Seen, ...] = ()


class Meeting(Struct, frozen=True):
    """What a sighting meets. others: of other cameras, within minutes, before or after it.

    cameras: how many saw something, its own among them. heard: those whose alerts are to hear of
    it. scene: with the sighting in it.
    """

    others: tuple[Seen, ...]
    cameras: int
    heard: tuple[Seen, ...]
    scene: Scene


def places(site: SiteConfig | None, camera_id: str) -> tuple[tuple[str, float], ...]:
    """The scenes that a camera is in, and what a neighbour there counts."""
    if site is None:
        return ()
    known: dict[str, tuple[tuple[str, float], ...]] = site.derived.setdefault("places", {})
    found = known.get(camera_id)
    if found is None:
        zones = site.zones_by_camera.get(camera_id, ())
        found = tuple((f"z/{zone.zone_id}", 1.0) for zone in zones)
        if len(site.cameras) <= SMALL_SITE:
            found = (*found, ("s", SAME_SITE))
        if camera_id in site.cameras:
            # Ids that the document does not have are the senders', and without number.
            known[camera_id] = found
    return found


def weight(precision: float, hour_share: float | None) -> float:
    """What a sighting counts for its neighbours: how probably it is true, where it is unusual."""
    return precision * (0.5 if hour_share is None else 1.0 - hour_share)


def meet(scene: Scene | None, one: Seen) -> Meeting:
    """Set a sighting against what a scene knows, and put it in the place of its camera's last."""
    camera, zone, kind, at = one.camera_id, one.zone_id, one.event_type, one.at
    first, last, oldest = at - WITHIN, at + WITHIN, at - KEEP
    others: list[Seen] = []
    heard: list[Seen] = []
    kept: list[Seen] = []
    cameras = {camera}
    fresh = True
    for each in () if scene is None else scene.seen:
        name, when = each.camera_id, each.at
        if name == camera:
            fresh = False
            same = each.event_type == kind and each.zone_id == zone
            if same or when < oldest:
                continue
        elif when < first:
            if when < oldest:
                continue
        elif when <= last:
            others.append(each)
            cameras.add(name)
            # Otherwise each of twenty cameras in the rain would hear of all the others.
            if each.told < MOST_NEIGHBOURS:
                heard.append(each)
        kept.append(each)
    if fresh and len(cameras) in CROWDS:
        heard = others
    if heard:
        known = set(map(id, heard))
        kept = [replace(each, told=each.told + 1) if id(each) in known else each for each in kept]
    if len(kept) >= MOST:
        # The newest stays: its own alert is what the next one may be a neighbour of.
        del kept[_least(kept)]
    kept.append(replace(one, told=len(others)))
    return Meeting(tuple(others), len(cameras), tuple(heard), Scene(tuple(kept)))


def _least(seen: list[Seen]) -> int:
    """The place of the sighting that counts least; of two, of the older one."""
    found = 0
    weight, at = seen[0].weight, seen[0].at
    for place, each in enumerate(seen):
        counts = each.weight
        if counts < weight or (counts == weight and each.at < at):
            found, weight, at = place, counts, each.at
    return found


def joined(known: tuple[Neighbour, ...], more: tuple[Neighbour, ...]) -> tuple[Neighbour, ...]:
    """The neighbours that count most among both, one a camera with its best sighting."""
    if not more or more == known:
        return known
    return strongest([(-one.weight, one.camera_id) for one in (*known, *more)])


def strongest(sightings: list[tuple[float, str]]) -> tuple[Neighbour, ...]:
    """The neighbours that count most, best first, one a camera.

    sightings: what each counts, less than 0, and its camera; they are put in order.
    """
    sightings.sort()
    found: list[Neighbour] = []
    cameras: list[str] = []
    for counts, camera in sightings:
        if camera not in cameras:
            cameras.append(camera)
            found.append(Neighbour(camera, -counts))
            if len(found) == MOST_NEIGHBOURS:
                break
    return tuple(found)
