"""The token by which programs of this machine speak to its API.

Who may read the state directory may do everything here already: it has the database's password.
So the token is a file in it, with mode 0600, made by the API as it starts; the API compares what it
is given with that file, and asks no database. To have another one, remove the file and start the
API again.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from typing import TYPE_CHECKING, Final

from infra.errors import NotRunningError
from infra.secrets import read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings

__all__ = ["PREFIX", "bearer", "ensure_local_token", "is_local_token", "local_token"]

PREFIX: Final = "wflocal_"
"""So that scanners of sources know it, and so that others' tokens cost no look at the file."""

NAME: Final = "api-token"
MOST_BYTES: Final = 256
_TOKEN: Final = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")


def ensure_local_token(settings: Settings) -> str:
    """The token; made where there is none. Raises SettingsError for a file that others may read."""
    path = _path(settings)
    found = _read(path)
    if found is not None:
        return found
    fresh = path.with_name(f".{NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    write_private(fresh, (PREFIX + secrets.token_urlsafe(32) + "\n").encode())
    try:
        # Of two that start at once, one is first, and both have its token.
        os.link(fresh, path)
    except FileExistsError:
        if _read(path) is None:
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return local_token(settings)


def local_token(settings: Settings) -> str:
    """The token. Raises NotRunningError where no API has made one yet."""
    found = _read(_path(settings))
    if found is None:
        raise NotRunningError(
            "the API of this state directory has not run yet", hint="Start it with 'watchfloor up'."
        )
    return found


def is_local_token(settings: Settings, credential: str) -> bool:
    """Whether it is the token, in a time that tells nothing of it."""
    if not credential.startswith(PREFIX):
        return False
    wanted = _read(_path(settings)) or secrets.token_urlsafe(32)
    digests = [hashlib.sha256(text.encode()).digest() for text in (credential, wanted)]
    return hmac.compare_digest(*digests)


def bearer(settings: Settings) -> dict[str, str]:
    """The header that a program sends. Raises NotRunningError."""
    return {"Authorization": f"Bearer {local_token(settings)}"}


def _path(settings: Settings) -> Path:
    # Not among the secrets: a document could name it there, and have it sent to a device.
    return settings.state_dir / "run" / (settings.namespace or "live") / NAME


def _read(path: Path) -> str | None:
    data = read_private(path, NAME, most=MOST_BYTES)
    text = (data or b"").decode("ascii", "replace").strip()
    return text if _TOKEN.fullmatch(text) else None
