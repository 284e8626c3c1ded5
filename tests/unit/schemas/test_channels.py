"""A channel's options: named when they are wrong, and never quoted."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from agents.notify.senders.registry import senders
from schemas.document_reader import examine
from schemas.reading.channels import KINDS
from schemas.reading.routing import CHANNEL_KINDS

SECRET = "hunter2-in-the-wrong-field"


def found(channel: dict[str, Any], **document: Any) -> tuple[list[str], list[str]]:
    """The problems and the notes of a document with that channel."""
    text = yaml.safe_dump(
        {
            "route": {"receiver": "soc"},
            "receivers": [{"name": "soc", "channels": [channel]}],
            **document,
        }
    )
    reading = examine(text)
    return [p.message for p in reading.problems], [n.message for n in reading.notes]


GOOD: list[dict[str, Any]] = [
    {"kind": "log"},
    {"kind": "recording", "anything": {"goes": 1}},
    {"kind": "webhook", "url": "https://h.example.org/x", "secret": "hook", "timeout": "5s"},
    {"kind": "alertmanager", "url": "https://a.example.org"},
    {"kind": "pushover", "credentials": "app", "user": "key", "retry": "60s", "expire": "1h"},
    {"kind": "gchat", "credentials": "chat", "mode": "links", "buttons_per_card": 6},
    {"kind": "whatsapp", "credentials": "t", "phone_number_id": "10", "to": "491700000"},
    {"kind": "sms", "credentials": "tw", "from": "+1", "to": "+2", "backoff_first": "30s"},
    {"kind": "email", "host": "m.example.org", "from": "a@b.org", "to": ["c@d.org"], "port": 25},
    {"kind": "webpush", "credentials": "v", "subscription": "s", "contact": "mailto:a@b.org"},
    {"kind": "webpush", "credentials": "v", "users": ["kim", "lee"], "contact": "mailto:a@b.org"},
    {"kind": "webpush", "credentials": "v", "users": "everyone", "contact": "https://b.org"},
    {"kind": "slack", "credentials": "slack-url", "picture": True},
    {"kind": "ntfy", "url": "ntfys://ntfy.example.org/topic", "rate_limit_per_min": 10},
]


@pytest.mark.parametrize("channel", GOOD, ids=lambda channel: str(channel["kind"]))
def test_what_is_right_is_taken_without_a_word(channel: dict[str, Any]) -> None:
    assert found(channel) == ([], [])


def test_every_kind_is_declared_and_has_a_sender() -> None:
    assert set(CHANNEL_KINDS) == set(KINDS) == set(senders(silent=False))
    assert set(senders(silent=True)) == set(CHANNEL_KINDS)


def test_a_kind_that_nobody_knows_is_refused_by_name() -> None:
    (problem,), _ = found({"kind": "pushovr", "credentials": "app"})
    assert "'pushovr' is no kind of channel. Did you mean 'pushover'?" in problem


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({"kind": "email", "hots": SECRET}, "unknown field 'hots' in channel 'email'"),
        ({"kind": "gchat", "credentials": SECRET + " !"}, "credentials of channel 'gchat'"),
        ({"kind": "gchat", "credentials": "c", "mode": SECRET}, "one of text, summary, top20"),
        ({"kind": "gchat", "credentials": "c", "buttons_per_card": 0}, "from 1 to 20"),
        ({"kind": "gchat", "url": SECRET}, "url of channel 'gchat'"),
        ({"kind": "gchat", "url": "https://"}, "names a host"),
        ({"kind": "pushover", "credentials": "a", "user": "b c"}, "user of channel"),
        ({"kind": "pushover", "credentials": "a", "user": "b", "priority": 3}, "from -2 to 2"),
        ({"kind": "pushover", "credentials": "a", "user": "b", "retry": "5s"}, "from 30 s"),
        ({"kind": "pushover", "credentials": "a", "user": "b", "picture": "yes"}, "true or false"),
        ({"kind": "pushover", "token": SECRET, "user": "b"}, "carries a secret in 'token'"),
        ({"kind": "webhook", "url": "https://u:p@h.org/"}, "carries a user or a password"),
        ({"kind": "webhook", "url": "https://h.org/", "timeout": "soon"}, "is no duration"),
        ({"kind": "webhook", "url": "https://h.org/", "timeout": "10m"}, "to 60 s"),
        ({"kind": "email", "host": "h", "from": "a\nBcc: b", "to": "c"}, "one line"),
        ({"kind": "email", "host": "h", "from": "a", "to": []}, "a list of at most 50"),
        ({"kind": "slack", "url": "T/B/x"}, "is a URL"),
        ({"kind": "webpush", "users": "kim"}, "of receiver 'soc' is everyone, or a list of"),
        ({"kind": "webpush", "users": []}, "a list of 1 to 200 names"),
        ({"kind": "webpush", "users": ["kim", "no name"]}, "a list of 1 to 200 names"),
        ({"kind": "webpush", "users": [["kim"]]}, "a list of 1 to 200 names"),
        ({"kind": "webpush", "users": [f"u{n}" for n in range(201)]}, "a list of 1 to 200 names"),
        (
            {"kind": "webpush", "users": ["kim"], "subscription": "s"},
            "has subscription and users, and takes one",
        ),
    ],
)
def test_what_is_wrong_is_named_and_not_quoted(channel: dict[str, Any], said: str) -> None:
    problems, _ = found(channel)
    assert any(said in problem for problem in problems), problems
    assert SECRET not in " ".join(problems)


@pytest.mark.parametrize(
    ("channel", "needs"),
    [
        ({"kind": "pushover"}, "needs credentials"),
        ({"kind": "gchat"}, "needs credentials or url"),
        ({"kind": "sms", "credentials": "c", "to": "+1"}, "needs from or messaging_service"),
        ({"kind": "webpush", "credentials": "c"}, "needs subscription or users"),
    ],
)
def test_what_is_missing_is_noted(channel: dict[str, Any], needs: str) -> None:
    problems, notes = found(channel)
    assert problems == []
    assert any(needs in note for note in notes)


def test_two_ways_to_say_whom_a_push_goes_to_are_refused_at_their_line() -> None:
    text = (
        "route: {receiver: soc}\n"
        "receivers:\n"
        "  - name: soc\n"
        "    channels:\n"
        "      - kind: webpush\n"
        "        credentials: v\n"
        "        contact: mailto:a@b.org\n"
        "        subscription: s\n"
        "        users: everyone\n"
    )
    (problem,) = examine(text).problems
    assert (problem.line, "takes one" in problem.message) == (9, True)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({"subject": "{{ sevrity }}"}, "subject of a template does not render: 'sevrity'"),
        ({"text": "{% for a in alerts %}"}, "text of a template does not render: line 1"),
        ({"html": "{{ alerts[0].nothing }}"}, "html of a template does not render"),
        ({"text": "{{ x() }}"}, "text of a template does not render"),
        ({"channel": "email"}, "needs a subject, a text or an html"),
        ({"text": "x", "severity": "worst"}, "'worst' is none of these"),
        ({"text": "x" * 8001}, "text has 8,001 characters"),
        ({"text": "x", "langage": "en"}, "unknown field 'langage' in a template"),
    ],
)
def test_a_template_that_does_not_render_is_refused(template: dict[str, Any], said: str) -> None:
    problems, _ = found({"kind": "log"}, templates=[template])
    assert any(said in problem for problem in problems), problems


def test_a_template_that_renders_is_taken() -> None:
    lines = "{% for a in alerts %}\n{{ a.severity }}\t{{ a.title }}\n{% endfor %}\n"
    template = {"channel": "email", "language": "pt", "severity": "high", "text": lines}
    assert found({"kind": "log"}, templates=[template]) == ([], [])


@pytest.mark.parametrize(
    ("notifications", "said"),
    [
        ({"allowed_networks": ["10.0.0.0/8", "fd00::/8", "192.168.1.7"]}, None),
        ({"allowed_networks": ["10.0.0.1/8"]}, "'10.0.0.1/8' is no network"),
        ({"allowed_networks": ["example.org"]}, "is no network"),
        ({"allow_internal_targets": "sometimes"}, "allow_internal_targets"),
    ],
)
def test_the_networks_that_a_site_allows(notifications: dict[str, Any], said: str | None) -> None:
    sites = [{"site_id": "north", "notifications": notifications}]
    problems, _ = found({"kind": "log"}, sites=sites)
    assert bool(problems) is (said is not None)
    assert said is None or said in problems[0]


@pytest.mark.parametrize(
    ("channel", "noted"),
    [
        ({"kind": "webhook", "url": "http://192.168.1.5/hook"}, True),
        ({"kind": "webhook", "url": "http://localhost:9000/"}, True),
        ({"kind": "webhook", "url": "https://[::1]/"}, True),
        ({"kind": "webhook", "url": "https://8.8.8.8/"}, False),
        ({"kind": "webhook", "url": "https://hooks.example.org/"}, False),
        ({"kind": "email", "host": "10.0.0.25", "from": "a@b.org", "to": "c@d.org"}, True),
    ],
)
def test_a_target_that_nobody_allows_is_noted(channel: dict[str, Any], noted: bool) -> None:
    closed = [{"site_id": "north"}]
    opened = [{"site_id": "north", "notifications": {"allow_internal_targets": True}}]
    assert any("internal address" in note for note in found(channel, sites=closed)[1]) is noted
    assert found(channel, sites=opened) == ([], [])


def test_a_channel_that_a_site_names_and_nobody_has_is_noted() -> None:
    sites = [{"site_id": "north", "notifications": {"channels": ["log", "pager"]}}]
    _, (noted,) = found({"kind": "log"}, sites=sites)
    assert noted.startswith("no receiver has a channel 'pager'.")
