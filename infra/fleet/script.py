"""What goes wrong in a simulated fleet, and when. Pure: the time since the start is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from infra.errors import WatchfloorError
from schemas.base import SchemaError, parse_duration

__all__ = ["Act", "FleetFault", "Now", "ScriptError", "faults_at", "read_script"]

MOST_BYTES: Final = 1_048_576
FLAP_S: Final = 20.0
SLOW_S: Final = 30.0
CLOCK_S: Final = 3600.0


class FleetFault(StrEnum):
    """How a device fails."""

    DOWN = "down"
    """Every connection is cut as it is made."""
    SLOW = "slow"
    """It answers after `seconds`."""
    DRIP = "drip"
    """It answers at once, a byte a second."""
    GARBAGE = "garbage"
    """It answers bytes that are no HTTP."""
    NONSENSE = "nonsense"
    """It answers HTTP, with a body that is not its protocol."""
    HUGE = "huge"
    """It answers 200 MB."""
    BOMB = "xml-bomb"
    """Its XML expands without end ("billion laughs")."""
    REDIRECT = "redirect"
    """It sends whoever asks to an address of the inside."""
    WRONG_AUTH = "wrong-auth"
    """Its password is another."""
    WRONG_CLOCK = "wrong-clock"
    """Its clock is `seconds` ahead."""
    CHANNEL_LOST = "channel-lost"
    """Its channel `channel` is without a camera."""
    DISK_FULL = "disk-full"
    """Its disk has no room."""
    DISK_FAILED = "disk-failed"
    """Its disk is broken."""
    RECORDING_GAP = "recording-gap"
    """Its channel `channel` was not recorded."""
    FLAP = "flap"
    """It is down and back in turns of `seconds` each, down first."""


class ScriptError(WatchfloorError):
    """A script that cannot be read."""


class Act(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """A line of a script. at, for: durations (`90`, `90s`, `2m`); device: an id, or one with `*`.

    for: until the end where it is missing. seconds, channel: what some faults take.
    """

    at: str | float
    device: Annotated[str, Meta(min_length=1, max_length=130)]
    fault: FleetFault
    for_: str | float | None = None
    seconds: Annotated[float, Meta(gt=-1e9, le=1e9)] | None = None
    channel: Annotated[int, Meta(ge=1, le=1024)] = 1


@dataclass(frozen=True, kw_only=True)
class Timed:
    """An act with its times in seconds since the start; until: None is for ever."""

    act: Act
    at: float
    until: float | None


@dataclass(frozen=True, kw_only=True)
class Now:
    """What is wrong with a device at a moment. lost, unrecorded: channels."""

    kinds: frozenset[FleetFault] = frozenset()
    delay_s: float = 0.0
    clock_s: float = 0.0
    lost: frozenset[int] = frozenset()
    unrecorded: frozenset[int] = frozenset()


def read_script(text: str, devices: Iterable[str]) -> tuple[Timed, ...]:
    """The acts of a YAML list. Raises ScriptError for what is none, and for devices not there."""
    import yaml

    known = list(devices)
    if len(text) > MOST_BYTES:
        raise ScriptError(f"script: longer than {MOST_BYTES} bytes")
    try:
        acts = msgspec.convert(yaml.safe_load(text) or [], tuple[Act, ...])
    except (yaml.YAMLError, msgspec.ValidationError, RecursionError) as error:
        raise ScriptError(f"script: {str(error)[:300]}") from None
    return tuple(_timed(act, place, known) for place, act in enumerate(acts))


def _timed(act: Act, place: int, known: Sequence[str]) -> Timed:
    if not any(fnmatchcase(one, act.device) for one in known):
        raise ScriptError(f"script: act {place + 1}: no device is called '{act.device}'")
    try:
        at = parse_duration(act.at).total_seconds()
        lasts = None if act.for_ is None else parse_duration(act.for_).total_seconds()
    except SchemaError as error:
        raise ScriptError(f"script: act {place + 1}: {error}") from None
    if act.fault is FleetFault.FLAP and act.seconds is not None and act.seconds <= 0:
        raise ScriptError(f"script: act {place + 1}: a flap takes more than 0 seconds")
    return Timed(act=act, at=at, until=None if lasts is None else at + lasts)


def faults_at(script: Iterable[Timed], device: str, elapsed_s: float) -> Now:
    """What is wrong with a device so long after the start. Acts add up."""
    kinds: set[FleetFault] = set()
    delay, clock = 0.0, 0.0
    lost: set[int] = set()
    unrecorded: set[int] = set()
    for timed in script:
        act = timed.act
        if elapsed_s < timed.at or (timed.until is not None and elapsed_s >= timed.until):
            continue
        if not fnmatchcase(device, act.device):
            continue
        match act.fault:
            case FleetFault.FLAP:
                turn = act.seconds or FLAP_S
                if int((elapsed_s - timed.at) // turn) % 2 == 0:
                    kinds.add(FleetFault.DOWN)
            case FleetFault.SLOW:
                delay = max(delay, SLOW_S if act.seconds is None else act.seconds)
            case FleetFault.WRONG_CLOCK:
                clock += CLOCK_S if act.seconds is None else act.seconds
            case FleetFault.CHANNEL_LOST:
                lost.add(act.channel)
            case FleetFault.RECORDING_GAP:
                unrecorded.add(act.channel)
        kinds.add(act.fault)
    return Now(
        kinds=frozenset(kinds),
        delay_s=delay,
        clock_s=clock,
        lost=frozenset(lost),
        unrecorded=frozenset(unrecorded),
    )
