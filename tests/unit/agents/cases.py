"""Recorded cases of the decide role, driven through the pure stages.

A case is a list of steps with their times: events and what must become of them, channels that
fail, commands, changed documents, and what somebody must have been told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml

from schemas.base import encode, parse_duration, utc
from schemas.decision import Decision
from schemas.document_reader import read_value
from schemas.event import SecurityEvent
from tests.unit.agents.harness import T0, Delivered, Harness, messages
from topics.catalogue import DECISIONS

__all__ = ["Case", "load", "run"]

STEPS = {"at", "event", "expect", "channel", "notifications", "command", "apply"}


@dataclass(frozen=True)
class Case:
    """One case of a file."""

    file: str
    name: str
    body: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


def load(folder: Path, *files: str) -> list[Case]:
    """The cases of these files; none where the folder is not there."""
    return [
        Case(file, body["name"], body)
        for file in files
        if (folder / file).is_file()
        for body in yaml.safe_load((folder / file).read_text(encoding="utf-8"))
    ]


def _time(text: Any) -> datetime:
    return utc(text if isinstance(text, datetime) else datetime.fromisoformat(text))


class _Run:
    def __init__(self, case: Case) -> None:
        self.harness = Harness()
        self.told = 0
        self.sites: list[str] = []
        self.apply(case.body["site_document"])
        first = case.body["timeline"][0]["at"]
        self.harness.now = _time(first)

    def apply(self, value: Any) -> None:
        document = read_value(value)
        self.sites = [site.site_id for site in document.sites]
        self.harness.configure(*document.sites, routing=document.routing)

    def step(self, step: Mapping[str, Any]) -> None:
        unknown = set(step) - STEPS
        assert not unknown, f"no step for {sorted(unknown)}"
        self.harness.advance(_time(step["at"]))
        if "apply" in step:
            self.apply(step["apply"])
        if "channel" in step:
            self.channel(step["channel"])
        if "command" in step:
            self.command(step["command"])
        if "event" in step:
            decision = self.event(step["event"])
            if "expect" in step:
                expected = step["expect"]
                assert decision is not None, "it was not decided"
                found = {"result": decision.result.value, "reason": decision.reason}
                assert {name: found[name] for name in expected} == expected
        if "notifications" in step:
            since = self.harness.delivered[self.told :]
            self.told = len(self.harness.delivered)
            wanted = step["notifications"]
            shown = [self.shown(one) for one in since]
            assert len(since) == len(wanted), shown
            for one, want in zip(since, wanted, strict=True):
                self.compare(one, want)

    def channel(self, said: Mapping[str, Any]) -> None:
        place = (said["receiver"], said.get("name"))
        for word, places in (
            ("fails", self.harness.failing),
            ("times_out", self.harness.hanging),
        ):
            if said.get(word) is True:
                places.add(place)
            elif said.get(word) is False:
                places.discard(place)

    def command(self, said: Mapping[str, Any]) -> None:
        fields = dict(said)
        found = [key for key, one in self.harness.alerts().items() if _is(one, fields["alert"])]
        del fields["alert"]
        if "for" in fields:
            fields["duration_s"] = parse_duration(fields.pop("for")).total_seconds()
        for key in found:
            self.harness.command(fields.pop("kind"), alert=key, **fields)

    def event(self, said: Mapping[str, Any]) -> Decision | None:
        fields = {"site_id": self.sites[0], **said}
        fields["occurred_at"] = _time(fields.pop("timestamp_utc", self.harness.now))
        if "event_id" not in fields:
            body = repr(sorted(fields.items())).encode()
            fields["event_id"] = hashlib.sha256(body).hexdigest()[:16]
        # Through the message's own schema, as an event from outside comes.
        one = msgspec.convert(msgspec.json.decode(encode(fields)), SecurityEvent)
        made = self.harness.send(one, at_seconds=(self.harness.now - T0).total_seconds())
        decided: list[Decision] = messages(made, DECISIONS)
        return next((each for each in decided if each.event_id == one.event_id), None)

    @staticmethod
    def shown(one: Delivered) -> dict[str, Any]:
        return {
            "receiver": one.receiver,
            "channel": one.channel,
            "status": one.status,
            "alerts": one.alerts,
            "kind": one.kind,
            "at": one.at.isoformat(),
        }

    def compare(self, one: Delivered, want: Mapping[str, Any]) -> None:
        expected = dict(want)
        within = expected.pop("within", None)
        shown = self.shown(one)
        assert {name: shown[name] for name in expected} == expected
        if within is not None:
            assert self.harness.now - one.at <= parse_duration(within) + timedelta(seconds=1)

    def end(self, wanted: list[Mapping[str, Any]]) -> None:
        alerts = list(self.harness.alerts().values())
        if not wanted:
            assert alerts == []
        for want in wanted:
            expected = {name: value for name, value in want.items() if name != "match"}
            found = [
                {name: _plain(getattr(one, name)) for name in expected}
                for one in alerts
                if _is(one, want["match"])
            ]
            assert expected in found, found


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def _is(alert: Any, match: Mapping[str, Any]) -> bool:
    names = {"type": "event_type"}
    return all(getattr(alert, names.get(key, key)) == value for key, value in match.items())


def run(case: Case) -> None:
    """Drive a case. Raises AssertionError at the step that was not as expected."""
    driven = _Run(case)
    for number, step in enumerate(case.body["timeline"]):
        try:
            driven.step(step)
        except AssertionError as error:
            raise AssertionError(f"step {number} at {step['at']}: {error}") from error
    if "alerts" in case.body:
        driven.end(case.body["alerts"])
