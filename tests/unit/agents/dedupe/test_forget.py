"""What dedupe knows is forgotten in pages, those of the release before among them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from agents.dedupe.stage import FORGET, LEDGER, PAGE, WINDOWS
from agents.runtime.state import TableSpec, decode_row
from schemas.decision import Decision
from tests.unit.agents.harness import Harness, at, decisions, event, messages, site
from topics.catalogue import DECISIONS

HOURS_25 = timedelta(hours=25)


def kept(harness: Harness, spec: TableSpec[Any]) -> int:
    """Rows of a table."""
    rows = harness.decide.store.rows
    return sum(table == spec.table and key.startswith(spec.prefix) for table, _, key in rows)


def test_more_events_of_a_minute_than_a_page_holds_are_all_forgotten() -> None:
    harness = Harness(site(dedupe_window_sec=60))
    for number in range(2 * PAGE + 3):
        harness.send(event(f"e{number}"))
    assert kept(harness, LEDGER) == 2 * PAGE + 3
    # Full ones, and a newest that is small: every event writes that one again.
    rows = harness.decide.store.rows.items()
    pages = [
        len(decode_row(FORGET, data).events)
        for (table, _, key), data in rows
        if table == FORGET.table and key.startswith(FORGET.prefix)
    ]
    assert sorted(filter(None, pages)) == [3, PAGE, PAGE]
    harness.advance(at(0) + HOURS_25 + timedelta(minutes=1))
    assert kept(harness, LEDGER) == 0


def test_an_event_ahead_of_the_tick_is_known_for_25_hours_of_its_own() -> None:
    harness = Harness(site())
    one = event("e1", at_seconds=299)
    harness.send(one, at_seconds=0)
    first: list[Decision] = messages(harness.outputs, DECISIONS)
    harness.advance(one.occurred_at + HOURS_25 - timedelta(minutes=1))
    assert decisions(harness.send(one)) == [("sent", None)]
    again: list[Decision] = messages(harness.outputs, DECISIONS)
    assert {d.decided_at for d in again} == {d.decided_at for d in first}
    harness.advance(one.occurred_at + HOURS_25 + timedelta(minutes=7))
    assert decisions(harness.send(one)) == [("rejected", "timestamp_out_of_range")]


def test_pages_of_the_release_before_are_read() -> None:
    harness = Harness(site(dedupe_window_sec=60))
    harness.send(event("e1"))
    store = harness.decide.store
    pages = [place for place in store.rows if place[2].startswith("forget:")]
    for place in pages:
        page = decode_row(FORGET, store.rows[place])
        old = {
            "keys": (*(f"e{key}" for key in page.events), *(f"w{key}" for key in page.windows)),
            "pages": page.pages,
        }
        store.rows[place] = bytes((1,)) + msgspec.msgpack.encode(old)
    assert pages
    assert harness.row(LEDGER, "north/e1") is not None
    assert kept(harness, WINDOWS) == 1
    harness.advance(at(0) + 3 * HOURS_25)
    assert not [key for table, _, key in store.rows if table == "dedupe"]
