"""Scans on behalf of whoever asks: few at a time, told over the stream, and kept."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from api.account.identity import Principal, Scope
from api.body import convert
from api.discovery import repository
from api.discovery.schemas import ScanBody, ScanState, ScanView
from api.problems import FieldError, Invalid, NotFound, TooManyScans
from api.stream.feed import text
from api.stream.hub import Hub
from api.stream.schemas import DiscoveryComplete, DiscoveryProgress
from infra.errors import SettingsError, WatchfloorError
from infra.onboard.places import Networks
from infra.onboard.scan import Progress, scan, subnet_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Scans"]

log = logging.getLogger("watchfloor.api.discovery")

AT_ONCE: Final = 2
"""Each sends 250 questions a second: more of them are what a small switch does not take."""


class Scans:
    """Runs them beside the requests. Those under way are known here, the others are files."""

    def __init__(self, settings: Settings, hub: Hub, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._hub = hub
        self._now = now
        self._live: dict[str, ScanView] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def view(self, scan_id: str) -> ScanView:
        """How far it is, or what it found. Raises NotFound."""
        found = self._live.get(scan_id) or repository.one(self._settings, scan_id)
        if found is None:
            raise NotFound("scan", scan_id, f"The newest {repository.KEPT} are kept.")
        return self._told(found)

    def views(self) -> list[ScanView]:
        """Those that are kept, the newest first."""
        kept = repository.every(self._settings)
        return [self._told(self._live.get(view.scan_id, view)) for view in kept]

    def _told(self, view: ScanView) -> ScanView:
        if view.state is ScanState.RUNNING and view.scan_id not in self._live:
            text = "the server that ran it ended; ask again"
            return replace(view, state=ScanState.INTERRUPTED, error=text)
        return view

    def start(self, principal: Principal, raw: Mapping[str, Any]) -> ScanView:
        """Take one up. Raises Invalid, TooManyScans, and OSError for a full disk."""
        body = convert(raw, ScanBody)
        networks = Networks.of(self._settings.device_networks)
        subnet = None
        if body.subnet is not None:
            try:
                subnet = subnet_of(body.subnet, networks)
            except SettingsError as error:
                said = f"{error.message}. {error.hint or ''}".strip()
                raise Invalid([FieldError(field="body.subnet", detail=said[:300])]) from None
        if len(self._live) >= AT_ONCE:
            raise TooManyScans(AT_ONCE)
        scan_id = str(uuid.uuid4())
        view = ScanView(
            scan_id=scan_id,
            state=ScanState.RUNNING,
            location=f"/v1/discovery/scans/{scan_id}",
            asked_at=self._now(),
            asked_by=principal.name,
            subnet=str(subnet) if subnet is not None else None,
        )
        repository.put(self._settings, view)
        self._live[scan_id] = view

        def told(progress: Progress) -> None:
            self._set(scan_id, asked=progress.asked, total=progress.total, devices=progress.found)
            self._publish(scan_id)

        async def run() -> None:
            try:
                port = self._settings.discovery_port
                await scan(networks, subnet, port=port, told=told)
                self._set(scan_id, state=ScanState.DONE)
            except WatchfloorError as error:
                self._set(scan_id, state=ScanState.FAILED, error=error.message)
            except OSError as error:
                said = error.strerror or type(error).__name__
                self._set(scan_id, state=ScanState.FAILED, error=said)
            except Exception:
                log.exception("scan %s failed", scan_id)
                said = f"a defect; the server's log has it under {scan_id}"
                self._set(scan_id, state=ScanState.FAILED, error=said)
            self._finish(scan_id)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return view

    async def close(self) -> None:
        """Stop what runs."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for scan_id in tuple(self._live):
            said = "the server stopped; ask again"
            self._set(scan_id, state=ScanState.INTERRUPTED, error=said)
            self._finish(scan_id)

    def _set(self, scan_id: str, **changes: Any) -> None:
        self._live[scan_id] = replace(self._live[scan_id], **changes)

    def _publish(self, scan_id: str) -> None:
        view = self._live[scan_id]
        message = DiscoveryProgress(
            scan_id=scan_id, asked=view.asked, total=view.total, found=len(view.devices)
        )
        self._hub.publish(None, text(message), Scope.DEVICES_WRITE)

    def _finish(self, scan_id: str) -> None:
        """The last word: kept first, then told."""
        view = replace(self._live[scan_id], finished_at=self._now())
        try:
            repository.put(self._settings, view)
        except OSError as error:
            log.error("scan %s is not kept: %s", scan_id, error)
        del self._live[scan_id]
        message = DiscoveryComplete(
            scan_id=scan_id,
            state=view.state.value,
            location=view.location,
            devices=view.devices,
            error=view.error,
        )
        self._hub.publish(None, text(message), Scope.DEVICES_WRITE)
