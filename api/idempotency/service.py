"""A write that is asked for twice under one key is done once (draft-ietf-httpapi-idempotency-key).

The same key with the same body has the first answer again, with another body it is refused (422),
and while the first is under way as well (409). A key is its sender's, for one address, for a day.

Answers are in PostgreSQL, so that a restart and another replica know them, and the newest here.
While PostgreSQL is away only the newest are known. That is safe for what does not need it: a posted
event, a command, a note and a notification have ids that follow from the key, so that the same
again is the same thing to the roles, wherever it comes from. Whatever else is written needs it.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from api.database import Database
from api.idempotency import repository
from api.idempotency.schemas import Known
from api.problems import (
    AnswerNotKept,
    DatabaseUnavailable,
    KeyInProgress,
    KeyReused,
)

__all__ = ["Keys", "fingerprint", "judge", "name_of"]

log = logging.getLogger("watchfloor.api.idempotency")

KEPT_FOR: Final = timedelta(days=1)
STALE: Final = timedelta(minutes=3)
"""Who took a key and has not answered for so long has died: longer than any request may take."""
RECENT: Final = 5_000
MAX_KEPT_BYTES: Final = 65_536
MAX_STORED_BYTES: Final = 1_048_576
SWEEP: Final = 500
"""Old keys are forgotten with every so many new ones."""


def name_of(who: str, method: str, path: str, key: str) -> str:
    """What a key is known by: nobody else's, and of no other address."""
    parts = (who, method, path, key)
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def fingerprint(body: bytes) -> str:
    """What was asked, as a hash."""
    return hashlib.sha256(body).hexdigest()


def judge(known: Known, asked: str) -> Known:
    """The first answer, for one who asks again. Raises KeyReused, KeyInProgress, AnswerNotKept."""
    if known.fingerprint != asked:
        raise KeyReused
    if known.status is None:
        raise KeyInProgress
    if known.body is None:
        raise AnswerNotKept(known.status)
    return known


def _small(known: Known) -> Known:
    """As it is kept here: a large answer is only in the database."""
    large = known.body is not None and len(known.body) > MAX_KEPT_BYTES
    return replace(known, body=None) if large else known


class Keys:
    """The keys of this server, and those in the database. Bounded."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], *, recent: int = RECENT
    ) -> None:
        self._database = database
        self._now = now
        self._limit = recent
        self._recent: OrderedDict[str, tuple[datetime, Known]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return len(self._recent)

    async def claim(self, name: str, asked: str) -> Known | None:
        """The first answer; None: it is for the caller to do, and then to `finish` or `release`.

        Raises what `judge` raises.
        """
        known = self._known(name)
        if known is not None and not (known.status is not None and known.body is None):
            return judge(known, asked)
        # Taken here before anything is waited for: of two at once one is first.
        before = known
        self._put(name, Known(fingerprint=asked))
        try:
            now = self._now()
            found = await repository.claim(self._database, name, asked, now, now - STALE)
        except DatabaseUnavailable:
            log.warning("a key is remembered here only: the database is away")
            if before is not None:
                self._put(name, before)
                return judge(before, asked)
            return None
        except BaseException:
            self._recent.pop(name, None)
            raise
        if found is None:
            await self._sweep(now)
            return None
        self._recent.pop(name, None)
        if found.status is not None:
            self._put(name, _small(found))
        return judge(found, asked)

    def check(self, name: str, asked: str) -> None:
        """For what has an id of its own by its key: refuse the key with another body.

        Raises KeyReused. Only the newest are known; for one that is forgotten the first thing
        stands, and its answer is given.
        """
        known = self._known(name)
        if known is not None and known.fingerprint != asked:
            raise KeyReused

    def remember(self, name: str, asked: str) -> None:
        """What has an id of its own by its key was taken."""
        self._put(name, Known(fingerprint=asked))

    async def finish(self, name: str, known: Known) -> None:
        """Keep the answer; one that is too large is only known to have been given."""
        body = known.body
        if body is not None and len(body) > MAX_STORED_BYTES:
            known = replace(known, body=None)
        self._put(name, _small(known))
        try:
            await repository.finish(self._database, name, known)
        except DatabaseUnavailable:
            log.warning("an answer is remembered here only: the database is away")

    async def release(self, name: str) -> None:
        """Nothing was done: the same key may be tried again, also with another body."""
        self._recent.pop(name, None)
        try:
            await repository.release(self._database, name)
        except DatabaseUnavailable:
            log.warning("a key waits for the database to be free again")

    def _known(self, name: str) -> Known | None:
        at, known = self._recent.get(name, (None, None))
        if at is not None and at < self._now() - KEPT_FOR:
            del self._recent[name]
            return None
        return known

    def _put(self, name: str, known: Known) -> None:
        self._recent[name] = (self._now(), known)
        self._recent.move_to_end(name)
        while len(self._recent) > self._limit:
            self._recent.popitem(last=False)

    async def _sweep(self, now: datetime) -> None:
        self._count += 1
        if self._count % SWEEP == 1:
            try:
                await repository.forget(self._database, now - KEPT_FOR)
            except DatabaseUnavailable:
                log.warning("old keys are forgotten later: the database is away")
