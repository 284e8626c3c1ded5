"""One worker's share of a backtest, in a process of its own."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from time import process_time
from typing import TYPE_CHECKING, Any

from infra.backtest.plan import Share
from infra.backtest.recorded import archived_events, topic_events
from infra.backtest.site_run import Act, SiteRun, Span, alike, configuration_of
from infra.backtest.tally import Tally
from schemas.document import Document
from schemas.event import EventSource, SecurityEvent

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Done", "Job", "Replaced", "prepare", "work"]


@dataclass(frozen=True)
class Replaced:
    """Which recorded events the tracks stand in for: those of changed zones with such a track."""

    zones: frozenset[tuple[str, str, str]]
    tracks: frozenset[str]

    def __call__(self, event: SecurityEvent) -> bool:
        return (
            event.source is EventSource.DETECTOR
            and event.track_id in self.tracks
            and (event.site_id, event.camera_id or "", event.zone_id or "") in self.zones
        )


@dataclass(frozen=True)
class Job:
    """What every worker of a run gets. extra: a document's events made of tracks, by site.

    sites: whose events are run. archive: from PostgreSQL instead of the topic.
    """

    settings: Settings
    documents: tuple[Document, ...]
    sites: tuple[str, ...]
    span: Span
    archive: bool = False
    watched: dict[str, frozenset[str]] = field(default_factory=dict)
    acts: dict[str, list[Act]] = field(default_factory=dict)
    extra: tuple[dict[str, list[SecurityEvent]], ...] = ()
    replaced: Replaced | None = None


@dataclass
class Done:
    """A share's outcome. tallies: by document. tracks: of watched events. counted: events.

    cpu_s: processor time that it took, seconds.
    """

    tallies: dict[int, Tally]
    tracks: dict[str, str] = field(default_factory=dict)
    counted: int = 0
    read: int = 0
    cpu_s: float = 0.0


_told: Any = None


def prepare(told: Any) -> None:
    """In a worker's process, before its share: where it tells how far it is."""
    global _told  # noqa: PLW0603 - a process's own, set once by the pool
    _told = told


def work(job: Job, share: Share, number: int, sites: Collection[str]) -> Done:
    """Run a share's sites. sites: those of its partitions."""
    # Events come by the million and hold no cycles; looking for some takes a third of the time.
    gc.disable()
    try:
        return _work(job, share, number, sites)
    finally:
        gc.enable()


def _work(job: Job, share: Share, number: int, sites: Collection[str]) -> Done:
    begun = process_time()
    configurations = [configuration_of(job.documents[index]) for index in share.documents]
    runs = {
        site: SiteRun(
            configurations,
            job.span,
            watched=job.watched.get(site, frozenset()),
            acts=job.acts.get(site, ()),
            extra=[job.extra[i].get(site, []) for i in share.documents] if job.extra else (),
            left_out=job.replaced,
            alike=alike(site, [job.documents[index] for index in share.documents]),
        )
        for site in sites
    }
    done = Done({index: Tally() for index in share.documents})

    def progress(count: int) -> None:
        done.read += count
        if _told is not None:
            _told[number] = done.read

    begin, until = job.span.begin, job.span.until
    for event, recorded in _events(job, share, sites, begin, until, progress):
        if begin <= event.occurred_at < until:
            runs[event.site_id].feed(event, recorded)
    for run in runs.values():
        for index, tally in zip(share.documents, run.finish(), strict=True):
            done.tallies[index].add(tally)
        done.tracks.update(run.tracks)
        done.counted += run.counted
    done.cpu_s = process_time() - begun
    return done


def _events(
    job: Job,
    share: Share,
    sites: Collection[str],
    begin: datetime,
    until: datetime,
    progress: Any,
) -> Iterator[tuple[SecurityEvent, float]]:
    if job.archive:
        return archived_events(job.settings, sites, begin, until, progress)
    return topic_events(job.settings, share.parts, sites, progress)
