"""What a receiver's channels would be told, without telling anybody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from agents.notify.cards import BUTTONS, MODES, cards, messages
from agents.notify.message import compose
from agents.notify.passes import keyed
from schemas.base import Severity
from schemas.document import Channel, Receiver, Site, Template
from schemas.ids import notification_id
from schemas.notification import Line, NotifyRequest, NotifyStatus

__all__ = ["Preview", "preview", "sample"]

MOST_ALERTS: Final = 200
_TITLES: Final = (
    "person at Gate (yard), {site}",
    "loitering at Fence (yard), {site}",
    "vehicle at Dock (dock), {site}",
)


class Preview(Struct, frozen=True, kw_only=True):
    """What one channel would be told. messages: Google Chat's, where that is its kind."""

    channel: str
    kind: str
    language: str
    subject: str
    text: str
    html: str
    messages: tuple[dict[str, Any], ...] = ()


def sample(
    site: str,
    receiver: str,
    now: datetime,
    *,
    severity: Severity = Severity.HIGH,
    status: NotifyStatus = NotifyStatus.FIRING,
    kind: str = "alert",
    alerts: int = 3,
) -> NotifyRequest:
    """A notification that never happened; the first of its alerts has the severity."""
    count = max(1, min(alerts, MOST_ALERTS))
    lower = [one for one in reversed(Severity) if one.rank <= severity.rank]
    return NotifyRequest(
        notification_id=notification_id(site, receiver, "preview", 1),
        site_id=site,
        receiver=receiver,
        status=status,
        kind=kind,
        group="preview",
        flush=1,
        requested_at=now,
        deadline=now,
        alerts=tuple(
            Line(
                alert_id=f"preview-{number}",
                title=_TITLES[number % len(_TITLES)].format(site=site),
                severity=severity if number == 0 else lower[-1 - number % len(lower)],
                rank=max(0, 90 - number),
                last_event=now - timedelta(minutes=number),
            )
            for number in range(count)
        ),
        total=count,
    )


def preview(
    request: NotifyRequest,
    receiver: Receiver,
    *,
    site: Site | None,
    templates: Sequence[Template],
    link_base: str,
    channel: str | None = None,
    language: str | None = None,
) -> list[Preview]:
    """What each of the receiver's channels (or one, by name or kind) would be told."""
    found: list[Preview] = []
    for key, one in keyed(receiver.channels).items():
        if channel is not None and channel not in (key, one.name, one.kind):
            continue
        base = one.options.get("link_base", link_base)
        spoken = one
        if language is not None:
            spoken = replace(one, options={**one.options, "language": language})
        said = compose(
            request,
            spoken,
            site=site,
            templates=templates,
            link_base=base if isinstance(base, str) else "",
        )
        found.append(
            Preview(
                channel=key,
                kind=one.kind,
                language=said.view.language,
                subject=said.subject,
                text=said.text,
                html=said.html,
                messages=tuple(messages(_cards(request, one, site, said), said))
                if one.kind == "gchat"
                else (),
            )
        )
    return found


def _cards(
    request: NotifyRequest, channel: Channel, site: Site | None, said: Any
) -> list[dict[str, Any]]:
    default = "summary" if site is not None and site.notifications.mode == "cards" else "text"
    mode = channel.options.get("mode", default)
    if mode not in MODES or mode == "text":
        return []
    buttons = channel.options.get("buttons_per_card", BUTTONS)
    return cards(request, said, mode, buttons if isinstance(buttons, int) else BUTTONS)
