"""Pages of alerts: what is known at its revision is not read again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
import pytest

from api import examples
from api.alert import repository
from api.alert.pages import Pages
from api.alert.repository import RankKey, Sort
from api.alert.schemas import AlertView
from api.database import OutOfScope, hold
from api.paging import Cursor, Page, fingerprint
from schemas.alert import Alert

NORTH = frozenset({"north"})
Row = dict[str, Any]


def row(alert_id: str, rank: int, revision: int = 1, label: str = "person") -> Row:
    """An alert as the database gives it."""
    fields = {field.name for field in msgspec.structs.fields(Alert)}
    found = msgspec.to_builtins(examples.ALERT, builtin_types=(datetime,))
    found = {name: value for name, value in found.items() if name in fields}
    return found | {"alert_id": alert_id, "rank": rank, "revision": revision, "label": label}


class Archive:
    """Rows, and which of them were read whole."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[Row] = []
        self.gone: set[str] = set()
        self.whole: list[list[str]] = []
        self.after: list[Any] = []
        monkeypatch.setattr(repository, "page", self._page)
        monkeypatch.setattr(repository, "alerts", self._alerts)

    async def _page(
        self,
        _database: Any,
        _sites: Collection[str],
        _filters: Row,
        _sort: Sort,
        after: Any,
        limit: int,
        *,
        keys: bool,
    ) -> list[Row]:
        assert keys
        self.after.append(after)
        names = ("site_id", "alert_id", "revision", "rank", "opened_at")
        ranked = sorted(self.rows, key=lambda one: (-one["rank"], one["alert_id"]))
        return [{name: one[name] for name in names} for one in ranked[:limit]]

    async def _alerts(
        self, _database: Any, sites: Collection[str], alert_ids: Collection[str]
    ) -> list[Row]:
        assert set(sites) == NORTH
        self.whole.append(sorted(alert_ids))
        wanted = set(alert_ids) - self.gone
        return [dict(one) for one in self.rows if one["alert_id"] in wanted]


class Desk:
    """What pages need of the façade."""

    database = None


async def read(pages: Pages, limit: int = 50) -> Page[AlertView]:
    api: Any = Desk()
    raw = await pages.page(api, NORTH, {}, Sort.RANK, None, limit)
    return msgspec.json.decode(raw, type=Page[AlertView])


async def test_only_what_changed_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    archive, pages = Archive(monkeypatch), Pages()
    archive.rows = [row("a", 10), row("b", 20)]
    first = await read(pages)
    assert [one.alert_id for one in first.items] == ["b", "a"]
    assert first.items[0].snapshot_url == "/v1/alerts/b/snapshot"
    assert archive.whole == [["a", "b"]]

    assert await read(pages) == first
    assert archive.whole == [["a", "b"]]

    archive.rows = [row("a", 30, revision=2, label="car"), row("b", 20), row("c", 25)]
    found = await read(pages)
    assert [(one.alert_id, one.label) for one in found.items] == [
        ("a", "car"),
        ("c", "person"),
        ("b", "person"),
    ]
    assert archive.whole == [["a", "b"], ["a", "c"]]


async def test_one_that_goes_between_the_two_readings_is_on_no_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, pages = Archive(monkeypatch), Pages()
    archive.rows = [row("a", 10), row("b", 20)]
    archive.gone = {"b"}
    assert [one.alert_id for one in (await read(pages)).items] == ["a"]


async def test_what_is_kept_is_bounded_and_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(monkeypatch)
    archive.rows = [row(f"a{number}", number) for number in range(4)]
    size = len(msgspec.json.encode((await read(Pages())).items[0]))
    pages = Pages(most_bytes=3 * size + size // 2)
    archive.whole.clear()
    assert len((await read(pages)).items) == 4
    # Three fit: of these the last one on the page was kept last.
    archive.whole.clear()
    assert len((await read(pages, limit=3)).items) == 3
    assert [len(ids) for ids in archive.whole] in ([], [1])
    archive.whole.clear()
    assert len((await read(pages, limit=3)).items) == 3
    assert archive.whole == []


async def test_the_cursor_says_where_the_page_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    archive, pages = Archive(monkeypatch), Pages()
    archive.rows = [row("a", 10), row("b", 20), row("c", 20)]
    found = await read(pages, limit=2)
    query = fingerprint(Sort.RANK, {"sites": ["north"]})
    assert found.next == Cursor(query, RankKey(20, "c")).encode()
    api: Any = Desk()
    await pages.page(api, NORTH, {}, Sort.RANK, found.next, 2)
    assert archive.after == [None, RankKey(20, "c")]
    assert (await read(pages, limit=3)).next is None


async def test_a_page_of_others_sites_is_refused_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive, pages = Archive(monkeypatch), Pages()
    hold(frozenset({"south"}))
    with pytest.raises(OutOfScope):
        await read(pages)
    assert archive.after == []
