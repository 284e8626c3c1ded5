"""How a setting's text becomes a value, and how a value is shown."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from infra.errors import SettingsError
from infra.secrets import Secret, mask_url

__all__ = [
    "ROOT",
    "Parse",
    "as_bytes",
    "as_choice",
    "as_count",
    "as_duration",
    "as_host",
    "as_hosts",
    "as_namespace",
    "as_networks",
    "as_path",
    "as_port",
    "as_secret",
    "as_text",
    "as_tiles",
    "as_web_address",
    "as_words",
    "default_assets",
    "default_cache",
    "default_state",
    "show",
    "show_bytes",
    "show_duration",
]

ROOT: Final = Path(__file__).resolve().parents[1]
"""The checkout."""

Parse = Callable[[object, str], Any]
"""(what was given, `name: origin` for the error) -> the value. Raises SettingsError."""

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_TILES = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?/[A-Za-z0-9{}/._~?=&%+-]*")
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d|w)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9-]{0,55}")

TEN_YEARS_S: Final = 10 * 365 * 86_400


def default_state() -> Path:
    """`.watchfloor` in the checkout."""
    return ROOT / ".watchfloor"


def default_cache() -> Path:
    """XDG's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # XDG: a relative path is to be ignored.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "watchfloor"


def default_assets() -> Path:
    """Beside the checkout."""
    return ROOT.parent / "shared" / "assets"


def _fail(where: str, given: object, wanted: str) -> SettingsError:
    return SettingsError(f"{where}: {mask_url(str(given))[:80]!r} is no {wanted}")


def as_text(given: object, where: str) -> str:
    """Any text without control characters, 4096 characters at most."""
    if not isinstance(given, str) or len(given) > 4096 or any(ord(c) < 32 for c in given):
        raise SettingsError(f"{where}: not a line of text of 4096 characters at most")
    return given.strip()


def as_secret(given: object, where: str) -> Secret:
    """A password."""
    if not isinstance(given, str) or len(given) > 4096:
        raise SettingsError(f"{where}: not a password")
    return Secret(given)


def as_path(given: object, where: str) -> Path:
    """A path; `~` is the home directory, a relative one starts at the current directory."""
    text = as_text(given, where)
    if not text or "\0" in text:
        raise _fail(where, given, "path")
    return Path(os.path.abspath(Path(text).expanduser()))


def as_tiles(given: object, where: str) -> str:
    """An https address with {z}, {x} and {y} in its path, and no user."""
    text = as_text(given, where)
    if _TILES.fullmatch(text) is None or any(f"{{{name}}}" not in text for name in "zxy"):
        raise _fail(where, given, "address such as https://tiles.example.com/{z}/{x}/{y}.png")
    return text


def as_words(given: object, where: str) -> tuple[str, ...]:
    """A list, or words with commas between."""
    if isinstance(given, list):
        return tuple(as_text(item, where) for item in given)
    return tuple(word for part in as_text(given, where).split(",") if (word := part.strip()))


def as_networks(given: object, where: str) -> tuple[str, ...]:
    """Networks in CIDR, a list or with commas between; at most 100. A single address is one too."""
    words = as_words(given, where)
    if len(words) > 100:
        raise SettingsError(f"{where}: more than 100 networks")
    try:
        return tuple(str(ipaddress.ip_network(word, strict=False)) for word in words)
    except ValueError:
        raise _fail(where, given, "list of networks such as 10.0.0.0/8,192.168.1.0/24") from None


def as_choice(*choices: str) -> Parse:
    """One of `choices`, however it is written."""
    by_name = {choice.casefold(): choice for choice in choices}

    def parse(given: object, where: str) -> str:
        choice = by_name.get(as_text(given, where).casefold())
        if choice is None:
            raise SettingsError(
                f"{where}: {str(given)[:80]!r} is not among {', '.join(choices)}",
            )
        return choice

    return parse


def as_bytes(given: object, where: str) -> int:
    """A number of bytes: `500MB` is 500 000 000, `500MiB` is 524 288 000, a number is bytes."""
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise _fail(where, given, "size such as 10GiB")
    match = _SIZE.fullmatch(str(given).strip())
    if match is None:
        raise _fail(where, given, "size such as 10GiB")
    number, unit, binary = match.groups()
    factor: int = (1024 if binary else 1000) ** " kmgt".index(unit.lower() or " ")
    return math.floor(float(number) * factor)


def as_duration(given: object, where: str) -> timedelta:
    """`90s`, `5m`, `1h30m`, `250ms`, or a number of seconds; above 0, ten years at most."""
    wanted = "duration such as 6s, 5m or 1h30m"
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise _fail(where, given, wanted)
    text = str(given).strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text):
        seconds = float(text)
    else:
        parts = _DURATION.findall(text)
        if not parts or "".join(a + b for a, b in parts) != text:
            raise _fail(where, given, wanted)
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < seconds <= TEN_YEARS_S:
        raise _fail(where, given, wanted)
    return timedelta(seconds=seconds)


def as_count(most: int) -> Parse:
    """A number from 1 to `most`."""

    def parse(given: object, where: str) -> int:
        text = str(given).strip()
        if isinstance(given, bool) or not re.fullmatch(r"\d{1,9}", text):
            raise _fail(where, given, f"number from 1 to {most}")
        if not 1 <= int(text) <= most:
            raise _fail(where, given, f"number from 1 to {most}")
        return int(text)

    return parse


def as_port(given: object, where: str) -> int:
    """1024 to 65535."""
    text = str(given).strip()
    if isinstance(given, bool) or not re.fullmatch(r"\d{1,5}", text):
        raise _fail(where, given, "port")
    if not 1024 <= int(text) <= 65_535:
        raise _fail(where, given, "port between 1024 and 65535")
    return int(text)


def as_host(given: object, where: str) -> str:
    """An address; `localhost` is 127.0.0.1."""
    text = as_text(given, where)
    if text == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise _fail(where, given, "address") from None


def as_hosts(given: object, where: str) -> tuple[str, ...]:
    """Names or addresses, a list or with commas between; at most 100. `*.example.org` is one."""
    words = tuple(word.lower().rstrip(".") for word in as_words(given, where))
    if len(words) > 100:
        raise SettingsError(f"{where}: more than 100 names")
    for word in words:
        try:
            ipaddress.ip_address(word)
        except ValueError:
            if not _HOST.fullmatch(word):
                raise _fail(where, word, "host's name, without a port") from None
    return words


def as_web_address(given: object, where: str) -> str:
    """`https://host[:port]`, without a path; http on this machine only."""
    text = as_text(given, where).rstrip("/")
    try:
        parts = urlsplit(text)
        right = bool(parts.hostname) and parts.port != 0
        right = right and (parts.scheme == "https" or _here(parts.scheme, parts.hostname or ""))
    except ValueError:
        right = False
    if not right or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise _fail(where, given, "address such as https://watch.example.org")
    return text


def _here(scheme: str, host: str) -> bool:
    if scheme != "http":
        return False
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def as_namespace(given: object, where: str) -> str:
    """Empty, or up to 56 of `a-z 0-9 -`: it becomes part of topic names and of a schema's name."""
    text = as_text(given, where)
    if text and not _NAMESPACE.fullmatch(text):
        raise _fail(where, given, "namespace (a-z, 0-9 and '-', 56 at most)")
    return text


def show_bytes(size: int) -> str:
    """`10 GiB`."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} TiB"


def show_duration(value: timedelta) -> str:
    """`1h30m`, as it could be written in a setting."""
    milliseconds = round(value.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def show(value: object) -> str | int | list[str] | None:
    """A value for a person and for JSON, every password masked. Bytes stay a number."""
    match value:
        case None:
            return None
        case Secret():
            return str(value)
        case timedelta():
            return show_duration(value)
        case tuple():
            return [str(item) for item in value]
        case int():
            return value
        case _:
            return mask_url(str(value))
