"""The rank of an alert: a sum of parts, each with its points and a sentence.

Every part alone grows with how much it speaks for looking now, so that raising one input never
lowers the rank. The points are ours: severity, which a person set, outweighs any two other parts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from msgspec import Struct

from schemas.alert import RankPart
from schemas.base import Severity

__all__ = ["MAX_RANK", "Feedback", "Inputs", "rank_parts"]

MAX_RANK: Final = 100
SEVERITY: Final = {
    Severity.CRITICAL: 50,
    Severity.HIGH: 38,
    Severity.MEDIUM: 26,
    Severity.LOW: 14,
    Severity.INFO: 4,
}
CONFIDENCE: Final = 12
UNKNOWN_CONFIDENCE: Final = 6
HOUR: Final = 14
UNKNOWN_HOUR: Final = 7
NOVELTY: Final = 12
COUNT: Final = 6
PRECISION: Final = 6


class Feedback(Struct, frozen=True, kw_only=True):
    """What analysts said of this camera and rule: how many were true, how many false."""

    true: int = 0
    false: int = 0


class Inputs(Struct, frozen=True, kw_only=True):
    """What a rank is made of.

    confidence: 0..1, None where the source gave none. hour_share: 1 is the camera's average hour,
    None without a history. since_same: since the last of this place and type, None: never seen.
    events, repeats: of the alert so far.
    """

    severity: Severity
    confidence: float | None
    hour_share: float | None
    since_same: timedelta | None
    events: int
    repeats: int
    feedback: Feedback


def rank_parts(inputs: Inputs) -> tuple[RankPart, ...]:
    """The parts; their points add up to the rank, 0 to 100."""
    return (
        RankPart(
            name="severity",
            points=SEVERITY[inputs.severity],
            reason=f"The zone's severity is {inputs.severity.value}.",
        ),
        _confidence(inputs.confidence),
        _hour(inputs.hour_share),
        _novelty(inputs.since_same),
        _count(inputs.events, inputs.repeats),
        _precision(inputs.feedback),
    )


def _confidence(confidence: float | None) -> RankPart:
    if confidence is None:
        return RankPart(
            name="confidence", points=UNKNOWN_CONFIDENCE, reason="Its source gives no confidence."
        )
    return RankPart(
        name="confidence",
        points=round(CONFIDENCE * confidence),
        reason=f"The detector is {confidence:.0%} sure.",
    )


def _hour(share: float | None) -> RankPart:
    if share is None:
        return RankPart(
            name="hour",
            points=UNKNOWN_HOUR,
            reason="The camera has no history of a week yet to compare the hour with.",
        )
    points = round(HOUR / (1.0 + share))
    word = "quiet" if share < 0.5 else "busy" if share > 1.5 else "ordinary"
    return RankPart(
        name="hour",
        points=points,
        reason=f"For this camera it is a {word} hour ({share:.1f} times its average).",
    )


def _novelty(since: timedelta | None) -> RankPart:
    if since is None:
        return RankPart(
            name="novelty", points=NOVELTY, reason="Nothing like it was seen here before."
        )
    hours = since.total_seconds() / 3600
    points = round(NOVELTY * min(1.0, hours / 24))
    told = f"{hours:.0f} h" if hours >= 1 else f"{since.total_seconds() / 60:.0f} min"
    return RankPart(name="novelty", points=points, reason=f"The last like it was {told} before.")


def _count(events: int, repeats: int) -> RankPart:
    seen = events + repeats
    points = min(COUNT, round(COUNT * (1 - 1 / max(1, seen))))
    return RankPart(
        name="count",
        points=points,
        reason=f"It happened {seen} times in this alert."
        if seen > 1
        else "It happened once so far.",
    )


def _precision(feedback: Feedback) -> RankPart:
    # Laplace's rule of succession: one true and one false before anything was said.
    share = (feedback.true + 1) / (feedback.true + feedback.false + 2)
    said = feedback.true + feedback.false
    reason = (
        f"Analysts confirmed {feedback.true} of {said} like it."
        if said
        else "Analysts have not judged one like it yet."
    )
    return RankPart(name="precision", points=round(PRECISION * share), reason=reason)
