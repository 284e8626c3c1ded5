"""Documents in force: what is, what a new one changes, and who works by it."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

import msgspec

from infra.errors import TimeLimitError
from schemas.base import decode
from schemas.document import ConfigRecord, Document, Routing, Site
from topics.catalogue import CONFIG

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Change", "RoleState", "changes", "current", "put", "roles", "wait_for_roles"]

ROUTING_KEY: Final = "routing"
PROBE_S: Final = 2.0
MAX_ANSWER: Final = 1_048_576


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference. kind: `added`, `removed` or `changed`."""

    kind: str
    path: str
    before: Any = None
    after: Any = None

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)

    def __str__(self) -> str:
        if self.kind == "changed":
            return f"~ {self.path}: {_brief(self.before)} becomes {_brief(self.after)}"
        if self.kind == "added":
            return f"+ {self.path}{_colon(self.after)}"
        return f"- {self.path}{_colon(self.before)}"


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def _colon(value: Any) -> str:
    return "" if isinstance(value, dict) else f": {_brief(value)}"


def current(settings: Settings) -> Document | None:
    """What is in force, from `config.documents.v1`; None where no broker is known."""
    if settings.kafka_url is None:
        return None
    from topics.reader import read

    newest: dict[str, bytes | None] = {}
    for record in read(settings, [CONFIG.name]):
        newest[(record.key or b"").decode("utf-8", "replace")] = record.value
    records = [decode(value, ConfigRecord) for value in newest.values() if value is not None]
    routing = next((record.routing for record in records if record.routing is not None), Routing())
    sites = [record.site for record in records if record.site is not None]
    return Document(sites=tuple(sorted(sites, key=lambda site: site.site_id)), routing=routing)


def changes(before: Document | None, after: Document, *, prune: bool) -> list[Change]:
    """What putting `after` into force changes. Pure.

    Sites that it does not name stay, and so does the routing where it has none, unless pruned.
    """
    old = before or Document()
    old_sites = {site.site_id: site for site in old.sites}
    found: list[Change] = []
    for site in after.sites:
        found += _part(f"sites[{site.site_id}]", old_sites.get(site.site_id), site)
    if prune:
        named = {site.site_id for site in after.sites}
        for site in old.sites:
            if site.site_id not in named:
                found += _part(f"sites[{site.site_id}]", site, None)
    if prune or after.routing != Routing():
        found += _part("", old.routing, after.routing)
    return found


def _part(path: str, before: Site | Routing | None, after: Site | Routing | None) -> list[Change]:
    if before is None and after is not None:
        return [Change(kind="added", path=path, after=_counts(after))]
    if after is None and before is not None:
        return [Change(kind="removed", path=path, before=_counts(before))]
    from infra.db.changes import compare

    found: list[Change] = []
    for item in compare(_plain(before), _plain(after), path):
        if item.before is msgspec.UNSET:
            found.append(Change(kind="added", path=item.path, after=item.after))
        elif item.after is msgspec.UNSET:
            found.append(Change(kind="removed", path=item.path, before=item.before))
        else:
            found.append(
                Change(kind="changed", path=item.path, before=item.before, after=item.after)
            )
    return found


def _plain(part: Site | Routing | None) -> Any:
    return msgspec.json.decode(msgspec.json.encode(part))


def _counts(part: Site | Routing) -> str:
    if isinstance(part, Routing):
        return f"{len(part.receivers)} receivers"
    return f"{len(part.cameras)} cameras, {len(part.zones)} zones, {len(part.devices)} devices"


def put(settings: Settings, document: Document, author: str, *, prune: bool = False) -> int:
    """Write the document as a new revision, send it on its way, and return its number.

    Raises DatabaseError where PostgreSQL is away, and where the broker does not take what is
    owed to it: the revision stands then, and is sent when the broker is back.
    """
    from infra.db.documents import publish
    from infra.db.outbox import drain_outbox

    revision = publish(settings, document, author, prune=prune)
    asyncio.run(drain_outbox(settings))
    return revision


@dataclass(frozen=True, kw_only=True)
class RoleState:
    """A role's process. revision: of the configuration that it works by; -1: it did not say."""

    name: str
    pid: int
    revision: int

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def roles(settings: Settings) -> list[RoleState]:
    """The roles that run on this machine in the settings' namespace, asked one by one."""
    return list(_roles(settings))


def _roles(settings: Settings) -> Iterator[RoleState]:
    import psutil

    folder = settings.state_dir / "run" / (settings.namespace or "live")
    for note in sorted(folder.glob("*.json")):
        try:
            said = json.loads(note.read_bytes()[:MAX_ANSWER])
            name, pid, port = str(said["role"]), int(said["pid"]), int(said["port"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if not psutil.pid_exists(pid):
            continue
        answer = _ask(f"http://127.0.0.1:{port}/readyz")
        found = answer.get("config_revision", -1)
        yield RoleState(name=name, pid=pid, revision=found if isinstance(found, int) else -1)


def _ask(url: str) -> dict[str, Any]:
    """The JSON of a role's answer, whatever its status; empty where there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        try:
            with opener.open(url, timeout=PROBE_S) as response:
                body = response.read(MAX_ANSWER)
        except urllib.error.HTTPError as refused:
            # Not ready is an answer as well, with the same body.
            with refused:
                body = refused.read(MAX_ANSWER)
        found = json.loads(body)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def wait_for_roles(
    settings: Settings, revision: int, timeout: float, say: Callable[[str], None]
) -> list[RoleState]:
    """Return once every role that runs here works by the revision; at once where none runs.

    Raises TimeLimitError, which names those that do not.
    """
    deadline = monotonic() + timeout
    while True:
        found = roles(settings)
        behind = [role for role in found if role.revision < revision]
        if not behind:
            return found
        names = ", ".join(f"{role.name} (at {role.revision})" for role in behind)
        if monotonic() > deadline:
            raise TimeLimitError(
                f"revision {revision} is in force, and not taken up yet by {names}",
                hint="They take it up when they are well again: watchfloor status",
            )
        say(f"Waiting for {', '.join(role.name for role in behind)}")
        sleep(0.1)
