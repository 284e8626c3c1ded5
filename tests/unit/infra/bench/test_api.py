"""What `bench api` asks, and what it makes of the answers."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from api.alert.schemas import view
from api.stream.feed import text
from api.stream.resume import stamp
from api.stream.schemas import AlertMessage
from infra.bench.api import data
from infra.bench.api.plan import LIMIT_S, Answered, judge, plan
from infra.bench.api.watched import alert, name_in


def test_a_timetable_is_mostly_queues_at_about_its_rate() -> None:
    asked = list(plan(200.0, 60.0, 1))
    assert [one.at for one in asked] == sorted(one.at for one in asked)
    assert len(asked) == pytest.approx(12_000, rel=0.05)
    assert sum(one.kind == "queue" for one in asked) / len(asked) == pytest.approx(0.8, abs=0.02)
    assert list(plan(200.0, 1.0, 1)) == asked[: len(list(plan(200.0, 1.0, 1)))]
    assert list(plan(200.0, 1.0, 2)) != list(plan(200.0, 1.0, 1))


def test_a_search_has_three_filters() -> None:
    searches = [one.path for one in plan(200.0, 20.0, 1) if one.kind == "search"]
    for path in searches:
        filters = parse_qs(urlsplit(path).query)
        assert filters.pop("limit") == ["50"]
        assert len(filters) == 3
    assert any("result=sent" in path for path in searches)


def answered(at: float, seconds: float, kind: str = "queue", *, ok: bool = True) -> Answered:
    return msgspec.convert({"at": at, "kind": kind, "seconds": seconds, "ok": ok}, Answered)


def test_times_count_from_when_an_answer_was_due() -> None:
    answers = [
        answered(0.5, 9.0),  # before it counts, though it is answered in that time
        *(answered(1.0 + n / 100, 0.010) for n in range(99)),
        answered(1.995, 0.050),  # due in time, answered after it
        answered(1.5, 0.030, "search"),
        answered(2.0, 0.010),  # half open
    ]
    found = judge(answers, 1.0, 2.0)
    assert (found.queue_p50, found.queue_p99) == pytest.approx((10.0, 10.0))
    assert found.search_p99 == pytest.approx(30.0)
    assert (found.asked, found.failed) == (101, 0)
    assert found.per_s == 100.0 - 1 + 1


def test_an_answer_that_failed_is_the_slowest() -> None:
    answers = [answered(1.0, 0.001, ok=False), answered(1.0, 0.001, "search")]
    found = judge(answers, 0.0, 2.0)
    assert (found.queue_p99, found.failed) == (LIMIT_S * 1000, 1)
    assert found.per_s == 0.5


def test_an_alert_is_known_in_the_message_that_tells_it() -> None:
    told = stamp(text(AlertMessage(alert=view(alert(7)))), "token")
    assert name_in(told) == "bench-watched-0007"
    assert name_in(told.replace("bench-watched", "another")) is None


def test_data_of_another_kind_are_taken_away(tmp_path: Path) -> None:
    size = data.Size(100, 10)
    folder, there = data.folder_of(tmp_path, size)
    assert not there
    old = folder.with_name("old")
    for made in (folder, old):
        made.mkdir(parents=True)
        (made / data.DONE).touch()
    assert data.folder_of(tmp_path, size) == (folder, True)
    assert not old.exists()
    (folder / data.DONE).unlink()
    assert data.folder_of(tmp_path, size) == (folder, False)
    assert not folder.exists()
    assert data.digest(size) != data.digest(data.FULL)


def test_every_site_and_camera_of_the_data_is_configured() -> None:
    document = data.document()
    assert len(document.sites) == data.SITES
    assert {len(site.cameras) for site in document.sites} == {data.CAMERAS}
    assert {len(site.zones) for site in document.sites} == {data.ZONES}
