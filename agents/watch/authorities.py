"""Whose certificates are believed of a device: PEM files in one folder, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "ca_files", "ca_path"]

FOLDER: Final = "ca"
"""Under the state directory."""
MOST: Final = 1000


def ca_files(state_dir: Path) -> list[str]:
    """The names of the files that are there, sorted; none where there is no such folder."""
    folder = state_dir / FOLDER
    try:
        found = [one.name for one in folder.iterdir() if ca_path(state_dir, one.name) is not None]
    except OSError:
        return []
    return sorted(found)[:MOST]


def ca_path(state_dir: Path, name: str) -> str | None:
    """The path of that file; None where it is not in the folder.

    A document is written by others than whoever owns this machine: a name that leads out of the
    folder, by itself or as a link, is no file of it.
    """
    folder = (state_dir / FOLDER).resolve()
    try:
        path = (folder / name).resolve()
        inside = path.parent == folder and path.is_file()
    except (OSError, ValueError):
        return None
    return str(path) if inside else None
