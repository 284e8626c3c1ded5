"""What the fields of the routing mean together: receivers, matchers, silences, escalations."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from schemas.base import SchemaError
from schemas.document import Channel, Receiver, Route, Routing
from schemas.matchers import LABEL_NAME, parse_matcher
from schemas.reading.channels import KINDS, check_options, check_templates
from schemas.reading.problems import Path, Problems, shown
from schemas.reading.secrets import HOW, carries_password, credentials_problem
from schemas.reading.sites import check_schedule

__all__ = ["CHANNEL_KINDS", "check_routing"]

_FIRST: Final = ("log", "recording", "webhook")
CHANNEL_KINDS: Final = (*_FIRST, *sorted(set(KINDS) - set(_FIRST)))
"""Every kind has a sender in `agents.notify`."""

_SECRETS: Final = frozenset(
    {"access_key", "api_key", "apikey", "auth_token", "passwd", "password", "private_key", "token"}
)
_NAMES_OF_SECRETS: Final = frozenset({"credentials", "secret"})
MAX_ROUTES: Final = 2_000
OWN_LABELS: Final = ("site", "camera", "zone", "type", "severity", "device", "kind", "nvr")
"""What every matcher sees; `conformance/README.md`. An event's own labels come beside them."""


def check_routing(routing: Routing, problems: Problems) -> None:
    """Note what is wrong in the routing."""
    names = dict.fromkeys(receiver.name for receiver in routing.receivers if receiver.name)
    seen: set[str] = set()
    for index, receiver in enumerate(routing.receivers):
        path: Path = ("receivers", index)
        if receiver.name in seen:
            problems.at((*path, "name"), f"receiver {shown(receiver.name)} comes twice")
        seen.add(receiver.name)
        _check_receiver(receiver, path, problems)
    if routing.route is not None:
        _check_route(routing.route, ("route",), problems, names, [0])
    for index, rule in enumerate(routing.inhibit):
        path = ("inhibit", index)
        for field, matchers in (("source", rule.source), ("target", rule.target)):
            _check_matchers(matchers, (*path, field), problems)
            if not matchers and (*path, field) not in problems.broken:
                problems.at((*path, field), f"an inhibit rule needs a matcher in '{field}'")
        _check_labels(rule.equal, (*path, "equal"), problems)
    _check_silences(routing, problems)
    check_templates(routing.templates, problems)
    for index, escalation in enumerate(routing.escalations):
        path = ("escalations", index)
        _check_matchers(escalation.matchers, (*path, "matchers"), problems)
        if not escalation.steps and (*path, "steps") not in problems.broken:
            problems.at((*path, "steps"), "an escalation needs at least one step")
        last = None
        for position, step in enumerate(escalation.steps):
            here = (*path, "steps", position)
            _check_reference("a step", step.receiver, (*here, "receiver"), problems, names)
            if (*here, "after") in problems.broken:
                continue
            if last is not None and step.after <= last:
                problems.at((*here, "after"), "a step comes later than the step before it")
            last = step.after


def _check_silences(routing: Routing, problems: Problems) -> None:
    seen: set[str] = set()
    for index, silence in enumerate(routing.silences):
        path: Path = ("silences", index)
        name = f"silence {shown(silence.silence_id)}"
        if silence.silence_id in seen and silence.silence_id:
            problems.at((*path, "silence_id"), f"{name} comes twice")
        seen.add(silence.silence_id)
        _check_matchers(silence.matchers, (*path, "matchers"), problems)
        if not silence.matchers and (*path, "matchers") not in problems.broken:
            problems.at((*path, "matchers"), f"{name} has no matcher, and would silence everything")
        times = {(*path, "starts_at"), (*path, "ends_at")}
        if not times & problems.broken and silence.ends_at <= silence.starts_at:
            problems.at(
                (*path, "ends_at"),
                f"ends_at: {name} ends before it starts; it has to be after "
                f"{silence.starts_at.isoformat()}",
            )


def _check_route(
    route: Route, path: Path, problems: Problems, receivers: Collection[str], count: list[int]
) -> None:
    count[0] += 1
    if count[0] > MAX_ROUTES:
        if count[0] == MAX_ROUTES + 1:
            problems.at(path, f"more than {MAX_ROUTES:,} routes")
        return
    if route.receiver is not None:
        _check_reference("a route", route.receiver, (*path, "receiver"), problems, receivers)
    elif path == ("route",) and (*path, "receiver") not in problems.broken:
        problems.note(path, "the route has no receiver: what no child takes is told to nobody")
    _check_matchers(route.matchers, (*path, "matchers"), problems)
    _check_labels(route.group_by or (), (*path, "group_by"), problems)
    for index, schedule in enumerate(route.mute_schedules or ()):
        check_schedule(schedule, (*path, "mute_schedules", index), problems)
        if not schedule.windows and (*path, "mute_schedules", index) not in problems.broken:
            problems.note(
                (*path, "mute_schedules", index), "this schedule has no windows: it always mutes"
            )
    for index, child in enumerate(route.routes):
        _check_route(child, (*path, "routes", index), problems, receivers, count)


def _check_reference(
    what: str, name: str, path: Path, problems: Problems, receivers: Collection[str]
) -> None:
    if name and name not in receivers:
        problems.at(
            path,
            f"receiver: {what} names receiver {shown(name)}, which does not exist."
            + problems.known("receivers", name, receivers),
        )


def _check_matchers(matchers: Iterable[str], path: Path, problems: Problems) -> None:
    for index, text in enumerate(matchers):
        try:
            parse_matcher(text)
        except SchemaError as error:
            problems.at((*path, index), f"{_name(path)}: {shown(text)} {error}")
            continue
        name = parse_matcher(text).name
        if name not in OWN_LABELS:
            problems.note(
                (*path, index),
                f"{_name(path)}: {shown(name)} is no label of ours ({', '.join(OWN_LABELS)}): it "
                "is there only where events carry it",
            )


def _name(path: Path) -> str:
    """The field that a path ends in."""
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "")


def _check_labels(labels: Iterable[str], path: Path, problems: Problems) -> None:
    for index, label in enumerate(labels):
        if not LABEL_NAME.fullmatch(label):
            problems.at((*path, index), f"{shown(label)} is no label's name")


def _check_receiver(receiver: Receiver, path: Path, problems: Problems) -> None:
    if not receiver.channels and (*path, "channels") not in problems.broken:
        problems.note(path, f"receiver {shown(receiver.name)} has no channels: it tells nobody")
    for index, channel in enumerate(receiver.channels):
        _check_channel(receiver, channel, (*path, "channels", index), problems)


def _check_channel(receiver: Receiver, channel: Channel, path: Path, problems: Problems) -> None:
    name = f"channel {shown(channel.name or channel.kind)} of receiver {shown(receiver.name)}"
    if channel.kind and channel.kind not in CHANNEL_KINDS:
        problems.at(
            (*path, "kind"),
            f"{shown(channel.kind)} is no kind of channel."
            + problems.known("kinds", channel.kind, CHANNEL_KINDS),
        )
    for option, value in channel.options.items():
        if option.lower() in _SECRETS:
            problems.at((*path, option), f"{name} carries a secret in {shown(option)}; {HOW}")
        elif option in _NAMES_OF_SECRETS and channel.kind in _FIRST:
            problem = credentials_problem(value if isinstance(value, str) else "")
            if problem:
                problems.at((*path, option), f"{option} of {name} {problem}")
        elif option not in _NAMES_OF_SECRETS:
            _check_urls(value, name, (*path, option), problems)
    if channel.kind == "webhook":
        url = channel.options.get("url")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            problems.at((*path, "url"), f"{name} needs a url that begins with https:// or http://")
            return
    check_options(channel, name, path, problems)


def _check_urls(value: Any, name: str, path: Path, problems: Problems) -> None:
    """No user and no password in any URL of the options, however deep."""
    if isinstance(value, str):
        if "://" in value and carries_password(value):
            problems.at(path, f"a URL of {name} carries a user or a password; {HOW}")
    elif isinstance(value, dict):
        for key, part in value.items():
            if str(key).lower() in _SECRETS:
                problems.at(path, f"{name} carries a secret in {shown(key)}; {HOW}")
            else:
                _check_urls(part, name, path, problems)
    elif isinstance(value, list):
        for part in value:
            _check_urls(part, name, path, problems)
