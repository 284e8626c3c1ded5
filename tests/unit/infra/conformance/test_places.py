"""Where cases run live: partitions, and what a document says of sites under their new names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.conformance.cases import Case, Step
from infra.conformance.places import LONGEST_ID, place, rounds, sites_of
from schemas.document import (
    Camera,
    Channel,
    Document,
    Inhibition,
    Receiver,
    Route,
    Routing,
    Silence,
    Site,
)
from schemas.event import SecurityEvent
from schemas.matchers import parse_matcher
from topics.partitioner import partition_for

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)


def case(name: str, begins: float, ends: float, *, document: Document | None = None) -> Case:
    """A case between two hours."""
    return Case(
        file="f",
        name=name,
        document=document or Document(sites=(Site(site_id="north"),)),
        steps=(
            Step(number=0, at=T0 + timedelta(hours=begins)),
            Step(number=1, at=T0 + timedelta(hours=ends)),
        ),
    )


def test_a_partition_is_shared_only_by_cases_that_follow_each_other() -> None:
    cases = [case("a", 0, 1), case("b", 0, 2), case("c", 1, 3), case("d", 1.5, 4)]
    (only,) = rounds(cases, 10)
    # c begins at the moment at which a ends: the clock would not go on.
    assert {one.name: number for one, number in only} == {"a": 0, "b": 1, "c": 2, "d": 0}


def test_no_more_partitions_than_allowed_and_then_another_round() -> None:
    cases = [case(str(n), 0, 1) for n in range(5)]
    made = rounds(cases, 2)
    assert [len(one) for one in made] == [2, 2, 1]
    assert all(number < 2 for one in made for _, number in one)


def test_a_case_that_goes_on_keeps_its_partition_for_so_long() -> None:
    cases = [case("a", 0, 1), case("b", 2, 3)]
    (close,) = rounds(cases, 10)
    assert [number for _, number in close] == [0, 0]
    (apart,) = rounds(cases, 10, timedelta(hours=1))
    assert [number for _, number in apart] == [0, 1]


@pytest.mark.parametrize("site", ["north", "n" * LONGEST_ID])
def test_every_site_of_a_case_leads_to_its_partition(site: str) -> None:
    document = Document(sites=(Site(site_id=site), Site(site_id="south")))
    found = [place(case("a", 0, 1, document=document), 5, 7, number) for number in (0, 1)]
    for one in found:
        ids = [each.site_id for each in one.case.document.sites]
        assert [partition_for(name.encode(), 7) for name in ids] == [5, 5]
        assert all(len(name) <= LONGEST_ID for name in ids)
        assert one.sites == frozenset(ids)
    assert not found[0].sites & found[1].sites


def test_a_site_that_only_events_name_is_moved_as_well() -> None:
    event = SecurityEvent(event_id="e", site_id="ghost", event_type="x", occurred_at=T0)
    one = Case(
        file="f",
        name="n",
        document=Document(sites=(Site(site_id="north"),)),
        steps=(Step(number=0, at=T0, event=event),),
        alerts=(({"site_id": "ghost"}, {"events": 1}),),
    )
    assert sites_of(one) == ("north", "ghost")
    moved = place(one, 1, 3, 0)
    assert moved.case.steps[0].event is not None
    name = moved.case.steps[0].event.site_id
    assert partition_for(name.encode(), 3) == 1
    assert moved.case.alerts is not None
    assert moved.case.alerts[0][0] == {"site_id": name}


@pytest.mark.parametrize(
    "text",
    [
        'site="north"',
        'site!="north"',
        'site=~"nor.*"',
        'site=~"n.rth|south"',
        'site!~"nor.*"',
        'site=~".*"',
        'site=""',
        'site!=""',
        'site="elsewhere"',
        'camera="north"',
    ],
)
def test_matchers_mean_the_same_sites_under_their_new_names(text: str) -> None:
    sites = ("north", "north.2", "nxrth", "south")
    document = Document(
        sites=tuple(Site(site_id=name, cameras=(Camera(camera_id="c"),)) for name in sites),
        routing=Routing(
            route=Route(receiver="soc", routes=(Route(matchers=(text,)),)),
            receivers=(Receiver(name="soc", channels=(Channel(kind="recording"),)),),
            inhibit=(Inhibition(source=(text,), target=(text,)),),
            silences=(Silence(silence_id="s", matchers=(text,), starts_at=T0, ends_at=T0),),
        ),
    )
    moved = place(case("a", 0, 1, document=document), 2, 5, 3).case.document
    assert moved.routing.route is not None
    texts = {
        *moved.routing.route.routes[0].matchers,
        *moved.routing.inhibit[0].source,
        *moved.routing.inhibit[0].target,
        *moved.routing.silences[0].matchers,
    }
    (after,) = texts
    before = parse_matcher(text)

    def labels(name: str) -> dict[str, Any]:
        return {"site": name, "camera": "north"}

    for old, new in zip(sites, (one.site_id for one in moved.sites), strict=True):
        assert parse_matcher(after).matches(labels(new)) is before.matches(labels(old)), old
