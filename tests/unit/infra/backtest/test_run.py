"""What is asked of a backtest: which document, which sites, which span."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from infra.backtest.run import backtest, combined, longest_memory, touched
from infra.cli.backtest import moment
from infra.errors import WatchfloorError
from infra.settings import Settings
from schemas.document import Document, Routing
from tests.unit.infra.backtest.histories import document

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


def two() -> Document:
    """`north`, and `south` like it."""
    north = document().sites[0]
    return replace(document(), sites=(north, replace(north, site_id="south")))


def test_what_the_new_document_does_not_name_stays() -> None:
    new = Document(sites=(replace(two().sites[1], enabled=False),))
    after = combined(two(), new)
    assert [(site.site_id, site.enabled) for site in after.sites] == [
        ("north", True),
        ("south", False),
    ]
    assert after.routing == two().routing
    assert touched(two(), after, new) == ("south",)


def test_another_route_touches_every_site() -> None:
    known = two().routing.route
    assert known is not None
    route = replace(known, receiver=None)
    new = Document(routing=replace(two().routing, route=route))
    assert touched(two(), combined(two(), new), new) == ("north", "south")


def test_nothing_changed_runs_what_was_named() -> None:
    new = Document(sites=two().sites[:1], routing=Routing())
    assert touched(two(), combined(two(), new), new) == ("north",)


@pytest.mark.parametrize(
    ("windows", "wanted"),
    [
        ((60.0,), timedelta(minutes=20)),  # the quiet time is longer
        ((7200.0, 60.0), timedelta(hours=2)),
        ((86_400.0,), timedelta(hours=24)),
    ],
)
def test_the_lead_is_the_longest_memory(windows: tuple[float, ...], wanted: timedelta) -> None:
    documents = [document(dedupe_window_sec=window) for window in windows]
    assert longest_memory(documents, ["north"]) == wanted
    assert longest_memory(documents, []) == timedelta(minutes=20)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("90m", NOW - timedelta(minutes=90)),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-02T10:00:00+01:00", datetime(2026, 3, 2, 9, 0, tzinfo=UTC)),
    ],
)
def test_moments(text: str, wanted: datetime) -> None:
    assert moment(text, NOW, "--from") == wanted


@pytest.mark.parametrize("text", ["soon", "", "-3d", "2026-13-01", "0001-01-01T00:00:00+09:00"])
def test_what_is_no_moment_is_named(text: str) -> None:
    with pytest.raises(WatchfloorError, match="--from"):
        moment(text, NOW, "--from")


@pytest.mark.parametrize(
    ("since", "until", "says"),
    [
        (NOW, NOW, "is not after"),
        (NOW, NOW - timedelta(days=1), "is not after"),
        (NOW - timedelta(days=400), NOW, "more than 366 days"),
        (datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC, day=2), "year 2"),
        (NOW, datetime.max.replace(tzinfo=UTC), "year 9998"),
    ],
)
def test_a_span_that_is_none_is_refused(since: datetime, until: datetime, says: str) -> None:
    with pytest.raises(WatchfloorError, match=says):
        backtest(Settings(), document(), since, until, now=NOW, current=document())
