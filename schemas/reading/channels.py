"""What each kind of channel takes, declared once: the reader checks it, the senders rely on it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final
from urllib.parse import urlsplit

from schemas.base import SchemaError, parse_duration
from schemas.document import Channel, Document, Site, Template
from schemas.reading.problems import Path, Problems, shown
from schemas.reading.secrets import credentials_problem
from schemas.reading.templates import problem_of

__all__ = [
    "APPRISE_KINDS",
    "EVERYONE",
    "KINDS",
    "Kind",
    "check_options",
    "check_site",
    "check_templates",
    "note_targets",
]


class Kind(Enum):
    """What an option holds."""

    TEXT = auto()
    SECRET = auto()
    """The name of a secret."""
    URL = auto()
    """http:// or https://"""
    ANY_URL = auto()
    """With any scheme, as Apprise has them."""
    NUMBER = auto()
    FLAG = auto()
    DURATION = auto()
    LIST = auto()
    """One text, or a list of them."""
    USERS = auto()
    """EVERYONE, or a list of names of users."""


@dataclass(frozen=True)
class Option:
    """An option. words: what a text may be; least, most: what a number or duration may be."""

    kind: Kind
    words: tuple[str, ...] = ()
    least: float = 0
    most: float = 1_000_000


TEXT: Final = Option(Kind.TEXT)
SECRET: Final = Option(Kind.SECRET)
URL: Final = Option(Kind.URL)
FLAG: Final = Option(Kind.FLAG)
LIST: Final = Option(Kind.LIST)
USERS: Final = Option(Kind.USERS)

EVERYONE: Final = "everyone"
MOST_USERS: Final = 200
_USER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}")

COMMON: Final = {
    "language": TEXT,
    "link_base": URL,
    "rate_limit_per_min": Option(Kind.NUMBER, most=100_000),
    "timeout": Option(Kind.DURATION, least=0.1, most=60),
    "backoff_first": Option(Kind.DURATION, least=1, most=3600),
    "backoff_most": Option(Kind.DURATION, least=1, most=3600),
}
_WEB: Final = {**COMMON, "ca_file": TEXT}
_APPRISE: Final = {**COMMON, "credentials": SECRET, "url": Option(Kind.ANY_URL), "picture": FLAG}

APPRISE_KINDS: Final = (
    *("apprise", "discord", "matrix", "mattermost", "mqtt", "ntfy", "pagerduty", "slack"),
    *("teams", "telegram"),
)
"""Kinds that go out through the Apprise library: `credentials` (or `url`) holds its URL."""

KINDS: Final[dict[str, dict[str, Option]]] = {
    "log": COMMON,
    "recording": COMMON,
    "webhook": {**_WEB, "url": URL, "secret": SECRET, "credentials": SECRET},
    "alertmanager": {**_WEB, "url": URL, "credentials": SECRET},
    "pushover": {
        **_WEB,
        "credentials": SECRET,
        "user": SECRET,
        "api": URL,
        "priority": Option(Kind.NUMBER, least=-2, most=2),
        "retry": Option(Kind.DURATION, least=30, most=10_800),
        "expire": Option(Kind.DURATION, least=30, most=10_800),
        "sound": TEXT,
        "device": TEXT,
        "picture": FLAG,
    },
    "gchat": {
        **_WEB,
        "credentials": SECRET,
        "url": URL,
        "mode": Option(Kind.TEXT, words=("text", "summary", "top20", "links")),
        "buttons_per_card": Option(Kind.NUMBER, least=1, most=20),
    },
    "whatsapp": {
        **_WEB,
        "credentials": SECRET,
        "phone_number_id": TEXT,
        "to": TEXT,
        "template": TEXT,
        "template_language": TEXT,
        "api": URL,
    },
    "sms": {
        **_WEB,
        "credentials": SECRET,
        "from": TEXT,
        "messaging_service": TEXT,
        "to": TEXT,
        "api": URL,
        "confirm": FLAG,
    },
    "email": {
        **_WEB,
        "host": TEXT,
        "port": Option(Kind.NUMBER, least=1, most=65_535),
        "tls": Option(Kind.TEXT, words=("starttls", "implicit", "none")),
        "credentials": SECRET,
        "from": TEXT,
        "to": LIST,
        "picture": FLAG,
    },
    "webpush": {
        **_WEB,
        "credentials": SECRET,
        "subscription": SECRET,
        "users": USERS,
        "contact": TEXT,
        "ttl": Option(Kind.DURATION, least=0, most=2_419_200),
    },
    **dict.fromkeys(APPRISE_KINDS, _APPRISE),
}

_NEEDED: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "alertmanager": (("url",),),
    "pushover": (("credentials",), ("user",)),
    "gchat": (("credentials", "url"),),
    "whatsapp": (("credentials",), ("phone_number_id",), ("to",)),
    "sms": (("credentials",), ("to",), ("from", "messaging_service")),
    "email": (("host",), ("from",), ("to",)),
    "webpush": (("credentials",), ("subscription", "users"), ("contact",)),
    **dict.fromkeys(APPRISE_KINDS, (("credentials", "url"),)),
}
"""For each kind, groups of which one is needed; without it the channel takes nothing."""

_EITHER: Final[dict[str, tuple[str, str]]] = {"webpush": ("subscription", "users")}
"""Options of which a channel has one: whom it goes to is said once."""


def check_options(channel: Channel, name: str, path: Path, problems: Problems) -> None:
    """Note what is wrong with a channel's options. `recording` takes any: it sends nothing."""
    allowed = KINDS.get(channel.kind)
    if allowed is None or channel.kind in ("recording", "log"):
        allowed = COMMON
        options = {key: value for key, value in channel.options.items() if key in COMMON}
    else:
        options = channel.options
    for key, value in options.items():
        option = allowed.get(key)
        here = (*path, key)
        if option is None:
            problems.at(
                here,
                f"unknown field {shown(key)} in {name}." + problems.known("fields", key, allowed),
            )
        elif wrong := _wrong(option, value):
            # The value is not shown: people write passwords into the wrong field.
            problems.at(here, f"{key} of {name} {wrong}")
    either = _EITHER.get(channel.kind, ())
    if either and all(key in options for key in either):
        problems.at((*path, either[-1]), f"{name} has {' and '.join(either)}, and takes one")
    for group in _NEEDED.get(channel.kind, ()):
        if not any(key in channel.options for key in group):
            problems.note(path, f"{name} needs {' or '.join(group)}: until then it takes nothing")


def _wrong(option: Option, value: Any) -> str | None:
    kind = option.kind
    if kind is Kind.FLAG:
        return None if isinstance(value, bool) else "is true or false"
    if kind is Kind.NUMBER:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if whole and option.least <= value <= option.most:
            return None
        return f"is a whole number from {option.least:g} to {option.most:g}"
    if kind is Kind.DURATION:
        try:
            seconds = parse_duration(value if isinstance(value, int | float) else str(value)[:100])
        except SchemaError:
            return "is no duration; write 30s or 5m"
        if option.least <= seconds.total_seconds() <= option.most:
            return None
        return f"is a duration from {option.least:g} s to {option.most:g} s"
    if kind in (Kind.LIST, Kind.USERS):
        return _wrong_list(kind, value)
    text = value if isinstance(value, str) else None
    if kind is Kind.SECRET:
        return credentials_problem(text or "")
    if text is None or not _plain(text):
        return "is a text of one line, at most 2000 characters"
    if option.words and text not in option.words:
        return f"is one of {', '.join(option.words)}"
    if kind is Kind.URL and not _web(text):
        return "is a URL that begins with https:// or http:// and names a host"
    if kind is Kind.ANY_URL and "://" not in text:
        return "is a URL"
    return None


def _wrong_list(kind: Kind, value: Any) -> str | None:
    if kind is Kind.LIST:
        items = value if isinstance(value, list) else [value]
        good = 0 < len(items) <= 50 and all(isinstance(i, str) and _plain(i) for i in items)
        return None if good else "is a text, or a list of at most 50"
    names = value if isinstance(value, list) else []
    good = 0 < len(names) <= MOST_USERS and all(
        isinstance(one, str) and _USER.fullmatch(one) for one in names
    )
    wanted = f"is {EVERYONE}, or a list of 1 to {MOST_USERS} names of users"
    return None if good or value == EVERYONE else wanted


def _plain(text: str) -> bool:
    return 0 < len(text) <= 2000 and text.isprintable()


def _web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def check_site(site: Site, path: Path, problems: Problems) -> None:
    """Note what is wrong with the networks that a site's channels may reach."""
    for index, text in enumerate(site.notifications.allowed_networks):
        try:
            ipaddress.ip_network(text)
        except ValueError:
            problems.at(
                (*path, "notifications", "allowed_networks", index),
                f"{shown(text)} is no network; write 10.1.0.0/16, or an address",
            )


def check_templates(templates: tuple[Template, ...], problems: Problems) -> None:
    """Note every template that does not render, with its field's name."""
    for index, template in enumerate(templates):
        path: Path = ("templates", index)
        parts = {"subject": template.subject, "text": template.text, "html": template.html}
        if not any(parts.values()) and path not in problems.broken:
            problems.at(path, "a template needs a subject, a text or an html")
        for name, source in parts.items():
            if source is None or (*path, name) in problems.broken:
                continue
            wrong = problem_of(source, html=name == "html")
            if wrong is not None:
                problems.at((*path, name), f"{name} of a template does not render: {wrong}")


def note_targets(document: Document, problems: Problems) -> None:
    """Note what sites and receivers say of channels and the other does not bear out.

    A site that names channels which no receiver has; a target that is plainly internal where no
    site allows any such target.
    """
    sites, receivers = document.sites, document.routing.receivers
    names = {part for r in receivers for c in r.channels for part in (c.name, c.kind) if part}
    for index, site in enumerate(sites):
        for number, name in enumerate(site.notifications.channels):
            if receivers and name not in names:
                problems.note(
                    ("sites", index, "notifications", "channels", number),
                    f"no receiver has a channel {shown(name)}."
                    + problems.known("channels", name, sorted(names)),
                )
    if not sites or any(
        s.notifications.allow_internal_targets or s.notifications.allowed_networks for s in sites
    ):
        return
    for index, receiver in enumerate(receivers):
        for number, channel in enumerate(receiver.channels):
            for key in ("url", "api", "host"):
                if _internal(channel.options.get(key)):
                    problems.note(
                        ("receivers", index, "channels", number, key),
                        f"{key} of channel {shown(channel.name or channel.kind)} is an internal "
                        "address, and no site's notifications allow_internal_targets or name it "
                        "in allowed_networks: nothing is sent there",
                    )


def _internal(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        host = (urlsplit(value).hostname or "") if "://" in value else value
        return host == "localhost" or not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
