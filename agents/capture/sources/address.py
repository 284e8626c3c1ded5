"""A source's address, and the credentials that must never be seen in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from agents.capture.sources.base import BrokenSourceError

__all__ = ["Address", "Credentials", "SourceKind", "parse_address"]

MAX_LENGTH: Final = 2000


class SourceKind(StrEnum):
    """What kind of source an address names."""

    RTSP = "rtsp"
    HTTP = "http"
    FILE = "file"
    IMAGES = "images"
    SIMULATOR = "sim"


_SCHEMES: Final = {
    "rtsp": SourceKind.RTSP,
    "rtsps": SourceKind.RTSP,
    "http": SourceKind.HTTP,
    "https": SourceKind.HTTP,
    "file": SourceKind.FILE,
    "images": SourceKind.IMAGES,
    "sim": SourceKind.SIMULATOR,
}


@dataclass(frozen=True)
class Credentials:
    """A user and a password; neither is ever shown."""

    user: str = field(repr=False)
    password: str = field(repr=False)

    @staticmethod
    def parse(secret: str) -> Credentials:
        """From a secret's text, `user:password`; without a colon it is a password alone."""
        user, colon, password = secret.strip("\r\n").partition(":")
        return Credentials(user, password) if colon else Credentials("", user)


@dataclass(frozen=True)
class Address:
    """Where frames come from.

    location: without credentials: a URL, a path, or a scene's name. options: what followed the
    question mark of `images:` and `sim:`. As text it is masked, and safe to print.
    """

    kind: SourceKind
    location: str
    options: tuple[tuple[str, str], ...] = ()
    credentials: Credentials | None = field(default=None, repr=False)

    def option(self, name: str) -> str | None:
        """The last value of that option."""
        return dict(self.options).get(name)

    def __str__(self) -> str:
        if self.kind in (SourceKind.RTSP, SourceKind.HTTP):
            # Cameras take passwords as parameters, too.
            path, asked, _ = self.location.partition("?")
            return f"{path}?***" if asked else path
        return f"{self.kind}:{self.location}"

    def url(self) -> str:
        """The URL with its credentials, for the library that connects and for nobody else."""
        if self.credentials is None:
            return self.location
        parts = urlsplit(self.location)
        user = quote(self.credentials.user, safe="")
        password = quote(self.credentials.password, safe="")
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))

    @property
    def host(self) -> tuple[str, int | None]:
        """Host and port, as written."""
        parts = urlsplit(self.location)
        return parts.hostname or "", parts.port


def parse_address(text: str, credentials: Credentials | None = None) -> Address:
    """Read a source's address.

    credentials: those of the secret; they win over the URL's own userinfo. Raises SourceError where
    it is no address; the message holds nothing of the userinfo.
    """
    if len(text) > MAX_LENGTH or any(ord(char) < 32 for char in text):
        raise BrokenSourceError("the source's address is too long, or has control characters")
    scheme, colon, rest = text.partition(":")
    kind = _SCHEMES.get(scheme.lower()) if colon else None
    if kind is None:
        known = ", ".join(f"{name}:" for name in _SCHEMES)
        raise BrokenSourceError(f"a source starts with one of {known}")
    if kind in (SourceKind.RTSP, SourceKind.HTTP):
        return _network(kind, text, credentials)
    if kind is SourceKind.FILE:
        return Address(kind, _path(rest))
    location, _, query = rest.partition("?")
    if not location:
        raise BrokenSourceError(f"{kind}: needs a name after the colon")
    options = tuple(parse_qsl(query, keep_blank_values=True, max_num_fields=32))
    return Address(kind, _path(location) if kind is SourceKind.IMAGES else location, options)


def _path(rest: str) -> str:
    path = unquote(rest[2:]) if rest.startswith("//") else rest
    if not path or "\0" in path:
        raise BrokenSourceError("the source names no file")
    return path


def _network(kind: SourceKind, text: str, credentials: Credentials | None) -> Address:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        # The library's own message quotes the URL, password and all.
        raise BrokenSourceError("the source's URL has a host or a port that is none") from None
    if not host:
        raise BrokenSourceError("the source's URL names no host")
    if parts.username is not None and credentials is None:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
    shown = f"[{host}]" if ":" in host else host
    netloc = shown if port is None else f"{shown}:{port}"
    location = urlunsplit(parts._replace(netloc=netloc, fragment=""))
    return Address(kind, location, credentials=credentials)
