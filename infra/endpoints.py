"""Where the servers of `up` listen: chosen once, kept, so that whatever restarts finds the rest."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from infra.errors import SettingsError

__all__ = ["POSTGRES_SECRET", "embedded_settings", "path_of", "read", "write"]

POSTGRES_SECRET: Final = "postgres-superuser"  # noqa: S105 - a file's name
"""The secret that holds the embedded server's password."""

POSTGRES_USER: Final = "postgres"
MAX_BYTES: Final = 65_536


def path_of(state_dir: Path) -> Path:
    """The file that keeps them."""
    return state_dir / "run" / "endpoints.json"


def read(state_dir: Path) -> dict[str, int]:
    """Name to port; empty where nothing was started yet.

    A file that does not parse counts as none: `up` writes it anew, in one step.
    """
    try:
        with path_of(state_dir).open("rb") as file:
            found: Any = json.loads(file.read(MAX_BYTES))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    except OSError as error:
        raise SettingsError(f"{path_of(state_dir)}: {error.strerror}") from None
    if not isinstance(found, dict):
        return {}
    return {
        name: port
        for name, port in found.items()
        if isinstance(name, str) and type(port) is int and 0 < port < 65_536
    }


def write(state_dir: Path, ports: dict[str, int]) -> None:
    """Replace the file in one step."""
    path = path_of(state_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(ports, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)


def postgres_url(port: int, password: str) -> str:
    """The embedded server's URL, as its superuser."""
    return f"postgresql://{POSTGRES_USER}:{quote(password, safe='')}@127.0.0.1:{port}/postgres"


def embedded_settings(state_dir: Path) -> dict[str, Any]:
    """What `up` chose, as settings."""
    ports = read(state_dir)
    values: dict[str, Any] = {}
    if "kafka" in ports:
        values["kafka_url"] = f"127.0.0.1:{ports['kafka']}"
    if "api" in ports:
        values["api_port"] = ports["api"]
    if "postgres" in ports:
        from infra.secrets import SecretNotFoundError, lookup

        try:
            password = lookup(POSTGRES_SECRET, state_dir=state_dir, env={})
        except SecretNotFoundError:
            return values
        values["postgres_url"] = postgres_url(ports["postgres"], password.reveal())
    return values
