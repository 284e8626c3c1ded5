"""What a site wants done at an alert, and what of it was done. Pure.

A zone has a procedure for its alerts, and the site one for its devices'. A step is known by what it
says, so what was done stays done when the document changes elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from msgspec import Struct

from agents.runtime.configuration import SiteConfig
from schemas.alert import Alert, StepDone
from schemas.ids import step_id

__all__ = ["DEVICES", "MOST_DONE", "ProcedureError", "ProcedureStep", "steps_of", "taken"]
__all__ += ["zone_of"]

DEVICES: Final = ""
"""Stands for the zone where an alert is about a device."""
MOST_DONE: Final = 100
"""Of one alert: five zones' procedures, where it leads an incident."""


class ProcedureError(ValueError):
    """A step that cannot be done, or taken back; the message says why."""


class ProcedureStep(Struct, frozen=True, gc=False):
    """A step, by its id."""

    step_id: str
    text: str


def zone_of(zone_id: str | None, device_id: str | None) -> str | None:
    """Whose procedure an alert has: its zone's, or DEVICES; None: nobody's."""
    if zone_id is not None:
        return zone_id
    return None if device_id is None else DEVICES


def steps_of(config: SiteConfig | None, zone: str | None) -> tuple[ProcedureStep, ...]:
    """The procedure of a zone, or of DEVICES, as the document has it now."""
    if config is None or zone is None:
        return ()
    if zone == DEVICES:
        texts = config.site.watch.procedure
    else:
        found = config.zones.get(zone)
        texts = () if found is None else found.procedure
    site = config.site.site_id
    return tuple(ProcedureStep(step_id(site, zone, text), text) for text in texts)


def taken(
    alert: Alert, known: Collection[str], step: str, *, done: bool, by: str, now: datetime
) -> tuple[StepDone, ...]:
    """What of its procedure is done, after somebody did a step or took that back.

    known: the ids of the steps that there are. Raises ProcedureError.
    """
    before = next((one for one in alert.procedure if one.step_id == step), None)
    if not done:
        if before is None:
            raise ProcedureError("that step is not done")
        return tuple(one for one in alert.procedure if one is not before)
    if before is not None:
        raise ProcedureError(f"already done by {before.by} at {before.at:%H:%M} UTC")
    if step not in known:
        raise ProcedureError("its procedure has no such step, or not any more")
    if len(alert.procedure) >= MOST_DONE:
        raise ProcedureError(f"{MOST_DONE} steps of it are done already")
    return (*alert.procedure, StepDone(step_id=step, by=by, at=now))
