"""Secrets by name, and the masks that keep them out of what people read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from infra.errors import SettingsError, WatchfloorError

__all__ = [
    "ENV_PREFIX",
    "MASK",
    "Secret",
    "SecretNotFoundError",
    "lookup",
    "mask_url",
    "read_private",
    "scrub",
    "write_private",
    "write_secret",
]

ENV_PREFIX = "WATCHFLOOR_SECRET_"
MASK = "***"
MAX_SECRET_BYTES = 65_536
"""A private key fits; a file that somebody mixed up does not."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class SecretNotFoundError(WatchfloorError):
    """No secret of that name."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(
            f"secret '{name}': not found in ${_variable(name)} or {folder / name}",
            hint=f"Keep it: watchfloor secrets set {name}",
        )


class Secret:
    """A value that does not show itself: repr, str and format give a mask."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Call it where it is used, and keep nothing."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Secret is not pickled: it would be written in the clear")


def _variable(name: str) -> str:
    return ENV_PREFIX + re.sub(r"[-.]", "_", name).upper()


def lookup(
    name: str,
    *,
    site: str = "",
    state_dir: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Secret:
    """The secret of that name: `$WATCHFLOOR_SECRET_<NAME>`, the vault's, `<state>/secrets/<name>`.

    site: whose secret of that name goes before the one of every site, in the vault. state_dir:
    where the settings say, where None. A file's trailing newline is not part of it. Raises
    SecretNotFoundError where there is none, SettingsError for a bad name and for a file that
    others may read, VaultError for what does not open.
    """
    env = os.environ if env is None else env
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"secret {name!r}: not a name (letters, digits, '.', '_' and '-', 63 at most)"
        )
    if (value := env.get(_variable(name))) is not None:
        return Secret(value)
    if state_dir is None:
        from infra.settings import load

        state_dir = load(env=env).state_dir
    if (state_dir / "vault").is_dir():
        from infra.vault import vault_of

        sealed = vault_of(state_dir, env).get(name, site)
        if sealed is not None:
            return sealed
    path = state_dir / "secrets" / name
    data = read_private(path, name, most=MAX_SECRET_BYTES)
    if data is None:
        raise SecretNotFoundError(name, path.parent)
    try:
        return Secret(data.decode().rstrip("\r\n"))
    except UnicodeDecodeError:
        raise SettingsError(f"secret '{name}': {path} is not UTF-8 text") from None


def read_private(path: Path, name: str, *, most: int) -> bytes | None:
    """A file that only we may read; None where there is none.

    What it is, is asked of the open file: a pipe would have us wait for ever. Raises
    SettingsError for a file that is none of ours, and for one of more than `most` bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"secret '{name}': {path}: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SettingsError(f"secret '{name}': {path} is not a file")
        if status.st_mode & 0o177:
            raise SettingsError(
                f"secret '{name}': {path} has mode {stat.S_IMODE(status.st_mode):04o}, "
                "so others can read it",
                hint=f"Close it: chmod 600 '{path}'",
            )
        data = b""
        while len(data) <= most:
            part = os.read(descriptor, most + 1 - len(data))
            if not part:
                break
            data += part
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise SettingsError(f"secret '{name}': {path} is larger than {most} bytes")
    return data


def write_secret(folder: Path, name: str, value: str) -> Path:
    """Write a secret so that nobody else can ever have read it; replaces in one step."""
    path = folder / name
    write_private(path, (value + "\n").encode())
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write a file that nobody else can ever have read; replaces in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


_CREDENTIALS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,30}://)(?P<user>[^\s/?#@:]{0,256}):"
    # Greedy up to the last '@' before a slash or a blank: passwords hold '@' and '#' unescaped
    # more often than they should.
    r"(?P<password>[^\s/]{0,1024})@"
)
_WORD = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
_ASSIGNED = re.compile(
    rf"(?P<name>{_WORD}[\w.-]{{0,64}})(?P<sep>[\"']?\s{{0,4}}[=:]\s{{0,4}})"
    r"(?P<value>\"[^\"\n]{0,4096}\"|'[^'\n]{0,4096}'|[^\s,;&\"']{1,4096})",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(
    r"(?P<kind>\b(?:Bearer|Basic|Digest)\s{1,4})(?P<value>[A-Za-z0-9+/=._~-]{6,4096})",
    re.IGNORECASE,
)
_PEM = re.compile(
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.{0,20000}?-----END [A-Z ]{0,40}PRIVATE KEY-----",
    re.DOTALL,
)


def mask_url(text: str) -> str:
    """The URL, or the text around URLs, with every password in it masked."""
    masked = _CREDENTIALS.sub(rf"\g<scheme>\g<user>:{MASK}@", text)
    return _ASSIGNED.sub(rf"\g<name>\g<sep>{MASK}", masked)


def scrub(text: str, *known: str) -> str:
    """Text without anything that looks like a secret, and without the known ones.

    For what leaves the machine (`diag`): it rather masks too much.
    """
    for value in sorted(known, key=len, reverse=True):
        if len(value) >= 4:
            text = text.replace(value, MASK).replace(quote(value, safe=""), MASK)
    text = _PEM.sub(MASK, text)
    text = _AUTHORIZATION.sub(rf"\g<kind>{MASK}", text)
    return mask_url(text)


def password_of(url: str) -> str | None:
    """The password in a URL, unquoted."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return None
    return unquote(password) if password else None
