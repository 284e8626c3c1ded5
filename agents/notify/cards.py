"""Google Chat cards of a notification: `summary`, `top20` and `links`, sliced to what a card holds.

Cards v2: https://developers.google.com/workspace/chat/api/reference/rest/v1/cards. A message has
32,000 bytes at most (spaces.messages.create), a card few buttons that a person still reads: six,
as in the first gateway (`buttonsPerCard`). Both are kept by slicing: cards first, then messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import json

from agents.notify.message import Said
from schemas.base import Severity
from schemas.notification import NotifyRequest
from schemas.reading.templates import AlertView

__all__ = ["BUTTONS", "MODES", "MOST_BYTES", "cards", "messages", "slices"]

BUTTONS: Final = 6
MODES: Final = ("text", "summary", "top20", "links")
MOST_BYTES: Final = 32_000
MOST_CARDS: Final = 10
"""In one message: more is a wall that nobody reads. The rest goes into the next one."""

Card = dict[str, Any]


def slices(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """The items in order, in pieces of `size`, the last one shorter. size below 1 counts as 1."""
    step = max(1, size)
    return [items[at : at + step] for at in range(0, len(items), step)]


def _button(text: str, link: str) -> dict[str, Any]:
    return {"text": text[:80], "onClick": {"openLink": {"url": link}}}


def _card(name: str, title: str, subtitle: str, widgets: list[dict[str, Any]]) -> Card:
    return {
        "cardId": name,
        "card": {
            "header": {"title": title[:200], "subtitle": subtitle[:200]},
            "sections": [{"widgets": widgets}],
        },
    }


def _escaped(text: str) -> str:
    """Card texts are a subset of HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _row(alert: AlertView, words: Any) -> dict[str, Any]:
    widget: dict[str, Any] = {
        "topLabel": f"{words[alert.severity]} · {alert.rank}",
        "text": _escaped(alert.title),
        "bottomLabel": alert.at,
        "wrapText": True,
    }
    if alert.link:
        widget["button"] = _button(words["open"], alert.link)
    return {"decoratedText": widget}


def _counts(request: NotifyRequest, words: Any) -> str:
    found = {s: sum(line.severity is s for line in request.alerts) for s in Severity}
    return ", ".join(f"{count} {words[s.value].lower()}" for s, count in found.items() if count)


def cards(request: NotifyRequest, said: Said, mode: str, buttons: int = BUTTONS) -> list[Card]:
    """The cards of a mode. buttons: at most so many in a card.

    `summary` counts, and shows the worst alert; `top20` has a row with a button for each of the
    first twenty; `links` a button for each of the first sixty.
    """
    view = said.view
    subtitle = f"{view.site_name} · {view.receiver}"
    if mode == "summary" or not view.alerts:
        text = _escaped(said.text if request.note is not None else _counts(request, view.words))
        widgets: list[dict[str, Any]] = [{"textParagraph": {"text": text or "–"}}]
        if view.alerts:
            widgets.append(_row(view.alerts[0], view.words))
        elif view.link:
            widgets.append(
                {"buttonList": {"buttons": [_button(view.words["open"], view.link)]}},
            )
        return [_card("summary", said.subject, subtitle, widgets)]
    shown = said.linked if mode == "links" else view.alerts
    if mode == "links" and any(alert.link for alert in shown):
        made = [_button(f"{alert.rank} {alert.title}", alert.link) for alert in shown]
        parts: list[list[dict[str, Any]]] = [
            [{"buttonList": {"buttons": list(part)}}] for part in slices(made, buttons)
        ]
    else:
        # Without a page to open, links are rows.
        rows = [_row(alert, view.words) for alert in shown]
        parts = [list(part) for part in slices(rows, buttons)]
    more = view.total - len(shown)
    if more > 0:
        parts[-1].append({"textParagraph": {"text": f"+ {more} {view.words['more']}"}})
    found = []
    for number, part in enumerate(parts, start=1):
        title = said.subject if len(parts) == 1 else f"{said.subject} ({number}/{len(parts)})"
        found.append(_card(f"{mode}-{number}", title, subtitle, part))
    return found


def messages(
    made: Sequence[Card], said: Said, *, most_bytes: int = MOST_BYTES
) -> list[dict[str, Any]]:
    """The cards as messages, in order, none of them larger than `most_bytes` as JSON.

    A card that is too large by itself is told as text.
    """
    found: list[list[Card]] = []
    frame = len(json.encode({"cardsV2": []}))
    used = 0
    for card in made:
        size = len(json.encode(card)) + 1
        if frame + size > most_bytes:
            return [{"text": said.whole[: most_bytes // 8]}]
        if not found or used + size > most_bytes or len(found[-1]) >= MOST_CARDS:
            found.append([])
            used = frame
        found[-1].append(card)
        used += size
    return [{"cardsV2": list(part)} for part in found]
