"""The week that the bench records: as it says it is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from infra.backtest.site_run import SiteRun, Span, alike, configuration_of
from infra.bench.backtest import WEEK, History, tried_document

END = datetime(2026, 3, 9, tzinfo=UTC)


def history(seed: int = 1) -> History:
    return History(seed=seed, end=END, events=4_000, cameras=4, sites=2, span=timedelta(hours=24))


def test_events_are_in_order_and_within_the_span() -> None:
    past = history()
    every = [event for site in past.sites for event in past.events(site)]
    assert len(every) == 4_000
    assert len({(event.site_id, event.event_id) for event in every}) == 4_000
    for site in past.sites:
        times = [event.occurred_at for event in past.events(site)]
        assert times == sorted(times)
        assert past.begin <= times[0]
        assert times[-1] < past.end


def test_the_seed_makes_the_past() -> None:
    first, again, other = (list(history(seed).events("site-00")) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_nine_in_ten_are_folded_and_both_documents_decide() -> None:
    past = history()
    documents = [past.document(), tried_document(past.document())]
    assert alike("site-00", documents) == {"zone-1"}
    run = SiteRun(
        [configuration_of(one) for one in documents],
        Span(past.begin, past.end, timedelta(0)),
        alike=alike("site-00", documents),
    )
    for event in past.events("site-00"):
        run.feed(event, END.timestamp())
    before, after = run.finish()
    folded = [
        sum(
            (Counter({reason: n for (_, reason), n in o.items()}) for o in one.outcomes.values()),
            start=Counter[str | None](),
        )["dedupe_window"]
        for one in (before, after)
    ]
    assert folded[0] / 2_000 == pytest.approx(0.9, abs=0.02)
    assert folded[1] > folded[0]
    assert before.failed == after.failed == 0
    assert WEEK.bar is not None
