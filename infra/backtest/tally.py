"""What a run under one document came to, counted; runs of several sites add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Rule", "Seen", "Tally"]

Rule = tuple[str, str, str, str]
"""Site, camera (or device), zone and event type: what figures are told by."""

Outcome = tuple[str, str | None]
"""A decision's result and reason."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one watched event. alert: the one that it is in, or None."""

    result: str
    reason: str | None
    alert: str | None


@dataclass(slots=True)
class Tally:
    """One document's figures.

    outcomes: events by rule and decision. alerts: opened, by rule. told: alerts opened by rule of
    which somebody was told. notifications: by receiver, kind and status. watched: by site and
    event. told_alerts: of the alerts that hold watched events, those that somebody was told of.
    """

    outcomes: dict[Rule, Counter[Outcome]] = field(default_factory=dict)
    alerts: Counter[Rule] = field(default_factory=Counter)
    told: Counter[Rule] = field(default_factory=Counter)
    notifications: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    watched: dict[tuple[str, str], Seen] = field(default_factory=dict)
    told_alerts: set[str] = field(default_factory=set)
    failed: int = 0

    def add(self, other: Tally) -> None:
        """Add another run's figures, of other sites."""
        for rule, outcomes in other.outcomes.items():
            self.outcomes.setdefault(rule, Counter()).update(outcomes)
        self.alerts.update(other.alerts)
        self.told.update(other.told)
        self.notifications.update(other.notifications)
        self.watched.update(other.watched)
        self.told_alerts |= other.told_alerts
        self.failed += other.failed
