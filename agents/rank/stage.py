"""The stage: an enriched event gets what its alert's rank is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from agents.enrich.stage import Enriched
from agents.rank.score import Feedback
from agents.runtime.stage import Context, Effect, Forward, Stage
from agents.runtime.state import TableSpec
from schemas.decision import StageVerdict

__all__ = ["RANK", "Judged", "Ranked", "rule_key"]


class Ranked(Struct, frozen=True, kw_only=True):
    """An enriched event with the feedback on its camera and rule; route adds the counts."""

    item: Enriched
    feedback: Feedback
    stages: tuple[StageVerdict, ...]


class Judged(Struct, frozen=True, kw_only=True):
    """An analyst resolved an alert of this rule, and said whether it was true."""

    rule: str
    true: bool


FEEDBACK: Final = TableSpec(name="rank.feedback", value=Feedback)
RANK = Stage(name="rank", reads=(Enriched, Judged), writes=(), state=(FEEDBACK,))


def rule_key(site: str, camera: str | None, zone: str | None, event_type: str) -> str:
    """A camera's rule: what feedback is counted by."""
    return f"{site}/{camera or ''}/{zone or ''}/{event_type}"


@RANK.on(Enriched)
def on_enriched(ctx: Context, item: Enriched) -> Iterable[Effect]:
    """Look up what analysts said of events like it."""
    event = item.event
    key = rule_key(
        event.site_id, event.camera_id or event.device_id, event.zone_id, event.event_type
    )
    feedback = ctx.get(FEEDBACK, key) or Feedback()
    verdict = StageVerdict(
        stage="rank",
        verdict="pass",
        detail=f"{feedback.true} true and {feedback.false} false by feedback",
    )
    yield Forward(Ranked(item=item, feedback=feedback, stages=(*item.stages, verdict)))


@RANK.on(Judged)
def on_judged(ctx: Context, judged: Judged) -> Iterable[Effect]:
    """Count an analyst's verdict."""
    before = ctx.get(FEEDBACK, judged.rule) or Feedback()
    ctx.put(
        FEEDBACK,
        judged.rule,
        Feedback(true=before.true + judged.true, false=before.false + (not judged.true)),
    )
    return ()
