"""Secrets at rest: AES-256-GCM, a file a secret, under keys that are kept elsewhere or beside.

A secret belongs to a name and to a site, or to every site. Both are the cipher's associated data,
so that a file that is copied to another name or site is refused like one that was changed. The
first key writes, every key reads; `rotate` writes anew what an older one wrote. The number used
once is random, 96 bits (NIST SP 800-38D, section 8.2.2: good for 2**32 secrets a key).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.errors import SettingsError, WatchfloorError
from infra.secrets import MAX_SECRET_BYTES, Secret, read_private, write_private
from infra.vault_keys import Key, Keyring, KeySource, source_of

__all__ = ["AGAIN_S", "EVERY_SITE", "Entry", "Rotation", "Vault", "VaultError", "vault_of"]

EVERY_SITE: Final = ""
FOLDER: Final = "vault"
SITES: Final = "sites"
SUFFIX: Final = ".sealed"
VERSION: Final = 1
NONCE_BYTES: Final = 12
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SITE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
MOST_FILE: Final = 2 * MAX_SECRET_BYTES
AGAIN_S: Final = 30.0
"""Seconds between two times that keys are asked for because of one that is not there."""


class VaultError(WatchfloorError):
    """A secret that is there and cannot be had. Names it, and never says what is in it."""


class _Sealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is in a file. key: which one wrote it; nonce, sealed: bytes, in base64 in the file."""

    version: int
    key: str
    nonce: bytes
    sealed: bytes


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A secret without its value. site: EVERY_SITE where it is for all. key: its key's id."""

    name: str
    site: str
    key: str
    current: bool


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """What came of one: secrets that were written anew, older keys that the file lost."""

    rotated: int
    forgotten: int


class Vault:
    """The secrets of a state directory. source: asked when a key is needed, and only then."""

    def __init__(self, state_dir: Path, source: Callable[[], KeySource]) -> None:
        self._folder = state_dir / FOLDER
        self._source = source
        self._guard = threading.Lock()
        self._kept: Keyring | None = None
        self._read_at = 0.0

    def _keys(self, *, make: bool = False, fresh: bool = False) -> Keyring:
        # Devices' secrets are looked up in threads, many at once.
        with self._guard:
            kept = self._kept
            if kept is None or fresh:
                kept = self._kept = self._source().load(make=make)
                self._read_at = time.monotonic()
            return kept

    def _key(self, key_id: str) -> Key | None:
        """The key of that id; asked for anew where it is none of those that we have.

        Somebody may have rotated. Not more often than AGAIN_S: a command may take seconds.
        """
        key = self._keys().of(key_id)
        if key is None and time.monotonic() - self._read_at >= AGAIN_S:
            key = self._keys(fresh=True).of(key_id)
        return key

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else writes: to rotate must not put an old value over a new one."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def get(self, name: str, site: str = EVERY_SITE) -> Secret | None:
        """The site's secret of that name, else that of every site, else None.

        Raises VaultError for one that was changed, or whose key is not there.
        """
        for place in dict.fromkeys((site, EVERY_SITE)):
            sealed = self._read(name, place)
            if sealed is not None:
                return Secret(self._open(sealed, name, place))
        return None

    def set(self, name: str, value: str, site: str = EVERY_SITE) -> None:
        """Keep a secret, or replace it in one step. Raises SettingsError for what is none."""
        if not value or len(value.encode()) > MAX_SECRET_BYTES:
            raise SettingsError(f"secret '{name}': 1 to {MAX_SECRET_BYTES} bytes are a secret")
        with self._alone():
            self._write(name, site, value, self._keys(make=True, fresh=True).current)

    def remove(self, name: str, site: str = EVERY_SITE) -> bool:
        """Remove a secret; whether there was one."""
        path = self._path(name, site)
        if not path.exists():
            return False
        with self._alone():
            path.unlink(missing_ok=True)
        return True

    def seal(self, purpose: str, data: bytes) -> bytes:
        """Bytes that only `unseal` for the same purpose gives back; kept by whoever asks."""
        key = self._keys(make=True).current
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(key.reveal()).encrypt(nonce, data, _purpose(purpose))
        return msgspec.json.encode(
            _Sealed(version=VERSION, key=key.key_id, nonce=nonce, sealed=sealed)
        )

    def unseal(self, purpose: str, blob: bytes) -> bytes:
        """What `seal` was given. Raises VaultError where it does not open."""
        try:
            found = msgspec.json.decode(blob, type=_Sealed)
            key = self._key(found.key)
            if key is None:
                raise VaultError(
                    f"{purpose}: its key {found.key[:16]!r} is not among the vault's keys",
                    hint="Every API process needs the same keys: see WATCHFLOOR_VAULT_KEY.",
                )
            return AESGCM(key.reveal()).decrypt(found.nonce, found.sealed, _purpose(purpose))
        except (msgspec.DecodeError, InvalidTag, ValueError):
            raise VaultError(f"{purpose}: it does not open") from None

    def entries(self) -> list[Entry]:
        """Every secret, by site and name. Raises VaultError for a file that is no such thing."""
        found = list(self._names())
        if not found:
            return []
        current = self._keys().current.key_id
        return [
            Entry(name=name, site=site, key=sealed.key, current=sealed.key == current)
            for site, name in found
            if (sealed := self._read(name, site)) is not None
        ]

    def rotate(self, *, forget: bool = False, also: Callable[[], int] | None = None) -> Rotation:
        """Write everything anew: under a new key where keys are a file's, else under the first.

        also: seals anew what is kept elsewhere, and says how much that was.

        One at a time and each in one step: what dies in between is begun again, and all is read
        meanwhile. forget: then leave the file that key alone. Raises VaultError at the first one
        that does not open; nothing is forgotten then.
        """
        with self._alone():
            source = self._source()
            forgotten = 0
            if forget:
                # First under the key that there is, so that there is room for another.
                self._anew()
                if also is not None:
                    also()
                forgotten += source.forget()
            if source.ours:
                source.renew()
            rotated = self._anew()
            if also is not None:
                rotated += also()
            if forget:
                forgotten += source.forget()
            self._keys(fresh=True)
        return Rotation(rotated=rotated, forgotten=forgotten)

    def _anew(self) -> int:
        """Write anew under the first key what another one wrote; how many those were."""
        current = self._keys(make=True, fresh=True).current
        count = 0
        for site, name in self._names():
            sealed = self._read(name, site)
            if sealed is None or sealed.key == current.key_id:
                continue
            self._write(name, site, self._open(sealed, name, site), current)
            count += 1
        return count

    def values(self) -> list[str]:
        """All that can be read, for whoever masks them. What cannot be read is left out."""
        found = []
        for site, name in self._names():
            with contextlib.suppress(WatchfloorError):
                sealed = self._read(name, site)
                if sealed is not None:
                    found.append(self._open(sealed, name, site))
        return found

    def _names(self) -> Iterator[tuple[str, str]]:
        """Site and name of every file, in order."""
        sites = self._folder / SITES
        places = [(EVERY_SITE, self._folder)]
        if sites.is_dir():
            places += [(path.name, path) for path in sorted(sites.iterdir()) if path.is_dir()]
        for site, folder in places:
            if folder.is_dir():
                for path in sorted(folder.glob(f"*{SUFFIX}")):
                    name = path.name.removesuffix(SUFFIX)
                    if _NAME.fullmatch(name):
                        yield site, name

    def _path(self, name: str, site: str) -> Path:
        if not _NAME.fullmatch(name):
            raise SettingsError(
                f"secret {name[:80]!r}: not a name (letters, digits, '.', '_' and '-', 63 at most)"
            )
        if site == EVERY_SITE:
            return self._folder / f"{name}{SUFFIX}"
        if not _SITE.fullmatch(site):
            raise SettingsError(f"secret '{name}': {site[:80]!r} is no site's id")
        return self._folder / SITES / site / f"{name}{SUFFIX}"

    def _read(self, name: str, site: str) -> _Sealed | None:
        path = self._path(name, site)
        data = read_private(path, name, most=MOST_FILE)
        if data is None:
            return None
        try:
            sealed = msgspec.json.decode(data, type=_Sealed)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise VaultError(f"secret '{name}': {path} is no sealed secret") from None
        if sealed.version != VERSION or len(sealed.nonce) != NONCE_BYTES:
            raise VaultError(f"secret '{name}': {path} was sealed by another release")
        return sealed

    def _open(self, sealed: _Sealed, name: str, site: str) -> str:
        key = self._key(sealed.key)
        if key is None:
            raise VaultError(
                f"secret '{name}': its key {sealed.key[:16]!r} is not among the vault's keys",
                hint="Give the older key as well, after the new one, until all is rotated.",
            )
        try:
            plain = AESGCM(key.reveal()).decrypt(sealed.nonce, sealed.sealed, _bound(name, site))
            return plain.decode()
        except (InvalidTag, ValueError):
            raise VaultError(
                f"secret '{name}': it does not open: it was changed, or belongs to another name "
                "or site",
                hint=f"Set it again: watchfloor secrets set {name}",
            ) from None

    def _write(self, name: str, site: str, value: str, key: Key) -> None:
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(key.reveal()).encrypt(nonce, value.encode(), _bound(name, site))
        data = msgspec.json.encode(
            _Sealed(version=VERSION, key=key.key_id, nonce=nonce, sealed=sealed)
        )
        write_private(self._path(name, site), data)


def _bound(name: str, site: str) -> bytes:
    """The associated data. Neither part holds the byte between them."""
    parts: Sequence[str] = (f"watchfloor.vault.v{VERSION}", site, name)
    return b"\x00".join(part.encode() for part in parts)


def _purpose(purpose: str) -> bytes:
    """The associated data of what is kept elsewhere; never that of a file."""
    return b"\x00".join((f"watchfloor.sealed.v{VERSION}".encode(), purpose.encode()))


def vault_of(state_dir: Path, env: Mapping[str, str]) -> Vault:
    """The vault of a state directory, one a process, with its keys where the settings say."""
    given = tuple(sorted((k, v) for k, v in env.items() if k.startswith("WATCHFLOOR_VAULT_")))
    return _vault(state_dir, given)


@lru_cache(maxsize=8)
def _vault(state_dir: Path, given: tuple[tuple[str, str], ...]) -> Vault:
    def source() -> KeySource:
        from infra.settings import load

        return source_of(load(env=dict(given), state=state_dir))

    return Vault(state_dir, source)
