"""What analysts said of a camera and rule: counts that fade, and what they make probable.

Precision is a Beta-Binomial posterior mean, (true + s m) / (judged + s), with a prior mean m that
weighs like s verdicts. For a camera as a whole that is Jeffreys' prior, m = 1/2 and s = 1 (Gelman
et al., Bayesian Data Analysis, 3rd ed., 2.8); a rule's prior mean is its camera's precision
(partial pooling, ibid. 5): a camera in the rain is wrong by every rule, and one verdict neither
makes a rule worthless nor proves it.

Verdicts of the same part of the day count in full, others less: the door that staff open at eight
is not the door that opens at three. The weights are ours; as all of them are positive, a false
alarm lowers the precision at every hour, and a confirmation raises it at every hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

__all__ = ["Feedback", "Verdict", "Verdicts", "judged", "migrate_v1", "opinion", "verdict_of"]

HALF_LIFE: Final = timedelta(days=60)
"""A verdict of two months ago counts half: seasons turn, and cameras are moved and cleaned."""
BANDS: Final = 8
"""Parts of a day, of three hours each."""
NEAR: Final = (1.0, 0.8, 0.5, 0.5, 0.5, 0.5, 0.5, 0.8)
"""What a verdict counts for a band that lies so many bands away."""
MIDDLE: Final = 0.5
"""The precision of what nobody judged."""
STRENGTH: Final = 1.0
"""Verdicts that the middle weighs (Jeffreys)."""
POOLED: Final = 2.0
"""Verdicts that a camera's other rules weigh for one of them; ours."""
LATEST: Final = 10
"""Verdicts that are kept one by one, for the sentence."""


class Verdict(StrEnum):
    """What a resolution says of its rule; the values are what `recent` is spelled with."""

    TRUE = "t"
    FALSE = "f"
    BENIGN = "b"
    """Seen rightly, and nothing to act on: as little worth an analyst's look as a false one."""


def verdict_of(resolution: str | None) -> Verdict | None:
    """The verdict in a resolve's reason; None for `duplicate`, `test` and none at all."""
    match resolution:
        case "true_positive":
            return Verdict.TRUE
        case "false_positive":
            return Verdict.FALSE
        case "benign":
            return Verdict.BENIGN
        case _:
            return None


class Verdicts(Struct, frozen=True, gc=False, kw_only=True):
    """The verdicts on a rule, or on a zone.

    true, other: weights by part of the day, as of `at`; `at` is the newest alert's event time.
    recent: the newest verdicts, newest last, a letter each.
    """

    true: tuple[float, ...] = (0.0,) * BANDS
    other: tuple[float, ...] = (0.0,) * BANDS
    at: datetime | None = None
    recent: str = ""


class Feedback(Struct, frozen=True, gc=False):
    """What verdicts make of an alert. precision: 0..1, 0.5 where nobody said anything.

    recent: the newest verdicts on its rule; whole: those on all of its camera's.
    """

    precision: float = MIDDLE
    recent: str = ""
    whole: str = ""


UNJUDGED: Final = Feedback()


def judged(
    before: Verdicts | None, verdict: Verdict, at: datetime, hour: int, *, taken_back: bool = False
) -> Verdicts:
    """The verdicts with one more, on an alert whose newest event was at `at`, in that local hour.

    taken_back: the alert was reopened, so that what was said of it counts no more. The order in
    which verdicts come does not matter: each fades from its own event time.
    """
    known = before or Verdicts()
    newest = at if known.at is None else max(at, known.at)
    fade = 1.0 if known.at is None else _fade(newest - known.at)
    weight = _fade(newest - at) * (-1.0 if taken_back else 1.0)
    true = [each * fade for each in known.true]
    other = [each * fade for each in known.other]
    counted = true if verdict is Verdict.TRUE else other
    band = hour * BANDS // 24
    counted[band] = max(0.0, counted[band] + weight)
    recent = known.recent
    if taken_back:
        place = recent.rfind(verdict.value)
        recent = recent[:place] + recent[place + 1 :] if place >= 0 else recent
    else:
        recent = (recent + verdict.value)[-LATEST:]
    return Verdicts(true=tuple(true), other=tuple(other), at=newest, recent=recent)


def opinion(
    verdicts: Verdicts | None, at: datetime, hour: int, within: Feedback | None = None
) -> Feedback:
    """What the verdicts say of an alert at `at`, in that local hour.

    within: what is said of the camera that the rule is one of.
    """
    mean, strength = (MIDDLE, STRENGTH) if within is None else (within.precision, POOLED)
    whole = "" if within is None else within.recent
    if verdicts is None:
        return UNJUDGED if not whole else Feedback(mean, "", whole)
    fade = 1.0 if verdicts.at is None else _fade(at - verdicts.at)
    band = hour * BANDS // 24
    true = other = 0.0
    for place in range(BANDS):
        near = NEAR[place - band]
        true += near * verdicts.true[place]
        other += near * verdicts.other[place]
    precision = (fade * true + strength * mean) / (fade * (true + other) + strength)
    return Feedback(precision, verdicts.recent, whole)


def _fade(age: timedelta) -> float:
    """What is left of a verdict's weight; a late alert is no younger than new."""
    days = age / HALF_LIFE
    return 1.0 if days <= 0 else float(0.5**days)


def migrate_v1(row: Any) -> Any:
    """Version 1 counted `true` and `false` without a time: they count from now on, at any hour."""
    return {
        "true": [row.get("true", 0) / BANDS] * BANDS,
        "other": [row.get("false", 0) / BANDS] * BANDS,
    }
