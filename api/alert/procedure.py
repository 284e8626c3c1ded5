"""What is to be done at an alert: the steps that its site's document has, and who did which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agents.route.procedure import DEVICES, steps_of, zone_of
from agents.runtime.configuration import SiteConfig
from api.alert import repository, service
from api.alert.schemas import ProcedureView, StepView, ZoneProcedure
from schemas.alert import Alert

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["procedure", "view_of"]


async def procedure(api: Api, sites: frozenset[str], alert_id: str) -> ProcedureView:
    """The procedure of one alert of those sites. Raises NotFound and DatabaseUnavailable."""
    alert = await service.by_id(api, sites, alert_id)
    led: set[str | None] = set()
    if alert.incident == alert.alert_id:
        places = await repository.led(api.database, {alert.site_id}, alert_id)
        led = {zone_of(row["zone_id"], row["device_id"]) for row in places}
        # Archive may be a moment behind.
        led |= {
            zone_of(one.zone_id, one.device_id)
            for one in api.live.alerts({alert.site_id})
            if one.incident == alert_id
        }
    return view_of(api.configuration.site(alert.site_id), alert, led)


def view_of(config: SiteConfig | None, alert: Alert, led: Iterable[str | None]) -> ProcedureView:
    """The alert's own zone first, then those of the alerts that it leads, devices last."""
    own = zone_of(alert.zone_id, alert.device_id)
    others = {zone for zone in led if zone is not None and zone != own}
    zones = ([] if own is None else [own]) + sorted(others, key=lambda one: (one == DEVICES, one))
    done = {one.step_id: one for one in alert.procedure}
    found = []
    for zone in zones:
        steps = tuple(
            StepView(
                step_id=step.step_id,
                text=step.text,
                done_by=None if (known := done.get(step.step_id)) is None else known.by,
                done_at=None if known is None else known.at,
            )
            for step in steps_of(config, zone)
        )
        if steps:
            found.append(ZoneProcedure(zone_id=zone or None, steps=steps))
    return ProcedureView(alert_id=alert.alert_id, site_id=alert.site_id, zones=tuple(found))
