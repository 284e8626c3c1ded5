"""Reading cases, strictly: what is wrong is told by file, case, step and field.

A case that cannot be read fails, and the others run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import yaml

from infra.conformance.cases import (
    Case,
    ChannelFault,
    CommandStep,
    Expected,
    Problem,
    Step,
    Wanted,
)
from infra.errors import WatchfloorError
from schemas.alert import Alert, AlertState, CommandKind
from schemas.base import Message, SchemaError, encode, parse_duration, utc
from schemas.decision import Result
from schemas.device import Breaker, DeviceSeverity, Probe
from schemas.document import Document
from schemas.document_reader import DocumentError, read_value
from schemas.event import SecurityEvent
from schemas.notification import NotifyStatus
from schemas.reading import tree
from schemas.reading.problems import Problems

__all__ = ["read_file", "read_folder"]

CASE: Final = ("name", "site_document", "timeline", "alerts")
ACTS: Final = ("event", "probe", "command", "channel", "apply", "notifications")
STEP: Final = ("at", *ACTS, "expect")
MATCH: Final = ("camera_id", "zone_id", "device_id", "type", "site_id")
COMMAND: Final = ("kind", "alert", "actor", "to", "for", "reason", "text")
NOTIFICATION: Final = ("receiver", "status", "alerts", "within", "channel", "kind")
CHANNEL: Final = ("receiver", "name", "fails", "times_out")
OF_DECISION: Final = ("result", "reason")
OF_HEALTH: Final = ("severity", "next_poll_sec", "breaker", "consecutive_failures", "load_shed")
EVENT: Final = tuple(
    {name for name in SecurityEvent.__struct_fields__ if name not in {"occurred_at", "source"}}
    | {"timestamp_utc"}
)
PROBE: Final = tuple(name for name in Probe.__struct_fields__ if name != "at")
OF_ALERT: Final = Alert.__struct_fields__

WORDS: Final[dict[str, Collection[str]]] = {
    "result": [one.value for one in Result],
    "status": [one.value for one in NotifyStatus],
    "state": [one.value for one in AlertState],
    "breaker": [one.value for one in Breaker],
}

MOST_STEPS: Final = 10_000
WORD: Final = re.compile(r"[^\s].{0,299}", re.DOTALL)


class _Loader(yaml.SafeLoader):
    """YAML without the texts that version 1.1 takes for something else: times stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in found
        if tag not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int"}
    ]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789")
)


class _Bad(Exception):
    """Something is wrong with the field that is being read."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where


def read_folder(folder: Path) -> tuple[list[Case], list[Problem]]:
    """The cases of every `*.yaml` in a folder, by file name, and what could not be read.

    Raises WatchfloorError where it is no folder, or holds no such file.
    """
    if not folder.is_dir():
        raise WatchfloorError(f"{folder}: no such folder", hint="Give a folder with *.yaml in it.")
    files = sorted(path for path in folder.glob("*.yaml") if path.is_file())
    if not files:
        raise WatchfloorError(f"{folder}: no *.yaml in it")
    cases: list[Case] = []
    problems: list[Problem] = []
    for path in files:
        found, bad = read_file(path)
        cases += found
        problems += bad
    return cases, problems


def read_file(path: Path) -> tuple[list[Case], list[Problem]]:
    """The cases of a file, and what of it could not be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return [], [Problem(file=path.name, case="", message=str(error.strerror))]
    limits = Problems("")
    # Bounds its size, its depth and what its aliases expand to, before anything is built of it.
    if tree.parse(data, limits) is None:
        return [], [Problem(file=path.name, case="", message=str(one)) for one in limits.sorted()]
    bodies = yaml.load(data, Loader=_Loader)  # noqa: S506 - a SafeLoader
    if not isinstance(bodies, list):
        return [], [Problem(file=path.name, case="", message="a file is a list of cases")]
    cases: list[Case] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for number, body in enumerate(bodies):
        reader = _Reader(path.name, number)
        found = reader.case(body, seen)
        problems += reader.problems
        if found is not None:
            seen.add(found.name)
            cases.append(found)
    return cases, problems


@dataclass
class _Reader:
    """Reads one case; notes what is wrong and goes on, so that all of it is told at once."""

    file: str
    number: int
    name: str = ""
    problems: list[Problem] = field(default_factory=list)
    sites: tuple[str, ...] = ()
    receivers: set[str] = field(default_factory=set)

    def case(self, body: object, seen: Collection[str]) -> Case | None:
        """The case, or None where there are problems."""
        self.name = f"case {self.number}"
        try:
            fields = _fields(body, CASE, "")
            name = _text(fields.get("name"), "name")
            if name in seen:
                raise _Bad("name", "another case of this file is called so")
            self.name = name
            document = self._document(fields.get("site_document"), "site_document")
            timeline = _list(fields.get("timeline"), "timeline")
            if not 1 <= len(timeline) <= MOST_STEPS:
                raise _Bad("timeline", f"has {len(timeline)} steps; 1 to {MOST_STEPS} are allowed")
            wanted = fields.get("alerts")
            alerts = None if wanted is None else tuple(map(_alert, _list(wanted, "alerts")))
        except _Bad as bad:
            self._note(bad)
            return None
        steps: list[Step] = []
        for number, each in enumerate(timeline):
            try:
                steps.append(self._step(number, each, steps[-1].at if steps else None))
            except _Bad as bad:
                self._note(bad, number)
        for step in steps:
            if step.channel is not None and step.channel.receiver not in self.receivers:
                known = ", ".join(sorted(self.receivers)) or "none"
                self._note(_Bad("channel.receiver", f"no such receiver; there are: {known}"), 0)
        if self.problems:
            return None
        return Case(file=self.file, name=name, document=document, steps=tuple(steps), alerts=alerts)

    def _note(self, bad: _Bad, step: int | None = None) -> None:
        self.problems.append(
            Problem(
                file=self.file, case=self.name, message=str(bad), step=step, field=bad.where or None
            )
        )

    def _document(self, value: object, where: str) -> Document:
        try:
            document = read_value(value)
        except DocumentError as error:
            raise _Bad(where, "; ".join(str(one) for one in error.problems)) from None
        if document.sites:
            self.sites = tuple(site.site_id for site in document.sites)
        self.receivers |= {receiver.name for receiver in document.routing.receivers}
        if not self.sites:
            raise _Bad(where, "has no site")
        return document

    def _step(self, number: int, body: object, before: datetime | None) -> Step:
        fields = _fields(body, STEP, "")
        at = _time(fields.get("at"), "at")
        if before is not None and at < before:
            raise _Bad("at", "is before the step before it")
        said = {name: fields[name] for name in ACTS if name in fields}
        if "event" in said and "probe" in said:
            raise _Bad("probe", "a step has an event or a probe")
        expect = fields.get("expect")
        if expect is not None and not {"event", "probe"} & set(said):
            raise _Bad("expect", "needs an event or a probe beside it")
        made: dict[str, Any] = {name: getattr(self, f"_{name}")(said[name], at) for name in said}
        if expect is not None:
            made["expect"] = _decision(expect) if "event" in said else _health(expect)
        return Step(number=number, at=at, **made)

    def _apply(self, value: object, _at: datetime) -> Document:
        return self._document(value, "apply")

    def _channel(self, value: object, _at: datetime) -> ChannelFault:
        fields = _fields(value, CHANNEL, "channel")
        faults = {word: fields[word] for word in ("fails", "times_out") if word in fields}
        for word, on in faults.items():
            if not isinstance(on, bool):
                raise _Bad(f"channel.{word}", "is true or false")
        if not faults:
            raise _Bad("channel", "says neither `fails` nor `times_out`")
        name = fields.get("name")
        return ChannelFault(
            receiver=_text(fields.get("receiver"), "channel.receiver"),
            name=None if name is None else _text(name, "channel.name"),
            fails=faults.get("fails"),
            times_out=faults.get("times_out"),
        )

    def _command(self, value: object, at: datetime) -> CommandStep:
        fields = _fields(value, COMMAND, "command")
        kind = _word(fields.get("kind"), [one.value for one in CommandKind], "command.kind")
        match = _fields(fields.get("alert"), MATCH, "command.alert")
        named = f"{self.file}/{self.name}/{at.isoformat()}/{sorted(fields.items())!r}"
        given: dict[str, Any] = {
            "command_id": "case-" + hashlib.sha256(named.encode()).hexdigest()[:20],
            "actor": _text(fields.get("actor", "analyst"), "command.actor"),
        }
        for name in ("to", "reason", "text"):
            if fields.get(name) is not None:
                given[name] = _text(fields[name], f"command.{name}")
        if "for" in fields:
            given["duration_s"] = _duration(fields["for"], "command.for")
        return CommandStep(kind=kind, match=match, fields=given)

    def _event(self, value: object, at: datetime) -> SecurityEvent:
        fields = {"site_id": self.sites[0], **_fields(value, EVENT, "event")}
        happened = at
        if "timestamp_utc" in fields:
            happened = _time(fields.pop("timestamp_utc"), "event.timestamp_utc")
        fields["occurred_at"] = happened
        if "event_id" not in fields:
            fields["event_id"] = hashlib.sha256(repr(sorted(fields.items())).encode()).hexdigest()
        return _message(fields, SecurityEvent, "event")

    def _probe(self, value: object, at: datetime) -> Probe:
        fields = {"site_id": self.sites[0], "kind": "tcp", **_fields(value, PROBE, "probe")}
        return _message({**fields, "at": at}, Probe, "probe")

    def _notifications(self, value: object, _at: datetime) -> tuple[Wanted, ...]:
        found = []
        for number, one in enumerate(_list(value, "notifications")):
            where = f"notifications[{number}]"
            fields = dict(_fields(one, NOTIFICATION, where))
            within = fields.pop("within", None)
            if "status" in fields:
                _word(fields["status"], WORDS["status"], f"{where}.status")
            if "alerts" in fields:
                _number(fields["alerts"], f"{where}.alerts")
            found.append(
                Wanted(
                    fields=fields,
                    within=None
                    if within is None
                    else parse_duration(_duration(within, f"{where}.within")),
                )
            )
        return tuple(found)


def _fields(value: object, known: Collection[str], where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _Bad(where, "is missing" if value is None else "is no mapping")
    for name in value:
        if name not in known:
            inside = f"{where}.{name}" if where else str(name)
            raise _Bad(inside, f"is no field here; known: {', '.join(sorted(known))}")
    return dict(value)


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise _Bad(where, "is missing" if value is None else "is no list")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not WORD.fullmatch(value):
        raise _Bad(where, "is missing" if value is None else "is no text of 1 to 300 characters")
    return value


def _word(value: object, known: Collection[str], where: str) -> str:
    if value not in known:
        raise _Bad(where, f"is {value!r}; it is one of {', '.join(known)}")
    return str(value)


def _number(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _Bad(where, f"is {value!r}, not a number from 0")
    return value


def _time(value: object, where: str) -> datetime:
    try:
        return utc(datetime.fromisoformat(_text(value, where)))
    except ValueError:
        raise _Bad(
            where, f"{value!r} is no time with a timezone, such as 2026-03-02T10:00:00Z"
        ) from None


def _duration(value: object, where: str) -> float:
    try:
        return parse_duration(
            value if isinstance(value, int | float) else str(value)
        ).total_seconds()
    except SchemaError as error:
        raise _Bad(where, str(error)) from None


M = TypeVar("M", bound=Message)


def _message(fields: Mapping[str, Any], kind: type[M], where: str) -> M:
    """Through the message's own schema, as it would come from outside."""
    try:
        return msgspec.convert(msgspec.json.decode(encode(fields)), kind)
    except (msgspec.MsgspecError, TypeError) as error:
        raise _Bad(where, str(error)) from None


def _decision(value: object) -> Expected:
    fields = _fields(value, OF_DECISION, "expect")
    if "result" in fields:
        _word(fields["result"], WORDS["result"], "expect.result")
    return fields


def _health(value: object) -> Expected:
    fields = _fields(value, OF_HEALTH, "expect")
    if "severity" in fields:
        _word(fields["severity"], [one.value for one in DeviceSeverity], "expect.severity")
    if "breaker" in fields:
        _word(fields["breaker"], WORDS["breaker"], "expect.breaker")
    between = fields.get("next_poll_sec")
    if between is not None and (
        not isinstance(between, list)
        or len(between) != 2
        or not all(isinstance(end, int | float) for end in between)
    ):
        raise _Bad("expect.next_poll_sec", "is [least, most], in seconds")
    return fields


def _alert(value: object) -> tuple[Expected, Expected]:
    fields = _fields(value, ("match", *OF_ALERT), "alerts")
    match = _fields(fields.pop("match", None), MATCH, "alerts.match")
    if "state" in fields:
        _word(fields["state"], WORDS["state"], "alerts.state")
    return match, fields
