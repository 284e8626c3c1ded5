"""Where a channel goes: as it may be told, and as one place is told from another. Pure."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from schemas.document import Channel
from schemas.reading.channels import APPRISE_KINDS

__all__ = ["origin", "place_of", "target_of"]


def origin(url: str) -> str:
    """A URL as it may be told: scheme, host and port. Raises ValueError for one that is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no http(s) URL")
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def target_of(channel: Channel) -> str:
    """Where a channel goes, as it may be told: a URL's host, no path, no query, no user."""
    options = channel.options
    name = channel.name or channel.kind
    url = options.get("url", options.get("api"))
    if isinstance(url, str) and channel.kind not in APPRISE_KINDS:
        try:
            return origin(url)
        except ValueError:
            return f"{name} (its `url` is none)"
    host = options.get("host")
    if channel.kind == "email" and isinstance(host, str):
        return f"smtp://{host}"
    return name


def place_of(channel: Channel) -> str:
    """A place's key: kind, target and whose account it is. Two rooms of one vendor fail apart.

    32 hex digits: it names rows, and what it is made of may name people.
    """
    options = channel.options
    parts = [channel.kind, target_of(channel)]
    parts += [str(options.get(name, "")) for name in ("credentials", "user", "to", "port")]
    if channel.kind == "webpush":
        # One key for many: the devices of some must not open the breaker of the others'.
        parts += [str(options.get(name, "")) for name in ("subscription", "users")]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
