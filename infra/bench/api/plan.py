"""What is asked when, and what the answers' times say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import Final, Literal
from urllib.parse import urlencode

from msgspec import Struct

from infra.bench.api.data import CAMERAS, DAYS, SITES, START, ZONES
from infra.bench.frame import percentile

__all__ = ["LIMIT_S", "QUEUE", "Answered", "Asked", "Found", "judge", "plan"]

QUEUE_SHARE: Final = 0.8
LIMIT_S: Final = 20.0
"""For so long an answer is waited for."""
QUEUE: Final = "/v1/alerts?state=open&state=acknowledged&limit=50"
ONE_SITE: Final = 0.3
"""Of the queues: an analyst of one site; the others see all."""
TYPES: Final = ("object_in_zone", "motion", "loitering", "line_crossing")

Kind = Literal["queue", "search"]


class Asked(Struct, frozen=True):
    """A request, and when it is due: seconds from the start, whatever became of those before."""

    at: float
    kind: Kind
    path: str


class Answered(Struct, frozen=True):
    """seconds: from when it was due until it was answered whole; ok: with 200 and a body."""

    at: float
    kind: Kind
    seconds: float
    ok: bool


class Found(Struct, frozen=True, kw_only=True):
    """What the answers say of the time that counts. Times in ms; per_s: good answers."""

    queue_p50: float
    queue_p99: float
    search_p50: float
    search_p99: float
    per_s: float
    failed: int
    asked: int


def plan(rate: float, seconds: float, seed: int) -> Iterator[Asked]:
    """Requests at random times, `rate` a second on average, as from many who know nothing of each
    other; four of five ask for the queue's first page."""
    dice = Random(seed)
    at = dice.expovariate(rate)
    while at < seconds:
        if dice.random() < QUEUE_SHARE:
            narrow = f"&site_id={_site(dice)}" if dice.random() < ONE_SITE else ""
            yield Asked(at, "queue", QUEUE + narrow)
        else:
            yield Asked(at, "search", f"/v1/events?{urlencode(_filters(dice))}")
        at += dice.expovariate(rate)


def _site(dice: Random) -> str:
    return f"site-{dice.randrange(SITES):02}"


def _filters(dice: Random) -> dict[str, str]:
    """Three of them, as an analyst looks for something; half of it in the last days."""
    begin = DAYS * (1 - dice.random() ** 2)
    since = START + timedelta(days=min(begin, DAYS - 1))
    until = since + timedelta(hours=dice.choice((6, 24, 72)))
    camera = f"cam-{dice.randrange(CAMERAS):02}"
    zone = f"zone-{dice.randrange(ZONES)}"
    found = dice.choice(
        (
            {"site_id": _site(dice), "camera_id": camera, "since": since.isoformat()},
            {"site_id": _site(dice), "zone_id": zone, "type": dice.choice(TYPES)},
            {"type": dice.choice(TYPES), "since": since.isoformat(), "until": until.isoformat()},
            {"site_id": _site(dice), "zone_id": zone, "result": "sent"},
            {"site_id": _site(dice), "camera_id": camera, "type": dice.choice(TYPES)},
        )
    )
    return {**found, "limit": "50"}


def judge(answers: Sequence[Answered], begin: float, end: float) -> Found:
    """Of what was due between `begin` and `end`; an answer that failed took all the time there was.

    per_s counts the good answers that were there in that time, whenever they were due.
    """
    counted = [one for one in answers if begin <= one.at < end]
    times: dict[str, list[float]] = {"queue": [], "search": []}
    for one in counted:
        times[one.kind].append((one.seconds if one.ok else max(one.seconds, LIMIT_S)) * 1000)
    there = sum(one.ok and begin <= one.at + one.seconds < end for one in answers)
    return Found(
        queue_p50=percentile(times["queue"], 50),
        queue_p99=percentile(times["queue"], 99),
        search_p50=percentile(times["search"], 50),
        search_p99=percentile(times["search"], 99),
        per_s=there / (end - begin),
        failed=sum(not one.ok for one in counted),
        asked=len(counted),
    )
