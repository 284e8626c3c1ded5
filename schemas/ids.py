"""Deterministic ids: uuid5 over named inputs, one function a kind.

The same inputs give the same id on every machine and after every restart, so that a redelivered
record lands on the row that it already made. The inputs of each id are its function's parameters.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from hashlib import sha1
from operator import itemgetter

from schemas.base import utc

__all__ = [
    "activity_id",
    "alert_id",
    "confirmation_id",
    "decision_id",
    "detector_event_id",
    "device_event_id",
    "external_event_id",
    "frame_id",
    "notification_id",
    "probe_id",
    "result_id",
    "snapshot_id",
    "step_id",
    "track_id",
]

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "watchfloor.events")
_PREFIX = sha1(NAMESPACE.bytes, usedforsecurity=False)
_CUT = itemgetter(slice(0, 8), slice(8, 12), slice(13, 16), 16, slice(17, 20), slice(20, 32))
"""A digest's digits in a UUID's groups; the two between tell version and variant."""
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def _uuid(kind: str, *parts: object) -> str:
    """Parts are joined with their lengths, so that ('a', 'bc') and ('ab', 'c') differ."""
    named = f"{len(kind)}:{kind}"
    for part in parts:
        text = part if type(part) is str else str(part)
        named += f"{len(text)}:{text}"
    return _named(named)


def _named(named: str) -> str:
    # What uuid.uuid5 does (RFC 9562, 5.5), without its object: an event makes up to ten of these.
    hashed = _PREFIX.copy()
    hashed.update(named.encode())
    low, middle, high, variant, clock, node = _CUT(hashed.hexdigest())
    return f"{low}-{middle}-5{high}-{_VARIANT[variant]}{clock}-{node}"


def _instant(at: datetime) -> str:
    """Microseconds since the epoch: an instant has one spelling, whatever its timezone."""
    moment = utc(at)
    return str(int(moment.timestamp()) * 1_000_000 + moment.microsecond)


def frame_id(site: str, camera: str, captured_at: datetime, seq: int) -> str:
    """A captured frame: `seq` tells two frames of one instant apart."""
    return _uuid("frame", site, camera, _instant(captured_at), seq)


def detector_event_id(
    site: str, camera: str, zone: str, event_type: str, captured_at: datetime, ordinal: int
) -> str:
    """An event of the detect role.

    captured_at: of the frame that completed the evidence. ordinal: 0-based, among the tracks that
    complete on that frame in that zone, ordered by label and box.
    """
    return _uuid("event", site, camera, zone, event_type, _instant(captured_at), ordinal)


def device_event_id(
    site: str, device: str, event_type: str, probed_at: datetime, *, ended: bool
) -> str:
    """A change of a device's health; probed_at: of the poll that made it."""
    return _uuid("device-event", site, device, event_type, _instant(probed_at), ended)


def external_event_id(site: str, source: str, token: str) -> str:
    """An event from outside; token: its sender's idempotency key, or a hash of its body."""
    return _uuid("external-event", site, source, token)


def track_id(site: str, camera: str, label: str, first_seen: datetime, ordinal: int) -> str:
    """A track; ordinal: among those of that label that were born on the same frame."""
    return _uuid("track", site, camera, label, _instant(first_seen), ordinal)


def probe_id(site: str, device: str, kind: str, at: datetime) -> str:
    """The outcome of one look at a device."""
    return _uuid("probe", site, device, kind, _instant(at))


def snapshot_id(site: str, event: str, position: int) -> str:
    """One picture of an event: position -3 to 3, 0 is the completing frame."""
    return _uuid("snapshot", site, event, position)


def decision_id(site: str, event: str) -> str:
    """The final decision about an event: there is one."""
    return _named(f"8:decision{len(site)}:{site}{len(event)}:{event}")


def alert_id(site: str, situation: str, opened_by: str) -> str:
    """An alert; situation: zone, camera or device, and type; opened_by: the event that opened it.

    A situation that comes back after it was resolved is another alert.
    """
    return _named(
        f"5:alert{len(site)}:{site}{len(situation)}:{situation}{len(opened_by)}:{opened_by}"
    )


def activity_id(alert: str, kind: str, cause: str) -> str:
    """One entry of an alert's history; cause: the id of the event, command or timer behind it."""
    return _named(f"8:activity{len(alert)}:{alert}{len(kind)}:{kind}{len(cause)}:{cause}")


def step_id(site: str, zone: str, text: str) -> str:
    """A step of a procedure; zone: empty for the site's own procedure, for its devices.

    By what it says: a document that is changed elsewhere leaves what was done where it is.
    """
    return _uuid("step", site, zone, text)


def notification_id(site: str, receiver: str, group: str, flush: int) -> str:
    """A notification; flush: the group's flush number from its state."""
    return _uuid("notification", site, receiver, group, flush)


def result_id(notification: str, attempt: int) -> str:
    """The outcome of one attempt at a notification."""
    return _uuid("result", notification, attempt)


def confirmation_id(notification: str, channel: str, reference: str, outcome: str) -> str:
    """What a channel reported later of what it took; reference: its own id of that."""
    return _uuid("confirmation", notification, channel, reference, outcome)
