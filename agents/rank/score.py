"""The rank of an alert: a sum of parts, each with its points and a sentence.

A scorecard, as credit scoring has it (Siddiqi, Credit Risk Scorecards, 2006): each input alone
earns points that grow with how much it speaks for looking now, so that raising one never lowers
the rank, and an analyst can add it up. The points are ours. What a person set (the severity) weighs
most; then how rare it is here (the novelty): few cameras make most of the false alarms, and they
make them again and again (the `bad actors` of ISA-18.2 and EEMUA 191); then how sure the detector
is, and what people said afterwards (the precision).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from agents.rank.scene import Neighbour, joined
from agents.rank.verdicts import UNJUDGED, Feedback
from schemas.alert import Alert, RankPart
from schemas.base import Severity

__all__ = ["MAX_RANK", "Basis", "Inputs", "inputs_of", "rank_parts", "seen_again"]

MAX_RANK: Final = 100
SEVERITY: Final = {
    Severity.CRITICAL: 24,
    Severity.HIGH: 19,
    Severity.MEDIUM: 13,
    Severity.LOW: 7,
    Severity.INFO: 2,
}
PRECISION: Final = 14
CORRELATED: Final = 6
HOUR: Final = 9
CONFIDENCE: Final = 15
NOVELTY: Final = 23
ZONE: Final = 2
DURATION: Final = 5
COUNT: Final = 2

RARE: Final = 5.0
"""An hour or a kind that comes on one day in five earns half the points: 1 / (1 + 5 share)."""
CROWD: Final = 4
"""One intruder is seen by so many cameras in five minutes at most; with more, it is the weather."""
EVIDENCE: Final = 0.25
"""Half the points for one neighbour whose own alert is as likely true as not, in a quiet hour."""
CROWDED: Final = 0.02
"""What evidence has to stand against for each camera beyond the crowd."""
LASTING: Final = timedelta(minutes=2)
"""Half the points of the duration: longer than a passer-by."""

DAY_S: Final = 86_400

P = TypeVar("P")


class Basis(Struct, frozen=True, gc=False, kw_only=True):
    """What an alert's rank is made of beside the alert itself; route keeps it with the alert.

    hour_share: share of the camera's days on which it saw something about this hour, like_share:
    on which it saw this kind; 0..1, None with less than a week of history. since_same: since the
    last of this place and type, None: never seen. feedback: on this camera and rule; zone_feedback:
    on its zone. neighbours: what other cameras saw within minutes; crowd: how many of them there
    were at once. until: event time of its newest event, folded ones included.
    """

    hour_share: float | None = None
    like_share: float | None = None
    since_same: timedelta | None = None
    feedback: Feedback = UNJUDGED
    zone_feedback: Feedback = UNJUDGED
    neighbours: tuple[Neighbour, ...] = ()
    crowd: int = 0
    until: datetime | None = None

    def again(self, newer: Basis) -> Basis:
        """With one more admitted event: how it began stays, what was said since counts."""
        return replace(
            self,
            feedback=newer.feedback,
            zone_feedback=newer.zone_feedback,
            neighbours=joined(self.neighbours, newer.neighbours),
            crowd=max(self.crowd, newer.crowd),
            until=_later(self.until, newer.until),
        )

    def beside(self, neighbour: Neighbour, crowd: int) -> Basis:
        """With what a neighbouring camera saw."""
        return replace(
            self,
            neighbours=joined(self.neighbours, (neighbour,)),
            crowd=max(self.crowd, crowd),
        )


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


class Inputs(Struct, frozen=True, gc=False, kw_only=True):
    """What a rank is made of, in the order of its parts.

    confidence: 0..1, None where the source gave none. lasting: from its first event to its newest.
    seen: events, folded ones included, at least 1. The rest is the basis'.
    """

    severity: Severity
    confidence: float | None = None
    zone_feedback: Feedback = UNJUDGED
    hour_share: float | None = None
    like_share: float | None = None
    since_same: timedelta | None = None
    lasting: timedelta = timedelta(0)
    seen: int = 1
    neighbours: tuple[Neighbour, ...] = ()
    crowd: int = 0
    feedback: Feedback = UNJUDGED


def inputs_of(alert: Alert, basis: Basis) -> Inputs:
    """What an alert's rank is made of now."""
    until = _later(alert.last_event, basis.until)
    assert until is not None
    return Inputs(
        severity=alert.severity,
        confidence=alert.confidence,
        zone_feedback=basis.zone_feedback,
        hour_share=basis.hour_share,
        like_share=basis.like_share,
        since_same=basis.since_same,
        lasting=until - alert.first_event,
        seen=alert.events + alert.repeats,
        neighbours=basis.neighbours,
        crowd=basis.crowd,
        feedback=basis.feedback,
    )


def rank_parts(inputs: Inputs) -> tuple[RankPart, ...]:
    """The parts; their points add up to the rank, 0 to 100.

    Inputs are rounded to what a sentence tells before they earn points, so that equal sentences
    mean equal points, and few distinct parts are ever made.
    """
    confidence, since = inputs.confidence, inputs.since_same
    return (
        _severity(inputs.severity),
        _confidence(None if confidence is None else round(confidence * 100)),
        _zone(round(inputs.zone_feedback.precision * 100), inputs.zone_feedback.recent),
        _hour(_percent(inputs.hour_share)),
        _novelty(
            _percent(inputs.like_share), None if since is None else since // timedelta(minutes=1)
        ),
        _duration(inputs.lasting // timedelta(seconds=1)),
        _count(inputs.seen),
        _correlated(inputs.neighbours, inputs.crowd),
        _precision(
            round(inputs.feedback.precision * 100), inputs.feedback.recent, inputs.feedback.whole
        ),
    )


def seen_again(parts: tuple[RankPart, ...], lasting: timedelta, seen: int) -> tuple[RankPart, ...]:
    """The parts of an alert of which a folded event changed only how long and how many.

    As `rank_parts` would make them; a storm is nine tenths of these.
    """
    lasted, counted = _duration(lasting.days * DAY_S + lasting.seconds), _count(seen)
    return (*parts[:5], lasted, counted, *parts[7:])


def _percent(share: float | None) -> int | None:
    return None if share is None else round(share * 100)


def _kept(make: Callable[..., P]) -> Callable[..., P]:
    """Parts are values: a storm asks for the same few thousand again and again."""
    return lru_cache(maxsize=4096)(make)


@_kept
def _severity(severity: Severity) -> RankPart:
    return RankPart(
        name="severity",
        points=SEVERITY[severity],
        reason=f"Its severity is {severity.value}.",
    )


@_kept
def _confidence(percent: int | None) -> RankPart:
    if percent is None:
        return RankPart(
            name="confidence", points=CONFIDENCE // 2, reason="Its source gives no confidence."
        )
    # Cubed: detectors' scores crowd near the top, where 0.95 says far more than 0.85 (Guo et al.,
    # On Calibration of Modern Neural Networks, 2017).
    return RankPart(
        name="confidence",
        points=round(CONFIDENCE * (percent / 100) ** 3),
        reason=f"The detector is {percent}% sure.",
    )


@_kept
def _zone(percent: int, recent: str) -> RankPart:
    return RankPart(
        name="zone",
        points=round(ZONE * percent / 100),
        reason=_said(recent, "this zone") or "Analysts have judged no alert of this zone yet.",
    )


@_kept
def _hour(percent: int | None) -> RankPart:
    if percent is None:
        return RankPart(
            name="hour",
            points=HOUR // 2,
            reason="The camera has no history of a week yet to compare the hour with.",
        )
    return RankPart(
        name="hour",
        points=round(HOUR / (1 + RARE * percent / 100)),
        reason=f"This camera sees something about this hour on {percent}% of such days.",
    )


@_kept
def _novelty(percent: int | None, minutes: int | None) -> RankPart:
    if minutes is None:
        rare = 1.0 if percent is None else 1 / (1 + RARE * percent / 100)
        return RankPart(
            name="novelty",
            points=round(NOVELTY * rare),
            reason="Nothing like it was seen here before.",
        )
    rare = 0.5 if percent is None else 1 / (1 + RARE * percent / 100)
    # A day without it earns all: what came an hour ago is hardly news, however rare it is.
    quiet = 0.4 + 0.6 * min(1.0, max(0, minutes) / 1440)
    often = "" if percent is None else f"; its like comes here on {percent}% of days"
    return RankPart(
        name="novelty",
        points=round(NOVELTY * rare * quiet),
        reason=f"The last like it was {_told(minutes)} before{often}.",
    )


def _told(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"


@_kept
def _duration(seconds: int) -> RankPart:
    points = round(DURATION * (1 - 0.5 ** (max(0, seconds) / LASTING.total_seconds())))
    if seconds <= 0:
        return RankPart(name="duration", points=points, reason="So far it is one moment.")
    told = f"{seconds} s" if seconds < 120 else _told(seconds // 60)
    return RankPart(name="duration", points=points, reason=f"It has gone on for {told}.")


@_kept
def _count(seen: int) -> RankPart:
    return RankPart(
        name="count",
        points=round(COUNT * (1 - 1 / max(1, seen))),
        reason=f"It happened {seen} times in this alert."
        if seen > 1
        else "It happened once so far.",
    )


@_kept
def _correlated(neighbours: tuple[Neighbour, ...], crowd: int) -> RankPart:
    if not neighbours:
        return RankPart(
            name="correlated",
            points=0,
            reason="No neighbouring camera saw anything within 5 minutes.",
        )
    # Squared: four neighbours in the rain are not one that is trusted.
    evidence = sum(one.weight**2 for one in neighbours)
    against = EVIDENCE + CROWDED * max(0, crowd - CROWD)
    names = ", ".join(one.camera_id for one in neighbours[:3])
    many = f"; {crowd} cameras did at once, as in bad weather" if crowd > CROWD else ""
    return RankPart(
        name="correlated",
        points=round(CORRELATED * evidence / (evidence + against)),
        reason=f"Neighbouring cameras saw something within 5 minutes too ({names}){many}.",
    )


@_kept
def _precision(percent: int, recent: str, whole: str) -> RankPart:
    reason = _said(recent, "this camera and rule")
    if reason is None:
        reason = "Analysts have judged no alert of this camera and rule yet."
        camera = _said(whole, "the camera")
        if camera is not None:
            reason = f"{reason[:-1]}; {camera[0].lower()}{camera[1:]}"
    return RankPart(name="precision", points=round(PRECISION * percent / 100), reason=reason)


def _said(recent: str, of: str) -> str | None:
    """`7 of the last 8 alerts of this camera and rule were false.`"""
    if not recent:
        return None
    judged, true = len(recent), recent.count("t")
    wrong = {"f": "false", "b": "benign"}
    word = " or ".join(name for letter, name in wrong.items() if letter in recent)
    count, kind = (true, "true") if 2 * true >= judged else (judged - true, word)
    if judged == 1:
        return f"The last judged alert of {of} was {kind}."
    return f"{count} of the last {judged} judged alerts of {of} were {kind}."
