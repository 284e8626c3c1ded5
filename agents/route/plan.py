"""The routing, made ready: what an alert with these labels is told by, silenced by, inhibited by.

A document is compiled once a revision, and what it means for a set of labels is worked out once:
after that an event costs a look-up, with ten silences or ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha1
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from agents.dedupe.schedule import Weekly, compiled
from agents.route import family
from agents.route.tree import Settings, compile_tree, matches, routes_of
from agents.runtime.configuration import Configuration, SiteConfig
from schemas.alert import Alert
from schemas.document import Inhibition, Routing
from schemas.matchers import Matcher, parse_matcher

__all__ = ["Labels", "Muting", "Plan", "Profile", "Step", "Target", "plan_of", "profile_of"]

Labels = tuple[tuple[str, str], ...]
"""Labels that an event carries itself, by name."""

RESERVED: Final = frozenset({"site", "camera", "zone", "type", "severity", "device", "kind", "nvr"})
"""Ours to set: a sender's label of such a name is not seen."""
MOST_PROFILES: Final = 20_000
"""Sets of labels that a site's cache holds; labels are the senders' to choose."""


class Step(Struct, frozen=True, gc=False):
    """Whom to tell when nobody acknowledged for so long."""

    after: timedelta
    receiver: str


class Muting(Struct, frozen=True, gc=False):
    """A silence that matches, for as long as it lasts."""

    starts: datetime
    ends: datetime
    why: str


class Target(Struct, frozen=True, gc=False):
    """A group of a receiver that an alert belongs to. group None: one for the alert alone."""

    receiver: str
    settings: Settings
    prefix: str
    group: str | None
    mutes: tuple[Weekly, ...]

    def key(self, alert_id: str) -> str:
        """The group's key."""
        return self.group or self.prefix + alert_id

    def muted(self, now: datetime) -> bool:
        """Whether one of the route's mute schedules is on."""
        return any(weekly.active(now) for weekly in self.mutes)


class Profile(Struct, frozen=True, gc=False, kw_only=True):
    """What a set of labels means under a routing.

    sources: keys of the inhibitions that such an alert is a source of, and whether it is none of
    their targets. inhibitors: keys of those that it is a target of, and whether it is a source
    too. steps: of its escalations, by time. told: whether its site has notifications on. timed:
    whether a silence or a mute schedule may make it quiet.
    """

    labels: Mapping[str, str]
    targets: tuple[Target, ...]
    silences: tuple[Muting, ...]
    sources: tuple[tuple[str, bool], ...]
    inhibitors: tuple[tuple[str, bool], ...]
    steps: tuple[Step, ...]
    resolve_after: timedelta
    told: bool
    timed: bool


class _Silence(Struct, frozen=True, gc=False):
    matchers: tuple[Matcher, ...]
    muting: Muting


class _Rule(Struct, frozen=True, gc=False):
    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]


def _parsed(texts: tuple[str, ...]) -> tuple[Matcher, ...]:
    return tuple(parse_matcher(text) for text in texts)


class Plan:
    """A routing, compiled."""

    def __init__(self, routing: Routing) -> None:
        self.routing = routing
        self.receivers = {receiver.name: receiver for receiver in routing.receivers}
        self.root = compile_tree(routing.route)
        self._by_label: dict[tuple[str, str], list[_Silence]] = {}
        self._others: list[_Silence] = []
        for silence in routing.silences:
            who = f" by {silence.created_by}" if silence.created_by else ""
            said = f": {silence.comment}" if silence.comment else ""
            one = _Silence(
                _parsed(silence.matchers),
                Muting(silence.starts_at, silence.ends_at, f"{silence.silence_id}{who}{said}"),
            )
            exact = next((m for m in one.matchers if m.op == "=" and m.value), None)
            if exact is None:
                self._others.append(one)
            else:
                self._by_label.setdefault((exact.name, exact.value), []).append(one)
        self._rules = [
            _Rule(_name(rule), _parsed(rule.source), _parsed(rule.target), rule.equal)
            for rule in routing.inhibit
        ]
        self._escalations = [(_parsed(one.matchers), one.steps) for one in routing.escalations]

    def profile(self, site: SiteConfig | None, alert: Alert, extras: Labels) -> Profile:
        """What these labels mean. Costs the whole routing: see `profile_of`."""
        labels = _labels(site, alert, extras)
        targets = self._targets(site, alert, labels)
        sources: list[tuple[str, bool]] = []
        inhibitors: list[tuple[str, bool]] = []
        for rule in self._rules:
            is_source, is_target = matches(rule.source, labels), matches(rule.target, labels)
            if is_source or is_target:
                # A label that both sides lack counts as equal.
                values = _spelled((name, labels.get(name, "")) for name in rule.equal)
                key = f"{alert.site_id}/{rule.name}/{values}"
                if is_source:
                    sources.append((key, not is_target))
                if is_target:
                    inhibitors.append((key, is_source))
        if site is not None:
            family.add(site, alert, labels, sources, inhibitors)
        steps = [
            Step(step.after, step.receiver)
            for matchers, those in self._escalations
            if matches(matchers, labels)
            for step in those
            if step.receiver in self.receivers
        ]
        silences = [
            silence
            for label in labels.items()
            for silence in self._by_label.get(label, ())
            if matches(silence.matchers, labels)
        ]
        silences += [one for one in self._others if matches(one.matchers, labels)]
        return Profile(
            labels=labels,
            targets=targets,
            silences=tuple(one.muting for one in silences),
            sources=tuple(sources),
            inhibitors=tuple(inhibitors),
            steps=tuple(sorted(steps, key=lambda step: step.after)),
            resolve_after=max(
                (target.settings.resolve_after for target in targets),
                default=self.root.settings.resolve_after,
            ),
            told=site is not None and site.site.enabled and site.site.notifications.enabled,
            timed=bool(silences) or any(target.mutes for target in targets),
        )

    def _targets(
        self, site: SiteConfig | None, alert: Alert, labels: Mapping[str, str]
    ) -> tuple[Target, ...]:
        """The zone's own destinations; none, or none that exists: what the tree says.

        A destination is told by the settings of the route that names it, else of the first that
        takes the alert. A receiver that two routes name is told once, by the first.
        """
        taken = routes_of(self.root, labels)
        zone = None if site is None or alert.zone_id is None else site.zones.get(alert.zone_id)
        wanted = [
            name
            for name in (() if zone is None else zone.alert_destinations)
            if name in self.receivers
        ]
        found: dict[str, Settings] = {}
        if wanted:
            first = taken[0] if taken else self.root.settings
            for name in wanted:
                found[name] = next((one for one in taken if one.receiver == name), first)
        else:
            for one in taken:
                if one.receiver in self.receivers:
                    found.setdefault(one.receiver, one)
        timezone = None if site is None else site.site.timezone
        return tuple(
            self._target(alert.site_id, name, settings, labels, timezone)
            for name, settings in found.items()
        )

    def _target(
        self,
        site_id: str,
        receiver: str,
        settings: Settings,
        labels: Mapping[str, str],
        timezone: str | None,
    ) -> Target:
        prefix = f"{site_id}/{receiver}/{settings.path}/"
        group = None
        if settings.group_by:
            named = sorted(set(settings.group_by))
            group = prefix + _spelled((name, labels.get(name, "")) for name in named)
        mutes = tuple(compiled(schedule, timezone) for schedule in settings.mutes)
        return Target(receiver, settings, prefix, group, mutes)


def _name(rule: Inhibition) -> str:
    """A rule by what it says: its place in the document may change."""
    return sha1(repr(rule).encode(), usedforsecurity=False).hexdigest()[:12]


def _spelled(pairs: Iterable[tuple[str, str]]) -> str:
    """`zone=yard,type=intrusion`: readable, and no value can look like two."""
    return ",".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


def _labels(site: SiteConfig | None, alert: Alert, extras: Labels) -> dict[str, str]:
    labels = {name: value for name, value in extras if name not in RESERVED}
    labels["site"] = alert.site_id
    labels["type"] = alert.event_type
    labels["severity"] = alert.severity.value
    if alert.zone_id is not None:
        labels["zone"] = alert.zone_id
    recorder: str | None = None
    if alert.camera_id is not None:
        labels["camera"] = alert.camera_id
        recorder = _recorder(site, alert.camera_id)[1]
    if alert.device_id is not None:
        labels["device"] = alert.device_id
        kind, recorder = _recorder(site, alert.device_id)
        if kind is not None:
            labels["kind"] = kind
    if recorder is not None:
        labels["nvr"] = recorder
    return labels


def _recorder(site: SiteConfig | None, device_id: str) -> tuple[str | None, str | None]:
    """A device's kind, and the recorder that it is or hangs on; None where nobody says."""
    if site is None:
        return None, None
    device = site.devices.get(device_id)
    if device is not None:
        return device.kind, device_id if device.kind == "nvr" else device.parent
    camera = site.cameras.get(device_id)
    return (None, None) if camera is None else ("camera", camera.nvr_id)


_plans: Final[list[Plan]] = []
"""The newest few: a backtest has two routings at once."""


def plan_of(configuration: Configuration) -> Plan:
    """The configuration's routing, compiled once."""
    routing = configuration.routing
    for plan in _plans:
        if plan.routing is routing:
            return plan
    plan = Plan(routing)
    _plans.insert(0, plan)
    del _plans[4:]
    return plan


class _Profiles(Struct):
    plan: Plan
    known: dict[tuple[object, ...], Profile]


def profile_of(configuration: Configuration, alert: Alert, extras: Labels) -> Profile:
    """What the alert's labels mean now."""
    site = configuration.sites.get(alert.site_id)
    if site is None:
        return plan_of(configuration).profile(None, alert, extras)
    profiles: _Profiles | None = site.derived.get("profiles")
    if profiles is None or profiles.plan.routing is not configuration.routing:
        profiles = site.derived["profiles"] = _Profiles(plan_of(configuration), {})
    place = (
        alert.camera_id,
        alert.zone_id,
        alert.device_id,
        alert.event_type,
        alert.severity,
        extras,
    )
    found = profiles.known.get(place)
    if found is None:
        if len(profiles.known) >= MOST_PROFILES:
            profiles.known.clear()
        found = profiles.known[place] = profiles.plan.profile(site, alert, extras)
    return found
