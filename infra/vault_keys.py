"""The vault's keys: from the environment, a file, or a command (a KMS's client).

A source gives one key a line, 32 bytes in base64 each; the first writes, all read. Without any,
a file beside the vault is made with the first secret: that keeps a copied folder or a backup of
it shut, and nobody out who has the whole state directory.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.errors import SettingsError
from infra.secrets import read_private, write_private

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["KEY_BYTES", "Key", "KeySource", "Keyring", "fresh_key", "read_keys", "source_of"]

KEY_BYTES: Final = 32
MOST_KEYS: Final = 32
MOST_FILE: Final = 8192
COMMAND_S: Final = 20.0
DEFAULT_FILE: Final = "vault.key"


class Key:
    """A key that does not show itself. key_id: 16 hexadecimal digits that give nothing away."""

    __slots__ = ("_value", "key_id")

    def __init__(self, value: bytes) -> None:
        if len(value) != KEY_BYTES:
            raise ValueError("a key has 32 bytes")
        self._value = value
        self.key_id = hashlib.sha256(b"watchfloor.vault.key-id\x00" + value).hexdigest()[:16]

    def reveal(self) -> bytes:
        """The key itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Key({self.key_id})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Key is not pickled: it would be written in the clear")


@dataclass(frozen=True)
class Keyring:
    """Keys, the one that writes first; never empty."""

    keys: tuple[Key, ...]

    @property
    def current(self) -> Key:
        """The key that writes."""
        return self.keys[0]

    def lines(self) -> list[str]:
        """The keys as a source gives them."""
        return [_line(key) for key in self.keys]

    def of(self, key_id: str) -> Key | None:
        """The key of that id."""
        return next((key for key in self.keys if key.key_id == key_id), None)


def fresh_key() -> str:
    """A new key, as a source gives it."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode("ascii")


def read_keys(text: str, origin: str) -> Keyring:
    """The keys of a source's text. origin: what an error calls it. Raises SettingsError."""
    words = [word for word in re.split(r"[\s,]+", text) if word]
    if not words or len(words) > MOST_KEYS:
        raise SettingsError(f"vault: {origin}: 1 to {MOST_KEYS} keys are wanted", hint=_HINT)
    keys = []
    for place, word in enumerate(words, 1):
        try:
            keys.append(Key(base64.b64decode(word, validate=True)))
        except ValueError:
            # The word itself may be somebody's password in the wrong place.
            raise SettingsError(
                f"vault: {origin}: key {place} is no 32 bytes in base64", hint=_HINT
            ) from None
    return Keyring(tuple(keys))


_HINT: Final = "Make one: head -c 32 /dev/urandom | base64"


@dataclass(frozen=True, kw_only=True)
class KeySource:
    """Where keys come from: the first of these that is given. text: the environment's."""

    file: Path
    text: str | None = None
    given_file: bool = False
    command: str | None = None

    def load(self, *, make: bool = False) -> Keyring:
        """The keys. make: make the default file where there is none.

        Raises SettingsError where there is no key, or none that can be read.
        """
        if self.text is not None:
            return read_keys(self.text, "the environment")
        if self.command is not None:
            return read_keys(_said(self.command), "the key command")
        data = read_private(self.file, "vault key", most=MOST_FILE)
        if data is None and make and not self.given_file:
            _make(self.file)
            data = read_private(self.file, "vault key", most=MOST_FILE)
        if data is None:
            raise SettingsError(f"vault: no key: {self.file} is not there", hint=_HINT)
        return read_keys(data.decode("ascii", "replace"), str(self.file))

    @property
    def ours(self) -> bool:
        """Whether the keys are a file's, which can be given a new one here."""
        return self.text is None and self.command is None

    def renew(self) -> None:
        """Put a new key in front of the file's. Raises SettingsError where it is not ours."""
        if not self.ours:
            raise SettingsError(
                "vault: its keys are not in a file, so that none can be made here",
                hint="Put a new key in front of the old one where they come from, then rotate.",
            )
        lines = self.load(make=True).lines()
        if len(lines) >= MOST_KEYS:
            # Which of them is still needed, somebody must say: a lost key is lost secrets.
            raise SettingsError(
                f"vault: {self.file} has {len(lines)} keys, and no room for another",
                hint="Leave the older ones: watchfloor secrets rotate --forget",
            )
        self._keep([fresh_key(), *lines])

    def forget(self) -> int:
        """Leave the first key alone in the file; how many others there were."""
        if not self.ours:
            return 0
        lines = self.load().lines()
        self._keep(lines[:1])
        return len(lines) - 1

    def _keep(self, lines: list[str]) -> None:
        write_private(self.file, ("\n".join(lines) + "\n").encode("ascii"))


def source_of(settings: Settings) -> KeySource:
    """Where the settings say that keys come from."""
    return KeySource(
        file=settings.vault_key_file or settings.state_dir / DEFAULT_FILE,
        given_file=settings.vault_key_file is not None,
        text=None if settings.vault_key is None else settings.vault_key.reveal(),
        command=settings.vault_key_command,
    )


def _line(key: Key) -> str:
    return base64.b64encode(key.reveal()).decode("ascii")


def _make(path: Path) -> None:
    """Make the file with a first key; two that do so at once agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".vault-")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(fresh_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)


def _said(command: str) -> str:
    """What the command prints. It is run without a shell; its own words are not repeated."""
    try:
        words = shlex.split(command)
        done = subprocess.run(
            words, capture_output=True, timeout=COMMAND_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, IndexError) as error:
        raise SettingsError(f"vault: the key command: {type(error).__name__}") from None
    except subprocess.TimeoutExpired:
        raise SettingsError(f"vault: the key command took more than {COMMAND_S:g} s") from None
    if done.returncode != 0:
        raise SettingsError(f"vault: the key command ended with {done.returncode}")
    return done.stdout[:MOST_FILE].decode("ascii", "replace")
