"""A cursor goes on with its own query and with no other."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from api.alert.repository import RankKey
from api.event.repository import EventKey
from api.paging import Cursor, fingerprint
from api.problems import BadCursor

AT = datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)
QUERY = fingerprint("rank", {"sites": ["north"]})


def test_round_trip_keeps_every_microsecond() -> None:
    key = EventKey(AT, "e-1")
    text = Cursor(QUERY, key).encode()
    assert "=" not in text
    assert Cursor.decode(text, EventKey, QUERY) == key


def test_other_filters_are_refused() -> None:
    text = Cursor(QUERY, RankKey(5, "a")).encode()
    with pytest.raises(BadCursor, match="other filters"):
        Cursor.decode(text, RankKey, fingerprint("rank", {"sites": ["south"]}))
    with pytest.raises(BadCursor, match="other filters"):
        Cursor.decode(text, RankKey, fingerprint("newest", {"sites": ["north"]}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "zzz",
        "!!!",
        "ü",
        "A" * 601,
        base64.urlsafe_b64encode(b'["x"]').decode(),
        base64.urlsafe_b64encode(b'["x",["not a number","a"]]').decode(),
        base64.urlsafe_b64encode(b"[" * 300).decode(),
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.decode(text, RankKey, QUERY)


def test_fingerprint_does_not_depend_on_the_order_of_filters() -> None:
    assert fingerprint("rank", {"a": 1, "b": 2}) == fingerprint("rank", {"b": 2, "a": 1})
    assert fingerprint("rank", {"a": 1}) != fingerprint("rank", {"a": 2})
