"""The passwords of our database roles.

Given as secrets under the roles' names (`WATCHFLOOR_SECRET_WATCHFLOOR_API`, or a file of mode
0600), for a server whose roles somebody else has made and for a process that is to know one role
only. Else derived from the password in the server's URL, so that every machine with that URL has
the same ones and none has to copy a file. Else, where the URL has none, made once and kept as such
a file.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
import tempfile
from functools import lru_cache
from pathlib import Path

from infra.secrets import Secret, SecretNotFoundError, lookup

__all__ = ["ensure", "password"]


def password(state_dir: Path, role: str, master: Secret | None) -> Secret | None:
    """The role's password, or None where it has none yet. master: the server's URL's."""
    try:
        return lookup(role, state_dir=state_dir)
    except SecretNotFoundError:
        return _derived(role, master) if master else None


@lru_cache(maxsize=32)
def _derived(role: str, master: Secret) -> Secret:
    """scrypt (RFC 7914), so that a role's password is no quick way to guess the server's."""
    key = hashlib.scrypt(
        master.reveal().encode(), salt=f"watchfloor/{role}".encode(), n=2**12, r=8, p=1, dklen=24
    )
    return Secret(base64.urlsafe_b64encode(key).decode("ascii"))


def ensure(state_dir: Path, role: str, master: Secret | None) -> None:
    """Make and keep a password for a role that has none.

    Two processes that start at once agree on one: the file appears whole or not at all.
    """
    if password(state_dir, role, master) is not None:
        return
    folder = state_dir / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{role}-")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, folder / role)
    finally:
        os.unlink(name)
