"""A shift's report."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from api.report import repository, shift
from api.report.repository import Shift
from api.report.schemas import ChannelLine, SeverityLine, ShiftReport, Totals
from api.report.shift import Group, Hour

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["USUAL", "report"]

USUAL: Final = timedelta(hours=8)


async def report(api: Api, sites: frozenset[str], begin: datetime, end: datetime) -> ShiftReport:
    """What was opened at those sites from `begin` to `end`."""
    asked = Shift(sites=sites, begin=begin, end=end)
    rows = await repository.totals(api.database, asked)
    (total,) = (row for row in rows if row["severity"] is None)
    groups = [msgspec.convert(row, Group) for row in await repository.groups(api.database, asked)]
    counted = [msgspec.convert(row, Hour) for row in await repository.hours(api.database, asked)]
    channels = await repository.channels(api.database, asked)
    return ShiftReport(
        sites=tuple(sorted(sites)),
        from_=begin,
        to=end,
        at=api.now(),
        total=msgspec.convert(total, Totals),
        precision=shift.judged(groups),
        severities=shift.severities(
            msgspec.convert(row, SeverityLine) for row in rows if row["severity"] is not None
        ),
        hours=shift.hours(counted, begin, end),
        rules=shift.rules(groups),
        cameras=shift.cameras(groups),
        notifications=await repository.notifications(api.database, asked),
        channels=tuple(msgspec.convert(row, ChannelLine) for row in channels),
    )
