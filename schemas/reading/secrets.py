"""What must not be in a document: passwords. Nothing here ever puts one into a message."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from schemas.base import ID_PATTERN

__all__ = ["HOW", "address_problem", "carries_password", "credentials_problem", "source_problem"]

HOW: Final = (
    "write credentials: NAME, and keep the secret with 'watchfloor secrets set NAME', in the "
    "variable WATCHFLOOR_SECRET_NAME, or in the file secrets/NAME under the state directory"
)
SCHEMES: Final = ("rtsp", "rtsps", "http", "https", "file", "images", "sim")
_PASSWORDS: Final = frozenset({"password", "passwd", "passwort", "pwd", "pass", "passphrase"})
_USERINFO: Final = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:/*[^/?#]*@")


def carries_password(url: str) -> bool:
    """Whether a URL has a user in front of its host, or a password among its parameters."""
    if _USERINFO.match(url):
        return True
    try:
        parts = urlsplit(url)
    except ValueError:
        return "@" in url
    if "@" in parts.netloc:
        return True
    try:
        names = {name.lower() for name, _ in parse_qsl(parts.query, max_num_fields=100)}
    except ValueError:
        return True
    return not names.isdisjoint(_PASSWORDS)


def source_problem(url: str) -> str | None:
    """What is wrong with a camera's source; the text itself is not quoted."""
    scheme, colon, rest = url.partition(":")
    named = scheme.lower() if colon else ""
    if named not in {"file", "images", "sim"} and carries_password(url):
        return f"carries a user or a password; {HOW}"
    if named not in SCHEMES:
        return (
            "does not begin with a scheme that is known: rtsp://, rtsps://, http://, https://, "
            "file:, images: or sim:"
        )
    if named in {"rtsp", "rtsps", "http", "https"}:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not rest.startswith("//") or not host:
            return f"has no host after {named}://"
    elif not rest:
        return f"has nothing after {named}:"
    return None


def address_problem(address: str) -> str | None:
    """What is wrong with a device's address, a host or a URL; the text itself is not quoted."""
    if carries_password(address if "://" in address else f"any://{address}"):
        return f"carries a user or a password; {HOW}"
    return None


def credentials_problem(name: str) -> str | None:
    """What is wrong with the name of a secret; the text itself is not quoted."""
    if re.fullmatch(ID_PATTERN, name):
        return None
    return f"must be the name of a secret, never the secret itself; {HOW}"
