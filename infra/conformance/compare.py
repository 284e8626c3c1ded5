"""What was expected against what came: pure, the same for both modes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from infra.conformance.cases import Expected, Wanted
from schemas.alert import Alert, AlertState
from schemas.decision import Decision
from schemas.device import DeviceHealth
from schemas.notification import NotifyRequest

__all__ = [
    "Delivered",
    "alerts_problem",
    "chosen",
    "decision_problem",
    "health_problem",
    "matches",
    "notifications_problem",
]

A_TICK: Final = timedelta(seconds=1)
"""Processing time comes in ticks: what is within a time may be a tick later."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """Something that a channel took. alerts: how many it is about; at: virtual time."""

    receiver: str
    channel: str
    status: str
    alerts: int
    kind: str
    at: datetime
    request: NotifyRequest


def _told(fields: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + "}"


def _differs(expected: Expected, found: Mapping[str, Any]) -> bool:
    return any(found[name] != value for name, value in expected.items())


def decision_problem(expected: Expected, decision: Decision | None) -> str | None:
    """Why a decision is not as expected, or None."""
    if decision is None:
        return f"expected {_told(expected)}, got no decision"
    found = {"result": decision.result.value, "reason": decision.reason}
    # What a case leaves open, is: an event that was sent needs no reason.
    if _differs(expected, found):
        return f"expected {_told(expected)}, got {_told(found)}"
    return None


def health_problem(expected: Expected, health: DeviceHealth | None) -> str | None:
    """Why a device's health is not as expected, or None."""
    if health is None:
        return f"expected {_told(expected)}, got no health"
    found: dict[str, Any] = {
        "severity": health.severity.value,
        "breaker": health.breaker.value,
        "consecutive_failures": health.consecutive_failures,
        "load_shed": health.load_shed,
    }
    seconds = (health.next_poll_at - health.at).total_seconds()
    wanted = dict(expected)
    between = wanted.pop("next_poll_sec", None)
    off = between is not None and not between[0] <= seconds <= between[1]
    if off or _differs(wanted, found):
        return f"expected {_told(expected)}, got {_told({**found, 'next_poll_sec': seconds})}"
    return None


def _shown(one: Delivered) -> dict[str, Any]:
    return {
        "receiver": one.receiver,
        "status": one.status,
        "alerts": one.alerts,
        "channel": one.channel,
        "kind": one.kind,
    }


def notifications_problem(
    wanted: Sequence[Wanted], since: Sequence[Delivered], now: datetime
) -> str | None:
    """Why these are not the notifications that must have come since the last time, or None."""
    fits = len(wanted) == len(since) and all(
        not _differs(want.fields, _shown(one))
        and (want.within is None or now - one.at <= want.within + A_TICK)
        for want, one in zip(wanted, since, strict=True)
    )
    if fits:
        return None
    expected = ", ".join(
        _told({**want.fields, **({} if want.within is None else {"within": want.within})})
        for want in wanted
    )
    got = ", ".join(_told({**_shown(one), "at": f"{one.at:%H:%M:%S}"}) for one in since)
    return f"expected [{expected}], got [{got}]"


def matches(alert: Alert, match: Expected) -> bool:
    """Whether an alert is one that a case means."""
    return all(
        getattr(alert, "event_type" if name == "type" else name) == value
        for name, value in match.items()
    )


def chosen(alerts: Iterable[Alert], match: Expected, kind: str) -> list[Alert]:
    """The alerts that a command is about.

    Those that match and are open; to reopen, and where none is open, the newest that matches.
    """
    found = sorted(
        (one for one in alerts if matches(one, match)),
        key=lambda one: (one.opened_at, one.alert_id),
    )
    is_open = [one for one in found if one.state is not AlertState.RESOLVED]
    if kind == "reopen":
        return [one for one in found if one.state is AlertState.RESOLVED][-1:] or found[-1:]
    return is_open or found[-1:]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, datetime) and isinstance(expected, str):
        try:
            return found == datetime.fromisoformat(expected)
        except ValueError:
            return False
    return bool(_plain(found) == expected)


def alerts_problem(
    wanted: Sequence[tuple[Expected, Expected]], alerts: Sequence[Alert]
) -> str | None:
    """Why the alerts are not those that must be there at the end, or None.

    None wanted: there is none. Else each that is wanted is another one that is there.
    """
    if not wanted:
        left = [_told({"type": one.event_type, "state": one.state.value}) for one in alerts]
        return f"expected no alerts, got [{', '.join(left)}]" if left else None
    free = list(alerts)
    for match, expected in wanted:
        near = [one for one in free if matches(one, match)]
        found = next(
            (
                one
                for one in near
                if all(_same(getattr(one, name), value) for name, value in expected.items())
            ),
            None,
        )
        if found is None:
            got = ", ".join(
                _told({name: _plain(getattr(one, name)) for name in expected}) for one in near
            )
            return f"{_told(match)}: expected {_told(expected)}, got [{got}]"
        free.remove(found)
    return None
