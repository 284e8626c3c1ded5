"""Google Chat cards: three modes, six buttons a card, 32,000 bytes a message."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from agents.notify.cards import BUTTONS, MOST_BYTES, MOST_CARDS, cards, messages, slices
from agents.notify.message import Said, compose
from schemas.base import Severity
from schemas.notification import NotifyRequest
from tests.unit.agents.notify.parts import channel, line, note, request


def said(of: NotifyRequest, base: str = "https://w.example.org") -> Said:
    return compose(of, channel("gchat"), site=None, templates=(), link_base=base)


def many(count: int, **more: Any) -> NotifyRequest:
    return request(alerts=tuple(line(n, **more) for n in range(count)))


def widgets(card: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = card["card"]["sections"][0]["widgets"]
    return found


def buttons(card: dict[str, Any]) -> int:
    """Buttons of a card, in lists and in rows."""
    return sum(
        len(w["buttonList"]["buttons"])
        if "buttonList" in w
        else "button" in w.get("decoratedText", {})
        for w in widgets(card)
    )


@given(st.lists(st.integers(), max_size=50), st.integers(-1, 20))
def test_slices_keep_everything_in_order(items: list[int], size: int) -> None:
    found = slices(items, size)
    assert [item for part in found for item in part] == items
    assert all(1 <= len(part) <= max(1, size) for part in found)
    assert all(len(part) == max(1, size) for part in found[:-1])


@pytest.mark.parametrize("mode", ["top20", "links"])
@pytest.mark.parametrize(
    ("alerts", "sizes"),
    [
        (1, [1]),
        (6, [6]),
        (7, [6, 1]),
        (12, [6, 6]),
        (20, [6, 6, 6, 2]),
    ],
)
def test_six_buttons_a_card(mode: str, alerts: int, sizes: list[int]) -> None:
    of = many(alerts)
    made = cards(of, said(of), mode)
    assert [buttons(card) for card in made] == sizes
    assert BUTTONS == 6
    titles = [card["card"]["header"]["title"] for card in made]
    assert len(set(titles)) == len(titles)
    assert "more" not in json.encode(made).decode()


@pytest.mark.parametrize(
    ("mode", "alerts", "sizes", "more"),
    [
        ("top20", 45, [6, 6, 6, 2], "+ 25 more"),
        ("links", 45, [6] * 7 + [3], None),
        ("links", 61, [6] * 10, "+ 1 more"),
    ],
)
def test_how_many_a_mode_shows(mode: str, alerts: int, sizes: list[int], more: str | None) -> None:
    of = many(alerts)
    made = cards(of, said(of), mode)
    assert [buttons(card) for card in made] == sizes
    last = json.encode(widgets(made[-1])).decode()
    assert "more" not in last if more is None else more in last


@pytest.mark.parametrize("size", [1, 2, 5, 20])
def test_another_number_of_buttons(size: int) -> None:
    of = many(20)
    made = cards(of, said(of), "links", size)
    assert [buttons(card) for card in made] == [len(p) for p in slices(range(20), size)]


def test_links_open_their_alert_and_the_worst_comes_first() -> None:
    of = many(2)
    (card,) = cards(of, said(of), "links")
    (first, second) = widgets(card)[0]["buttonList"]["buttons"]
    assert first["onClick"]["openLink"]["url"] == "https://w.example.org/?alert=a-0"
    assert first["text"] == "71 person at Gate (yard), North depot"
    assert second["text"].startswith("70 ")


def test_links_without_a_page_are_rows() -> None:
    of = many(7)
    made = cards(of, said(of, base=""), "links")
    assert [len(widgets(card)) for card in made] == [6, 1]
    assert [buttons(card) for card in made] == [0, 0]


def test_summary_counts_by_severity_and_shows_the_worst() -> None:
    of = request(
        alerts=(line(1, Severity.CRITICAL), line(2), line(3), line(4, Severity.LOW)),
    )
    (card,) = cards(of, said(of), "summary")
    text, worst = widgets(card)
    assert text["textParagraph"]["text"] == "1 critical, 2 high, 1 low"
    assert worst["decoratedText"]["topLabel"] == "Critical · 70"


def test_a_note_is_a_card_in_every_mode() -> None:
    for mode in ("summary", "top20", "links"):
        (card,) = cards(note(), said(note()), mode)
        assert card["card"]["header"]["title"] == "Backup failed"
        assert widgets(card)[0]["textParagraph"]["text"] == "The disk is full."


def test_titles_are_no_markup() -> None:
    of = many(1, title="<a href='x'>&</a>")
    (card,) = cards(of, said(of), "top20")
    assert widgets(card)[0]["decoratedText"]["text"] == "&lt;a href='x'&gt;&amp;&lt;/a&gt;"


@given(
    st.integers(0, 60),
    st.integers(1, 20),
    st.sampled_from(["summary", "top20", "links"]),
    st.integers(2_000, MOST_BYTES),
    st.text(min_size=1, max_size=300),
)
def test_no_message_is_larger_than_the_vendor_takes(
    count: int, size: int, mode: str, most: int, title: str
) -> None:
    of = many(count, title=title)
    spoken = said(of)
    made = cards(of, spoken, mode, size)
    sent = messages(made, spoken, most_bytes=most)
    assert sent
    for message in sent:
        assert len(json.encode(message)) <= most
        assert len(message.get("cardsV2", ())) <= MOST_CARDS
    if all("cardsV2" in message for message in sent):
        assert [card for message in sent for card in message["cardsV2"]] == made
