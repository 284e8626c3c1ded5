"""Pages of alerts: asked for often, by many, and mostly of what they had before.

An alert says the same as long as its revision is the same. So a page is first asked for as keys and
revisions, and only what is not known at its revision is read whole: most of what a page costs is to
bring fifty alerts of some forty columns from the database into JSON.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.alert import repository
from api.alert.repository import RankKey, Sort, TimeKey
from api.alert.schemas import AlertView, snapshot_url
from api.database import Row, within
from api.paging import Cursor, fingerprint
from api.sharing import Shared

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["Pages", "view_of"]

MOST_BYTES: Final = 16 * 1024 * 1024
"""Some ten thousand alerts."""

Place = tuple[str, str]
"""Site and alert."""
Asked = tuple[frozenset[str], Sort, bytes, str | None, int]


def view_of(row: Row) -> AlertView:
    """An alert of the database. The row is used up."""
    # At once: by way of an Alert a page would be made twice.
    row["snapshot_url"] = snapshot_url(row["alert_id"], row["snapshot"])
    return msgspec.convert(row, AlertView)


class Pages:
    """Pages that are being read, and the alerts of those that were, as JSON by revision."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._reading: Shared[Asked, msgspec.Raw] = Shared()
        self._known: OrderedDict[Place, tuple[int, bytes]] = OrderedDict()
        self._bytes = 0
        self._most_bytes = most_bytes

    async def page(
        self,
        api: Api,
        sites: frozenset[str],
        filters: dict[str, Any],
        sort: Sort,
        cursor: str | None,
        limit: int,
    ) -> msgspec.Raw:
        """A `Page[AlertView]` of those sites, as JSON. Raises BadCursor and DatabaseUnavailable."""
        # Whoever has another's page asks the database nothing: it is looked at here as well.
        within(sites)
        asked = msgspec.json.encode(filters, order="deterministic")
        return await self._reading.get(
            (sites, sort, asked, cursor, limit),
            lambda: self._read(api, sites, filters, sort, cursor, limit),
        )

    async def _read(
        self,
        api: Api,
        sites: frozenset[str],
        filters: dict[str, Any],
        sort: Sort,
        cursor: str | None,
        limit: int,
    ) -> msgspec.Raw:
        query = fingerprint(sort, {**filters, "sites": sorted(sites)})
        after: RankKey | TimeKey | None = None
        if cursor is not None:
            kind: type[RankKey] | type[TimeKey] = RankKey if sort is Sort.RANK else TimeKey
            after = Cursor.decode(cursor, kind, query)
        found = await repository.page(
            api.database, sites, filters, sort, after, limit + 1, keys=True
        )
        keys = found[:limit]
        more = None
        if len(found) > limit:
            last = keys[-1]
            more = Cursor(
                query,
                RankKey(last["rank"], last["alert_id"])
                if sort is Sort.RANK
                else TimeKey(last["opened_at"], last["alert_id"]),
            ).encode()
        items = await self._items(api, sites, keys)
        body = b'{"items":[%b],"next":%b}' % (b",".join(items), msgspec.json.encode(more))
        return msgspec.Raw(body)

    async def _items(self, api: Api, sites: frozenset[str], keys: list[Row]) -> list[bytes]:
        """These alerts as JSON, in this order, at these revisions or at newer ones."""
        texts: dict[Place, bytes] = {}
        for key in keys:
            place = key["site_id"], key["alert_id"]
            known = self._known.get(place)
            if known is not None and known[0] == key["revision"]:
                self._known.move_to_end(place)
                texts[place] = known[1]
        places = [(key["site_id"], key["alert_id"]) for key in keys]
        missing = [alert_id for site_id, alert_id in places if (site_id, alert_id) not in texts]
        if missing:
            for row in await repository.alerts(api.database, sites, missing):
                place, revision = (row["site_id"], row["alert_id"]), row["revision"]
                texts[place] = msgspec.json.encode(view_of(row))
                self._keep(place, revision, texts[place])
        # One that was taken away meanwhile is on no page.
        return [texts[place] for place in places if place in texts]

    def _keep(self, place: Place, revision: int, text: bytes) -> None:
        before = self._known.pop(place, None)
        if before is not None:
            self._bytes -= len(before[1])
        self._known[place] = revision, text
        self._bytes += len(text)
        while self._bytes > self._most_bytes:
            _, (_, gone) = self._known.popitem(last=False)
            self._bytes -= len(gone)
