"""What a channel is told: by which template, in which language, in whose time."""

from __future__ import annotations

from typing import Any

import pytest

from agents.notify.message import compose, language_of, pick, severity_of
from agents.notify.wording import LANGUAGES, words
from schemas.base import Severity
from schemas.document import Site, SiteNotifications, Template
from schemas.notification import NotifyStatus
from schemas.reading.templates import MOST_SHOWN
from tests.unit.agents.notify.parts import channel, line, note, request

EMAIL = channel("email", "mail")


def said(of: Any = None, one: Any = EMAIL, site: Site | None = None, *templates: Template) -> Any:
    return compose(of or request(), one, site=site, templates=templates, link_base="https://w.org/")


def test_the_built_in_texts() -> None:
    found = said(request(alerts=(line(1, Severity.CRITICAL), line(2, Severity.LOW))))
    assert found.subject == "Critical: 2 alerts, north"
    assert found.text.splitlines() == [
        "Critical (70): person at Gate (yard), North depot, 2026-03-02 10:00:00",
        "Low (69): person at Gate (yard), North depot, 2026-03-02 10:00:00",
        "https://w.org/",
    ]
    assert '<a href="https://w.org/?alert=a-2">' in found.html


@pytest.mark.parametrize(
    ("of", "subject"),
    [
        (request(), "High: person at Gate (yard), North depot"),
        (request(status=NotifyStatus.RESOLVED), "Resolved: person at Gate (yard), North depot"),
        (request(kind="summary", total=40), "Summary: 40 alerts, north"),
        (request(kind="escalation"), "Escalation: person at Gate (yard), North depot"),
        (note(), "Backup failed"),
        (request(alerts=(), total=0), "Info: 0 alerts, north"),
    ],
)
def test_subjects(of: Any, subject: str) -> None:
    assert said(of).subject == subject


def test_a_note_says_what_its_service_wrote() -> None:
    found = said(note(severity=Severity.CRITICAL))
    assert (found.subject, found.text) == ("Backup failed", "The disk is full.")
    assert severity_of(note(severity=Severity.CRITICAL)) is Severity.CRITICAL


def test_the_time_is_the_sites() -> None:
    site = Site(site_id="north", name="North", timezone="America/Sao_Paulo")
    assert "2026-03-02 07:00:00" in said(None, EMAIL, site).text
    # One that does not exist is told in UTC: a notification does not fail for it.
    odd = Site(site_id="north", timezone="Mars/Olympus")
    assert "2026-03-02 10:00:00" in said(None, EMAIL, odd).text


def test_only_so_many_are_named_and_the_rest_is_counted() -> None:
    found = said(request(alerts=tuple(line(n) for n in range(300))))
    assert len(found.view.alerts) == MOST_SHOWN
    assert "+ 280 more" in found.text


@pytest.mark.parametrize(
    ("own", "site", "language"),
    [
        (None, None, "en"),
        (None, "pt", "pt"),
        ("de", "pt", "de"),
    ],
)
def test_the_channels_language_then_the_sites(
    own: str | None, site: str | None, language: str
) -> None:
    one = channel("email") if own is None else channel("email", language=own)
    where = Site(site_id="north", notifications=SiteNotifications(language=site))
    assert language_of(one, where) == language


def test_every_language_has_every_word() -> None:
    for language in LANGUAGES:
        assert set(words(language)) == set(words("en"))
        assert all(words(language).values())
    assert words("pt-BR") == words("pt")
    assert words("tlh") == words("en")
    assert said(None, channel("email", language="pt_BR")).subject.startswith("Alto:")


TEMPLATES = (
    Template(text="any"),
    Template(channel="email", text="kind"),
    Template(channel="mail", text="name"),
    Template(severity=Severity.CRITICAL, text="critical"),
    Template(channel="email", severity=Severity.CRITICAL, text="kind critical"),
    Template(language="pt", text="pt"),
    Template(channel="email", language="pt-BR", text="kind pt-BR"),
    Template(channel="sms", severity=Severity.CRITICAL, language="pt", text="sms"),
    Template(channel="email", subject="only a subject"),
)


@pytest.mark.parametrize(
    ("name", "kind", "severity", "language", "best"),
    [
        ("mail", "email", "high", "en", "name"),
        (None, "email", "high", "en", "kind"),
        (None, "email", "critical", "en", "kind critical"),
        ("mail", "email", "critical", "en", "name"),
        (None, "log", "critical", "en", "critical"),
        (None, "log", "critical", "pt", "critical"),
        (None, "log", "high", "pt", "pt"),
        (None, "log", "high", "pt-BR", "pt"),
        (None, "email", "high", "pt-BR", "kind pt-BR"),
        (None, "email", "high", "pt", "kind"),
        (None, "sms", "critical", "pt", "sms"),
        (None, "log", "low", "de", "any"),
    ],
)
def test_the_best_template_wins(
    name: str | None, kind: str, severity: str, language: str, best: str
) -> None:
    found = pick(TEMPLATES, "text", channel(kind, name), language, Severity(severity))
    assert found[0] == best
    assert found[-1] == "any"


def test_parts_are_found_one_by_one() -> None:
    found = said(None, channel("email"), None, *TEMPLATES)
    assert (found.subject, found.text) == ("only a subject", "kind")
    assert found.html.startswith("<h2>High</h2>")


def test_a_template_that_fails_when_it_matters_gives_way(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It rendered when it was applied, for notifications that have alerts."""
    template = Template(text="{{ alerts[0].title }}")
    assert said(note(), EMAIL, None, template).text == "The disk is full."
    assert "does not render" in caplog.text


def test_a_subject_is_one_line() -> None:
    template = Template(subject="a\r\nBcc: everybody\n{{ severity }}")
    assert said(None, EMAIL, None, template).subject == "a Bcc: everybody high"


def test_html_from_outside_is_text() -> None:
    bad = line(title="<img src=x onerror=alert(1)>")
    assert "<img" not in said(request(alerts=(bad,))).html
