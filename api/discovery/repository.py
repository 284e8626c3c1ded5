"""Scans as files under the state directory: they outlive the server, and belong to no site.

PostgreSQL has only what belongs to one, and what stands on a network belongs to none yet.
"""

from __future__ import annotations

import contextlib
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from api.discovery.schemas import ScanView
from infra.errors import SettingsError
from infra.secrets import read_private, write_private

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["KEPT", "every", "one", "put"]

log = logging.getLogger("watchfloor.api.discovery")

KEPT: Final = 20
MOST_BYTES: Final = 4 * 1_048_576
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _folder(settings: Settings) -> Path:
    return settings.state_dir / "scans" / (settings.namespace or "live")


def one(settings: Settings, scan_id: str) -> ScanView | None:
    """A scan that is kept."""
    if _ID.fullmatch(scan_id) is None:
        return None
    return _read(_folder(settings) / f"{scan_id}.json")


def every(settings: Settings) -> list[ScanView]:
    """Those that are kept, the newest first."""
    views = [view for path in _folder(settings).glob("*.json") if (view := _read(path))]
    return sorted(views, key=lambda view: (view.asked_at, view.scan_id), reverse=True)


def put(settings: Settings, view: ScanView) -> None:
    """Keep a scan as it is now, and let go of the oldest. Raises OSError for a full disk."""
    folder = _folder(settings)
    write_private(folder / f"{view.scan_id}.json", msgspec.json.encode(view))
    written: list[tuple[float, Path]] = []
    for path in folder.glob("*.json"):
        with contextlib.suppress(OSError):
            written.append((path.stat().st_mtime, path))
    for _, path in sorted(written, reverse=True)[KEPT:]:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _read(path: Path) -> ScanView | None:
    try:
        data = read_private(path, path.name, most=MOST_BYTES)
        return None if data is None else msgspec.json.decode(data, type=ScanView)
    except (SettingsError, OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return None
