"""The stage: an enriched event gets what its alert's rank is made of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from agents.enrich.stage import Enriched
from agents.rank.habits import Days, Hours, active_at, active_on, hours_until, note_day, note_hour
from agents.rank.scene import (
    OTHER_LABEL,
    Neighbour,
    Scene,
    Seen,
    meet,
    places,
    strongest,
    weight,
)
from agents.rank.score import Basis
from agents.rank.verdicts import Verdict, Verdicts, judged, migrate_v1, opinion
from agents.runtime.stage import Context, Effect, Forward, Stage
from agents.runtime.state import TableSpec
from schemas.decision import StageVerdict
from schemas.event import SecurityEvent

__all__ = ["RANK", "Echo", "Judged", "Ranked", "rule_key"]


class Ranked(Struct, frozen=True, gc=False, kw_only=True):
    """An enriched event with what its alert's rank is made of; route adds the counts."""

    item: Enriched
    basis: Basis
    stages: tuple[StageVerdict, ...]


class Judged(Struct, frozen=True, gc=False, kw_only=True):
    """An analyst resolved an alert, and said what it was.

    camera_id: its camera, else its device. at: its newest event's time. taken_back: it was
    reopened, so that this counts no more.
    """

    site_id: str
    zone_id: str | None
    camera_id: str | None
    event_type: str
    verdict: Verdict
    at: datetime
    taken_back: bool = False


class Echo(Struct, frozen=True, gc=False, kw_only=True):
    """A neighbour saw something: the open alert of this situation may rank higher for it."""

    site_id: str
    zone_id: str | None
    camera_id: str | None
    device_id: str | None
    event_type: str
    neighbour: Neighbour
    crowd: int


FEEDBACK: Final = TableSpec(
    name="rank.feedback", value=Verdicts, version=2, migrations={1: migrate_v1}
)
HOURS: Final = TableSpec(name="rank.hours", value=Hours)
KINDS: Final = TableSpec(name="rank.kinds", value=Days)
SCENES: Final = TableSpec(name="rank.scenes", value=Scene)
RANK = Stage(
    name="rank",
    reads=(Enriched, Judged),
    writes=(),
    state=(FEEDBACK, HOURS, KINDS, SCENES),
)


PASSED: Final = StageVerdict(stage="rank", verdict="pass")


def rule_key(site: str, camera: str | None, zone: str | None, event_type: str) -> str:
    """A camera's rule: what feedback is counted by."""
    return f"{site}/{camera or ''}/{zone or ''}/{event_type}"


def camera_key(site: str, camera: str) -> str:
    """A camera with all its rules, where feedback and days are counted by it."""
    return f"camera {site}/{camera}"


def zone_key(site: str, zone: str) -> str:
    """A zone, where feedback is counted by it. No site's id has a space in it."""
    return f"zone {site}/{zone}"


_zone: Final = lru_cache(maxsize=1024)(ZoneInfo)


def _local(ctx: Context, site_id: str, at: datetime) -> datetime:
    site = ctx.configuration.site(site_id)
    return at.astimezone(_zone((None if site is None else site.site.timezone) or "UTC"))


@RANK.on(Enriched)
def on_enriched(ctx: Context, item: Enriched) -> Iterable[Effect]:
    """Set an event against its camera's habits, its neighbours and what analysts said."""
    event = item.event
    at = event.occurred_at
    local = _local(ctx, event.site_id, at)
    source = event.camera_id or event.device_id or ""
    rule = rule_key(event.site_id, source, event.zone_id, event.event_type)
    hours, like_share = _habits(ctx, event, source, rule, local)
    whole = opinion(ctx.get(FEEDBACK, camera_key(event.site_id, source)), at, local.hour)
    feedback = opinion(ctx.get(FEEDBACK, rule), at, local.hour, whole)
    zone = (
        None if event.zone_id is None else ctx.get(FEEDBACK, zone_key(event.site_id, event.zone_id))
    )
    hour_share = active_at(hours, local)
    around, crowd, echoes = _around(ctx, event, weight(feedback.precision, hour_share))
    basis = Basis(
        hour_share=hour_share,
        like_share=like_share,
        since_same=None if item.last_same is None else at - item.last_same,
        feedback=feedback,
        zone_feedback=opinion(zone, at, local.hour),
        neighbours=around,
        crowd=crowd,
        until=at,
    )
    ranked = Ranked(item=item, basis=basis, stages=(*item.stages, PASSED))
    return [Forward(ranked), *map(Forward, echoes)]


def _habits(
    ctx: Context, event: SecurityEvent, source: str, rule: str, local: datetime
) -> tuple[Hours, float | None]:
    """The camera's hours, and the share of days with this kind; both learn the event."""
    day = local.toordinal()
    key = f"{event.site_id}/{source}"
    before = ctx.get(HOURS, key)
    hours = hours_until(before, day)
    noted = note_hour(hours, local)
    if noted is not before:
        ctx.put(HOURS, key, noted)
    like_share = None
    # The camera first: how often it sees anything is what a kind is expected to be like.
    for row in (camera_key(event.site_id, source), rule):
        known = ctx.get(KINDS, row)
        like_share = active_on(known, hours, like_share)
        days = note_day(known, day)
        if days is not known:
            ctx.put(KINDS, row, days)
    return noted, like_share


def _around(
    ctx: Context, event: SecurityEvent, worth: float
) -> tuple[tuple[Neighbour, ...], int, list[Echo]]:
    """What neighbouring cameras saw within minutes, how many did, and who is to hear of this."""
    camera = event.camera_id
    if camera is None or event.zone_id is None:
        return (), 0, []
    itself = Seen(
        camera_id=camera,
        zone_id=event.zone_id,
        event_type=event.event_type,
        at=event.occurred_at,
        weight=worth,
        label=event.label,
    )
    label = event.label
    sightings: list[tuple[float, str]] = []
    crowd = 0
    echoes: list[Echo] = []
    for place, share in places(ctx.configuration.site(event.site_id), camera):
        key = f"{event.site_id}/{place}"
        met = meet(ctx.get(SCENES, key), itself)
        ctx.put(SCENES, key, met.scene)
        crowd = max(crowd, met.cameras)
        other = share * OTHER_LABEL
        sightings += [
            (-one.weight * (share if one.label == label else other), one.camera_id)
            for one in met.others
        ]
        for one in met.heard:
            counts = worth * (share if one.label == label else other)
            echoes.append(
                Echo(
                    site_id=event.site_id,
                    zone_id=one.zone_id,
                    camera_id=one.camera_id,
                    device_id=None,
                    event_type=one.event_type,
                    neighbour=Neighbour(camera, counts),
                    crowd=met.cameras,
                )
            )
    return strongest(sightings), crowd, echoes


@RANK.on(Judged)
def on_judged(ctx: Context, said: Judged) -> Iterable[Effect]:
    """Count an analyst's verdict for the camera's rule, and for its zone."""
    hour = _local(ctx, said.site_id, said.at).hour
    keys = [
        rule_key(said.site_id, said.camera_id, said.zone_id, said.event_type),
        camera_key(said.site_id, said.camera_id or ""),
    ]
    if said.zone_id is not None:
        keys.append(zone_key(said.site_id, said.zone_id))
    for key in keys:
        before = ctx.get(FEEDBACK, key)
        ctx.put(
            FEEDBACK,
            key,
            judged(before, said.verdict, said.at, hour, taken_back=said.taken_back),
        )
    return ()
