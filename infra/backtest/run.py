"""A backtest from its question to its answer: what changes, what was recorded, both runs."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from infra.applied import changes
from infra.backtest.plan import Share, shares
from infra.backtest.recorded import Facts, facts_in_archive, facts_in_topics, partitions
from infra.backtest.report import CONFIRMED, DISMISSED, Backtest, build, unjudged
from infra.backtest.site_run import Span, group_acts
from infra.backtest.tally import Tally
from infra.backtest.tracks import changed_zones, read_tracks, tried
from infra.backtest.work import Done, Job, Replaced, prepare, work
from infra.errors import ExitCode, WatchfloorError
from schemas.base import utc
from schemas.document import Document, Routing, Site
from topics.partitioner import partition_for

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.event import SecurityEvent

__all__ = ["Progress", "Source", "backtest", "combined", "longest_memory", "touched"]

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is; 0 of 0: not known."""

Source = Literal["auto", "topic", "archive"]
MOST_SPAN: Final = timedelta(days=366)
MOST_LEAD: Final = timedelta(hours=24)
MADE_FROM: Final = timedelta(days=29)
"""Older than this, the topic may have lost the first of it (30 days are kept)."""
POLL_S: Final = 0.2
MOST_CHANGES: Final = 200


def combined(current: Document, new: Document) -> Document:
    """What would be in force: sites that `new` does not name stay, and so does the routing where
    it has none, as `apply` does it."""
    named = {site.site_id: site for site in new.sites}
    kept = [named.pop(site.site_id, site) for site in current.sites]
    routing = current.routing if new.routing == Routing() else new.routing
    return Document(sites=(*kept, *named.values()), routing=routing)


def touched(before: Document, after: Document, new: Document) -> tuple[str, ...]:
    """The sites whose decisions may differ; where nothing differs, those that `new` names."""
    old = {site.site_id: site for site in before.sites}
    if before.routing != after.routing:
        found = {site.site_id for site in after.sites}
    else:
        found = {site.site_id for site in after.sites if old.get(site.site_id) != site}
    return tuple(sorted(found or {site.site_id for site in new.sites}))


def longest_memory(documents: Sequence[Document], sites: Sequence[str]) -> timedelta:
    """How long before the span events still bear on it: the longest window or quiet time."""
    seconds = [0.0]
    for document in documents:
        for site in document.sites:
            if site.site_id in sites:
                seconds += [zone.dedupe_window_sec for zone in site.zones]
                seconds += [zone.suppression_window_sec for zone in site.zones]
        route = document.routing.route
        quiet = None if route is None else route.resolve_after
        seconds.append((timedelta(minutes=30) if quiet is None else quiet).total_seconds())
    return min(timedelta(seconds=max(seconds)), MOST_LEAD)


def backtest(
    settings: Settings,
    new: Document,
    since: datetime,
    until: datetime,
    *,
    now: datetime,
    current: Document,
    source: Source = "auto",
    workers: int | None = None,
    apart: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Backtest:
    """Run the span's events under the current document and under the new one.

    since, until: event time, half open. now: the wall clock, to choose the source by. workers:
    processes; None: one a core. apart: not in this process, whatever the number. Nothing is
    produced, written or sent. Raises WatchfloorError for a span that is none, and what the broker
    and the database raise when they are away.
    """
    since, until = _checked(since, until)
    begun = monotonic()
    after = combined(current, new)
    sites = touched(current, after, new)
    span = Span(since, until, longest_memory((current, after), sites))
    archive = source == "archive" or (
        source == "auto" and (settings.kafka_url is None or now - since > MADE_FROM)
    )
    progress("reading what was decided", 0, 0)
    facts = (facts_in_archive if archive else facts_in_topics)(settings, sites, since, until)
    notes = list(facts.notes)
    extra, replaced = _on_tracks(settings, current, after, sites, span, notes, progress)
    job = Job(
        settings=settings,
        documents=(current, after),
        sites=sites,
        span=span,
        archive=archive,
        watched=_watched(facts, extra),
        acts=dict(group_acts(facts.acts)),
        extra=extra,
        replaced=replaced,
    )
    done = _run(job, workers or os.cpu_count() or 1, progress, apart=apart)
    tallies = (Tally(), Tally())
    tracks: dict[str, str] = {}
    counted = [0, 0]
    for share in done:
        for index, tally in share.tallies.items():
            tallies[index].add(tally)
            counted[index] += share.counted
        tracks.update(share.tracks)
    if extra:
        notes.append("changed zones were tried on recorded tracks, under both documents")
    return build(
        since=since,
        until=until,
        source="archive" if archive else "topic",
        sites=sites,
        changes=_changes(current, after),
        facts=facts,
        tallies=tallies,
        tracks=tracks,
        made=(_made(extra, 0), _made(extra, 1)),
        tried=[event for events in extra[1].values() for event in events] if extra else [],
        events=max(counted),
        tried_on_tracks=len(replaced.tracks) if replaced else 0,
        notes=notes,
        seconds=monotonic() - begun,
        cpu_seconds=sum(share.cpu_s for share in done),
    )


def _checked(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    since, until = utc(since), utc(until)
    if not since < until:
        raise WatchfloorError(
            f"backtest: --to {until.isoformat()} is not after --from {since.isoformat()}",
            exit_code=ExitCode.USAGE,
        )
    if until > datetime.max.replace(tzinfo=UTC) - timedelta(days=366):
        raise WatchfloorError("backtest: --to is after year 9998", exit_code=ExitCode.USAGE)
    if until - since > MOST_SPAN:
        raise WatchfloorError(
            "backtest: more than 366 days at once",
            hint="Take a shorter span; the events of a week are usually enough.",
            exit_code=ExitCode.USAGE,
        )
    # Room for the lead, and for the topic's own slack.
    if since < datetime.min.replace(tzinfo=UTC) + timedelta(days=366):
        raise WatchfloorError("backtest: --from is before year 2", exit_code=ExitCode.USAGE)
    return since, until


def _changes(current: Document, after: Document) -> list[str]:
    every = [str(one) for one in changes(current, after, prune=False)]
    rest = len(every) - MOST_CHANGES
    return [*every[:MOST_CHANGES], f"and {rest} more"] if rest > 0 else every


Extra = tuple[dict[str, list["SecurityEvent"]], ...]


def _on_tracks(
    settings: Settings,
    current: Document,
    after: Document,
    sites: Sequence[str],
    span: Span,
    notes: list[str],
    progress: Progress,
) -> tuple[Extra, Replaced | None]:
    """The events that changed zones make of recorded tracks, and what they stand in for."""
    before, new = changed_zones(_only(current, sites), _only(after, sites))
    if not new:
        return (), None
    cameras = frozenset((site, camera) for site, camera, _ in new)
    if settings.kafka_url is None:
        notes.append("changed zones could not be tried on tracks: no broker is known")
        return (), None
    progress("trying changed zones on recorded tracks", 0, 0)
    tracks = read_tracks(settings, cameras, span.begin, span.until)
    extra, names = tried(tracks, (before, new))
    if not names:
        notes.append(
            "changed zones could not be tried on tracks: none is recorded for their cameras"
        )
        return (), None
    within = tuple(
        {
            site: [event for event in events if span.begin <= event.occurred_at < span.until]
            for site, events in one.items()
        }
        for one in extra
    )
    return within, Replaced(frozenset(new), names)


def _only(document: Document, sites: Sequence[str]) -> Document:
    chosen: tuple[Site, ...] = tuple(s for s in document.sites if s.site_id in sites)
    return msgspec.structs.replace(document, sites=chosen)


def _watched(facts: Facts, extra: Extra) -> dict[str, frozenset[str]]:
    """Events of which it matters what becomes of them, by site."""
    found: dict[str, set[str]] = {}
    for alert in facts.alerts.values():
        if alert.resolution in CONFIRMED + DISMISSED:
            found.setdefault(alert.site_id, set()).update(alert.event_ids)
    for alert in unjudged(facts):
        found.setdefault(alert.site_id, set()).update(alert.event_ids)
    for one in extra:
        for site, events in one.items():
            found.setdefault(site, set()).update(event.event_id for event in events)
    return {site: frozenset(events) for site, events in found.items()}


def _made(extra: Extra, document: int) -> Mapping[tuple[str, str], list[str]]:
    """A document's events made of tracks, by track and zone."""
    found: dict[tuple[str, str], list[str]] = {}
    for events in extra[document].values() if extra else ():
        for event in events:
            place = (event.track_id or "", event.zone_id or "")
            found.setdefault(place, []).append(event.event_id)
    return found


def _run(job: Job, workers: int, progress: Progress, *, apart: bool) -> list[Done]:
    """Every share's outcome; a single one in this process, unless `apart`."""
    work_list = _shares(job, workers)
    total = sum(part.size for share, _ in work_list for part in share.parts)
    progress("running events", 0, total)
    if len(work_list) == 1 and not apart:
        told = _Told(lambda done: progress("running events", done, total))
        prepare(told)
        share, sites = work_list[0]
        return [work(job, share, 0, sites)]
    context = multiprocessing.get_context("spawn")
    told_by = context.Array("q", len(work_list))
    with ProcessPoolExecutor(
        len(work_list), mp_context=context, initializer=prepare, initargs=(told_by,)
    ) as pool:
        waiting: set[Future[Done]] = {
            pool.submit(work, job, share, number, sites)
            for number, (share, sites) in enumerate(work_list)
        }
        every = list(waiting)
        try:
            while waiting:
                ended, waiting = wait(waiting, timeout=POLL_S)
                for one in ended:
                    one.result()
                progress("running events", sum(told_by[:]), total)
        except BaseException:
            # Nobody waits for the others' answers any more.
            for process in (pool._processes or {}).values():
                process.terminate()
            raise
        return [one.result() for one in every]


class _Told:
    """Where a share in this process tells how far it is."""

    def __init__(self, told: Callable[[int], None]) -> None:
        self._told = told

    def __setitem__(self, _number: int, done: int) -> None:
        self._told(done)


def _shares(job: Job, workers: int) -> list[tuple[Share, tuple[str, ...]]]:
    """Each share with its sites."""
    if job.archive:
        return _archive_shares(job, workers)
    every = partitions(job.settings, job.span.begin, job.span.until)
    homes = {site: partition_for(site.encode(), len(every)) for site in job.sites}
    here = set(homes.values())
    parts = [part for part in every if part.number in here]
    found = []
    for share in shares(parts, len(job.documents), workers):
        numbers = {part.number for part in share.parts}
        found.append((share, tuple(site for site in job.sites if homes[site] in numbers)))
    # A site of which nothing was recorded may still have events made of tracks.
    empty = tuple(s for s in job.sites if not any(s in sites for _, sites in found))
    if empty and found:
        share, sites = found[0]
        if len(share.documents) == len(job.documents):
            found[0] = (share, (*sites, *empty))
        else:
            found.append((Share((), tuple(range(len(job.documents)))), empty))
    return found


def _archive_shares(job: Job, workers: int) -> list[tuple[Share, tuple[str, ...]]]:
    """The archive is read by site: its sites among the workers, or its documents."""
    both = tuple(range(len(job.documents)))
    if workers < 2:
        return [(Share((), both), job.sites)]
    if len(job.sites) == 1:
        return [(Share((), (document,)), job.sites) for document in both]
    count = min(workers, len(job.sites))
    return [(Share((), both), job.sites[number::count]) for number in range(count)]
