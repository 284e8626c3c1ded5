"""What a channel is told: a request in the channel's language, by the best templates there are."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from agents.notify.wording import HTML, SUBJECT, TEXT, words
from schemas.base import Severity
from schemas.document import Channel, Site, Template
from schemas.notification import Line, NotifyRequest
from schemas.reading.templates import MOST_SHOWN, AlertView, NoticeView, TemplateError, render

__all__ = ["MOST_TEXT", "Said", "compose", "language_of", "pick", "severity_of", "speaking"]

log = logging.getLogger("watchfloor.notify")

MOST_SUBJECT: Final = 200
MOST_TEXT: Final = 4_000
MOST_HTML: Final = 64_000
MOST_TITLE: Final = 300
MOST_LINKED: Final = 60


@dataclass(frozen=True)
class Said:
    """The texts of one notification for one channel.

    subject: one line. linked: the first MOST_LINKED alerts, for what has room for more of them
    than a text.
    """

    subject: str
    text: str
    html: str
    view: NoticeView
    linked: tuple[AlertView, ...] = ()

    @property
    def whole(self) -> str:
        """Subject and text, for channels that have one field."""
        return f"{self.subject}\n{self.text}".strip()


def severity_of(request: NotifyRequest) -> Severity:
    """The worst alert's, or the note's."""
    if request.note is not None:
        return request.note.severity
    return max((line.severity for line in request.alerts), key=lambda s: s.rank, default=_INFO)


_INFO: Final = Severity.INFO


def language_of(channel: Channel, site: Site | None) -> str:
    """The channel's language, else the site's, else English."""
    own = channel.options.get("language")
    if isinstance(own, str) and own:
        return own
    return (site.notifications.language if site is not None else None) or "en"


def speaking(channel: Channel, language: str) -> Channel:
    """The channel, as it speaks to somebody of that language."""
    return replace(channel, options={**channel.options, "language": language})


def pick(
    templates: Sequence[Template], part: str, channel: Channel, language: str, severity: Severity
) -> tuple[str, ...]:
    """The sources for a part (`subject`, `text`, `html`), the best first.

    A template fits where everything that it names is so. A channel's name says more than its kind,
    the kind more than the severity, that more than the language; else the first one wins.
    """
    found: list[tuple[int, int, str]] = []
    for index, template in enumerate(templates):
        source = getattr(template, part)
        if source is None:
            continue
        points = 0
        if template.channel is not None:
            if template.channel == (channel.name or channel.kind):
                points += 8
            elif template.channel == channel.kind:
                points += 4
            else:
                continue
        if template.severity is not None:
            if template.severity is not severity:
                continue
            points += 2
        if template.language is not None:
            if not _speaks(template.language, language):
                continue
            points += 1
        found.append((-points, index, source))
    return tuple(source for _, _, source in sorted(found))


def _speaks(template: str, wanted: str) -> bool:
    mine, theirs = template.lower().replace("_", "-"), wanted.lower().replace("_", "-")
    return mine == theirs or theirs.startswith(f"{mine}-")


def _zone(site: Site | None) -> tzinfo:
    try:
        return ZoneInfo(site.timezone) if site is not None and site.timezone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _local(at: datetime, zone: tzinfo) -> str:
    try:
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError):
        return at.isoformat(timespec="seconds")


def _alerts(lines: Sequence[Line], site: Site | None, link_base: str) -> tuple[AlertView, ...]:
    zone = _zone(site)
    base = link_base.rstrip("/")
    return tuple(
        AlertView(
            id=line.alert_id,
            title=line.title[:MOST_TITLE],
            severity=line.severity.value,
            rank=line.rank,
            at=_local(line.last_event, zone),
            link=f"{base}/?alert={quote(line.alert_id, safe='')}" if base else "",
        )
        for line in lines
    )


def _view(
    request: NotifyRequest,
    shown: tuple[AlertView, ...],
    language: str,
    severity: Severity,
    site: Site | None,
    link_base: str,
) -> NoticeView:
    note = request.note
    queue = f"{link_base.rstrip('/')}/" if link_base else ""
    return NoticeView(
        status=request.status.value,
        kind=request.kind,
        severity=severity.value,
        receiver=request.receiver,
        site=request.site_id,
        site_name=(site.name if site is not None else None) or request.site_id,
        language=language,
        alerts=shown,
        total=request.total,
        more=max(0, request.total - len(shown)),
        title=note.title if note is not None else "",
        text=note.text if note is not None else "",
        link=(note.link or "") if note is not None else queue,
        words=words(language),
    )


def _say(sources: Sequence[str], view: NoticeView, most: int, *, html: bool = False) -> str:
    """By the first source that renders. The last is the built-in one, which always does."""
    for source in sources[:-1]:
        try:
            return render(source, view, html=html, most=most)
        except TemplateError as error:
            # Whoever is to be told is told, if in plainer words.
            log.warning("a template of the document does not render: %s", error)
    return render(sources[-1], view, html=html, most=most)


def compose(
    request: NotifyRequest,
    channel: Channel,
    *,
    site: Site | None,
    templates: Sequence[Template],
    link_base: str,
) -> Said:
    """The texts of a request for a channel. link_base: where the live page is, '' for nowhere."""
    severity = severity_of(request)
    language = language_of(channel, site)
    linked = _alerts(request.alerts[:MOST_LINKED], site, link_base)
    view = _view(request, linked[:MOST_SHOWN], language, severity, site, link_base)

    def sources(part: str, built_in: str) -> tuple[str, ...]:
        return (*pick(templates, part, channel, language, severity), built_in)

    subject = _say(sources("subject", SUBJECT), view, MOST_SUBJECT)
    return Said(
        subject=" ".join(subject.split()),
        text=_say(sources("text", TEXT), view, MOST_TEXT).strip(),
        html=_say(sources("html", HTML), view, MOST_HTML, html=True).strip(),
        view=view,
        linked=linked,
    )
