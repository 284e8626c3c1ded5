"""Conditions: what is wrong with a device that answers, from the facts of its polls to events.

A recorder that says that a disk of it is broken is there, and so is a camera whose lens somebody
covered: neither has to do with the device's reachability (`health.py`), and both are told under
their own names. One event when a condition begins, one when it ends; both wait until polls have
said so for long enough, by the polls' own time. What a poll does not say changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from agents.watch.health import MEAN_NORMAL_S
from schemas.base import Severity
from schemas.device import CameraState, Probe, ProbeKind
from schemas.event import EventSource, SecurityEvent
from schemas.ids import device_event_id

__all__ = [
    "CHANNELS_LOST",
    "CONDITIONS",
    "COVERED",
    "DISK",
    "FROZEN",
    "MOVED",
    "NO_FRAMES",
    "RECORDING",
    "Condition",
    "Conditions",
    "Standing",
    "observe_conditions",
]

NO_FRAMES: Final = "no_frames"
FROZEN: Final = "frozen_picture"
COVERED: Final = "covered_lens"
MOVED: Final = "moved_camera"
RECORDING: Final = "missing_recording"
DISK: Final = "disk_error"
CHANNELS_LOST: Final = "channels_lost"

UNBROKEN: Final = 4
"""Polls further apart than so many of them are no run: nobody knows what was between them."""

MOST_TEXT: Final = 200
"""Letters of an event's label."""


class Standing(Struct, frozen=True, kw_only=True):
    """Where a condition stands. at: the newest poll that said something of it.

    bad_since, good_since: when the run of polls began that say so; one of them is None.
    begun: when it was told that it began, None where nothing is open. which: the channels.
    """

    at: datetime
    bad_since: datetime | None = None
    good_since: datetime | None = None
    begun: datetime | None = None
    which: tuple[str, ...] = ()


class Conditions(Struct, frozen=True, kw_only=True):
    """A device's conditions by event type. polls: the newest poll of each kind."""

    polls: dict[str, datetime] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)

    @property
    def at(self) -> datetime | None:
        """The newest poll of any kind."""
        return max(self.polls.values(), default=None)

    @property
    def open(self) -> tuple[str, ...]:
        """The types of those that were told and did not end."""
        return tuple(name for name, one in self.standing.items() if one.begun is not None)


Which: TypeAlias = tuple[str, ...]
Verdict: TypeAlias = tuple[bool, Which] | None
"""Whether it is bad, and which channels; None where the poll says nothing of it."""
Judge: TypeAlias = Callable[[Probe, Which, Collection[str]], Verdict]
"""By a poll, the channels that were bad before, and those that are captured."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition. label: what the event calls the channels.

    begins, ends: how long polls have to say so. Where one poll in minutes is made, a second one
    is enough, wherever within its jitter it comes.
    """

    event_type: str
    severity: Severity
    kind: ProbeKind
    judge: Judge
    begins: timedelta
    ends: timedelta


def _frames(name: str) -> Judge:
    def judge(probe: Probe, _before: Which, _captured: Collection[str]) -> Verdict:
        said = probe.facts.get(name)
        if probe.state is not CameraState.CONNECTED or not isinstance(said, bool):
            return None
        return said, ()

    return judge


def _no_frames(probe: Probe, _before: Which, _captured: Collection[str]) -> Verdict:
    # A file that came to its end, and a first attempt, are neither.
    if probe.state is CameraState.LOST:
        return True, ()
    return (False, ()) if probe.state is CameraState.CONNECTED else None


def _split(said: object) -> Which:
    return tuple(one for one in said.split(",") if one) if isinstance(said, str) else ()


def _recording(probe: Probe, before: Which, _captured: Collection[str]) -> Verdict:
    """A poll looks for some channels' recordings, all in turn: what it did not look for stays."""
    said = probe.facts.get("missing_recording")
    if not isinstance(said, bool):
        return None
    asked = _split(probe.facts.get("asked_channels"))
    left = tuple(one for one in before if asked and one not in asked)
    now = _split(probe.facts.get("missing_channels")) if said else ()
    return said or bool(left), tuple(dict.fromkeys(left + now))


def _disks(probe: Probe, _before: Which, _captured: Collection[str]) -> Verdict:
    failed = probe.facts.get("disks_failed")
    if isinstance(failed, bool) or not isinstance(failed, int):
        return None
    return failed > 0, (str(failed),) if failed else ()


def _channels(probe: Probe, _before: Which, captured: Collection[str]) -> Verdict:
    lost = tuple(one for one in _split(probe.facts.get("channels_lost")) if one not in captured)
    if lost:
        return True, lost
    told = "channels" in probe.facts or "channels_lost" in probe.facts or probe.ok
    return (False, ()) if told else None


_SECOND_POLL: Final = timedelta(seconds=60)

CONDITIONS: Final = (
    Condition(
        event_type=NO_FRAMES,
        severity=Severity.HIGH,
        kind=ProbeKind.FRAMES,
        judge=_no_frames,
        # A camera that starts anew is back within it.
        begins=timedelta(seconds=60),
        ends=timedelta(seconds=30),
    ),
    *(
        Condition(
            event_type=name,
            severity=severity,
            kind=ProbeKind.FRAMES,
            judge=_frames(name),
            # Capture has looked for long before it says so; this is against a single word.
            begins=timedelta(seconds=15),
            ends=timedelta(seconds=60),
        )
        for name, severity in (
            (FROZEN, Severity.HIGH),
            (COVERED, Severity.HIGH),
            (MOVED, Severity.MEDIUM),
        )
    ),
    Condition(
        event_type=RECORDING,
        severity=Severity.HIGH,
        kind=ProbeKind.CHANNELS,
        judge=_recording,
        begins=_SECOND_POLL,
        ends=_SECOND_POLL,
    ),
    Condition(
        event_type=DISK,
        severity=Severity.HIGH,
        kind=ProbeKind.CHANNELS,
        judge=_disks,
        begins=timedelta(0),
        # A disk on its way out answers now and then.
        ends=timedelta(minutes=10),
    ),
    Condition(
        event_type=CHANNELS_LOST,
        severity=Severity.HIGH,
        kind=ProbeKind.CHANNELS,
        judge=_channels,
        begins=_SECOND_POLL,
        ends=_SECOND_POLL,
    ),
)


def observe_conditions(
    before: Conditions | None,
    probe: Probe,
    *,
    captured: Collection[str] = frozenset(),
    down: bool = False,
    normal_s: float = MEAN_NORMAL_S,
) -> tuple[Conditions | None, tuple[SecurityEvent, ...]]:
    """The conditions after a poll, and the events that this makes.

    captured: channels whose cameras tell of their own loss. normal_s: seconds between two polls
    while all is well. down: the device is known to be away,
    and nothing begins: what is wrong with it was told. A poll that is not newer than the newest
    one of its kind changes nothing.
    """
    mine = [one for one in CONDITIONS if one.kind is probe.kind]
    old = before or Conditions()
    newest = old.polls.get(probe.kind)
    if not mine or (newest is not None and probe.at <= newest):
        return before, ()
    standing = dict(old.standing)
    events: list[SecurityEvent] = []
    for condition in mine:
        known = standing.get(condition.event_type)
        # While it is bad: what it was, and no longer is, is kept for the event of its end.
        was = known.which if known is not None and known.bad_since is not None else ()
        verdict = condition.judge(probe, was, captured)
        if verdict is None:
            continue
        unbroken = known is not None and probe.at - known.at <= UNBROKEN * timedelta(
            seconds=normal_s
        )
        after, ended = _step(known, condition, probe.at, *verdict, unbroken=unbroken, down=down)
        if ended is not None:
            said = after if not ended else known or after
            events.append(_event(probe, condition, said.which, ended=ended))
        if after.bad_since is None and after.begun is None:
            # All is well, and that is what nothing says too.
            standing.pop(condition.event_type, None)
        else:
            standing[condition.event_type] = after
    return Conditions(polls={**old.polls, probe.kind.value: probe.at}, standing=standing), tuple(
        events
    )


def _step(
    known: Standing | None,
    condition: Condition,
    at: datetime,
    bad: bool,
    which: Which,
    *,
    unbroken: bool,
    down: bool,
) -> tuple[Standing, bool | None]:
    """Where it stands after a verdict; False where it begins with it, True where it ends."""
    bad_run = known.bad_since if known is not None and unbroken else None
    good_run = known.good_since if known is not None and unbroken else None
    begun = None if known is None else known.begun
    if bad:
        since = bad_run or at
        begins = begun is None and not down and at - since >= condition.begins
        after = Standing(at=at, bad_since=since, begun=at if begins else begun, which=which)
        return after, False if begins else None
    since = good_run or at
    ends = begun is not None and at - since >= condition.ends
    if begun is None or ends:
        return Standing(at=at, good_since=since), True if ends else None
    assert known is not None
    return replace(known, at=at, bad_since=None, good_since=since), None


def _event(probe: Probe, condition: Condition, which: Which, *, ended: bool) -> SecurityEvent:
    labels = {}
    if which:
        name = "disks" if condition.event_type == DISK else "channels"
        labels[name] = ",".join(which)[:MOST_TEXT]
    return SecurityEvent(
        event_id=device_event_id(
            probe.site_id, probe.device_id, condition.event_type, probe.at, ended=ended
        ),
        site_id=probe.site_id,
        device_id=probe.device_id,
        # Only cameras have frames, and matchers know them as such.
        camera_id=probe.device_id if probe.kind is ProbeKind.FRAMES else None,
        event_type=condition.event_type,
        occurred_at=probe.at,
        source=EventSource.WATCH,
        severity=condition.severity,
        ended=ended,
        labels=labels,
    )
