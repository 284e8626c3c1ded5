"""Where cases run: a partition each, under names of sites that lead there.

Processing time belongs to a partition and never goes back, and cases tell of overlapping times.
So each runs on a partition of its own, with its times as they are written; partitions are shared
only by cases of which one ends before the other begins. The partition follows from a site's id,
so sites get other ids, and what a document says of sites is said of those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from msgspec import structs

from infra.conformance.cases import Case, CommandStep, Expected, Step
from schemas.document import Document, Receiver, Route, Routing
from schemas.matchers import parse_matcher
from topics.partitioner import partition_for

__all__ = ["Placed", "place", "rounds", "sites_of"]

LONGEST_ID: Final = 63
PATIENCE_S: Final = 2.0
NOBODY: Final = 'site="-"'
"""A matcher that no site satisfies: ids begin with a letter or a digit."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A case under its new names. partition: of everything that is keyed by site."""

    case: Case
    partition: int
    sites: frozenset[str]


def rounds(
    cases: Sequence[Case], most: int, after: timedelta = timedelta(0)
) -> list[list[tuple[Case, int]]]:
    """The cases with their partitions: as few rounds as `most` partitions a round allow.

    A round has partitions of its own, hence a namespace. after: how long a case goes on.
    """
    made: list[list[tuple[Case, int]]] = []
    clocks: list[list[datetime]] = []
    for case in sorted(cases, key=lambda one: one.steps[0].at):
        begins, ends = case.steps[0].at, case.steps[-1].at + after
        number, partition = _room(clocks, begins, most)
        if number == len(clocks):
            clocks.append([])
            made.append([])
        if partition == len(clocks[number]):
            clocks[number].append(ends)
        else:
            clocks[number][partition] = ends
        made[number].append((case, partition))
    return made


def _room(clocks: Sequence[Sequence[datetime]], begins: datetime, most: int) -> tuple[int, int]:
    for number, partitions in enumerate(clocks):
        for partition, clock in enumerate(partitions):
            if clock < begins:
                return number, partition
        if len(partitions) < most:
            return number, len(partitions)
    return len(clocks), 0


def sites_of(case: Case) -> tuple[str, ...]:
    """Every site that a case speaks of."""
    found: dict[str, None] = {}
    for document in (case.document, *(s.apply for s in case.steps if s.apply is not None)):
        found.update((site.site_id, None) for site in document.sites)
    for step in case.steps:
        for one in (step.event, step.probe):
            if one is not None:
                found[one.site_id] = None
    return tuple(found)


def place(case: Case, partition: int, partitions: int, number: int) -> Placed:
    """The case on a partition of so many; number: tells its sites from those of other cases."""
    names = {
        site: _name(site, f"{number}-{place}", partition, partitions)
        for place, site in enumerate(sites_of(case))
    }
    moved = replace(
        case,
        document=_document(case.document, names),
        steps=tuple(_step(step, names) for step in case.steps),
        alerts=None
        if case.alerts is None
        else tuple((_match(match, names), fields) for match, fields in case.alerts),
    )
    return Placed(case=moved, partition=partition, sites=frozenset(names.values()))


def _name(site: str, mark: str, partition: int, partitions: int) -> str:
    for attempt in count():
        tail = f".{mark}-{attempt}"
        name = site[: LONGEST_ID - len(tail)] + tail
        if partition_for(name.encode(), partitions) == partition:
            return name
    raise AssertionError("count() ends")


def _document(document: Document, names: Mapping[str, str]) -> Document:
    return structs.replace(
        document,
        sites=tuple(structs.replace(site, site_id=names[site.site_id]) for site in document.sites),
        routing=_routing(document.routing, names),
    )


def _routing(routing: Routing, names: Mapping[str, str]) -> Routing:
    return structs.replace(
        routing,
        receivers=tuple(map(_receiver, routing.receivers)),
        route=None if routing.route is None else _route(routing.route, names),
        inhibit=tuple(
            structs.replace(
                one, source=_matchers(one.source, names), target=_matchers(one.target, names)
            )
            for one in routing.inhibit
        ),
        silences=tuple(
            structs.replace(one, matchers=_matchers(one.matchers, names))
            for one in routing.silences
        ),
        escalations=tuple(
            structs.replace(one, matchers=_matchers(one.matchers, names))
            for one in routing.escalations
        ),
    )


def _receiver(receiver: Receiver) -> Receiver:
    """Its channels give up early where they hang: that is real time."""
    return structs.replace(
        receiver,
        channels=tuple(
            structs.replace(one, options={"timeout": PATIENCE_S, **one.options})
            for one in receiver.channels
        ),
    )


def _route(route: Route, names: Mapping[str, str]) -> Route:
    return structs.replace(
        route,
        matchers=_matchers(route.matchers, names),
        routes=tuple(_route(child, names) for child in route.routes),
    )


def _matchers(texts: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """The matchers under the new names: a case's sites are known, so each says which it means."""
    return tuple(_matcher(text, names) for text in texts)


def _matcher(text: str, names: Mapping[str, str]) -> str:
    matcher = parse_matcher(text)
    if matcher.name != "site":
        return text
    meant = [new for old, new in names.items() if matcher.matches({"site": old})]
    if not meant:
        return NOBODY
    return 'site=~"' + "|".join(one.replace(".", "[.]") for one in meant) + '"'


def _match(match: Expected, names: Mapping[str, str]) -> Expected:
    site = match.get("site_id")
    return match if site is None else {**match, "site_id": names.get(site, site)}


def _step(step: Step, names: Mapping[str, str]) -> Step:
    command: CommandStep | None = step.command
    if command is not None:
        command = replace(command, match=_match(command.match, names))
    return replace(
        step,
        apply=None if step.apply is None else _document(step.apply, names),
        command=command,
        event=None
        if step.event is None
        else structs.replace(step.event, site_id=names[step.event.site_id]),
        probe=None
        if step.probe is None
        else structs.replace(step.probe, site_id=names[step.probe.site_id]),
    )
