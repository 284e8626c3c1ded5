"""Basic and digest authentication, as HTTP and RTSP both have it (RFC 7617, RFC 7616). Pure."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

__all__ = ["answer"]

ALGORITHMS: Final[Mapping[str, Callable[[bytes], Any]]] = MappingProxyType(
    {
        "SHA-256": hashlib.sha256,
        # What most cameras still ask for; the RFC keeps it for their sake.
        "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
    }
)
"""The better one first."""

_PAIR: Final = re.compile(
    r'([A-Za-z0-9_-]{1,40})\s*=\s*(?:"((?:[^"\\]|\\.){0,1000})"|([^\s,"]{0,1000}))'
)


def answer(
    challenges: Sequence[str], method: str, uri: str, user: str, password: str, cnonce: str
) -> str | None:
    """The `Authorization` that answers a 401; None where nothing is offered that we can do.

    challenges: the values of its `WWW-Authenticate` headers, one scheme each. cnonce: the
    client's nonce. Digest is taken where it is offered: it does not send the password.
    """
    digests = [_fields(text) for text in challenges if text.lower().startswith("digest ")]
    for name in ALGORITHMS:
        for fields in digests:
            algorithm = fields.get("algorithm", "MD5").upper()
            if algorithm.removesuffix("-SESS") == name and "nonce" in fields:
                return _digest(fields, method, uri, user, password, cnonce)
    if any(text.lower().split(" ")[0] == "basic" for text in challenges):
        return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
    return None


def _fields(challenge: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, quoted, plain in _PAIR.findall(challenge[7:4000]):
        found[name.lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
    return found


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _digest(
    fields: Mapping[str, str], method: str, uri: str, user: str, password: str, cnonce: str
) -> str:
    """RFC 7616, section 3.4; without `qop` as RFC 2069 had it, which RTSP cameras ask for."""
    algorithm = fields.get("algorithm", "MD5").upper()
    name = algorithm.removesuffix("-SESS")

    def hashed(text: str) -> str:
        digest: str = ALGORITHMS[name](text.encode()).hexdigest()
        return digest

    realm, nonce = fields.get("realm", ""), fields["nonce"]
    first = hashed(f"{user}:{realm}:{password}")
    if algorithm.endswith("-SESS"):
        first = hashed(f"{first}:{nonce}:{cnonce}")
    second = hashed(f"{method}:{uri}")
    parts = {
        "username": _quoted(user),
        "realm": _quoted(realm),
        "nonce": _quoted(nonce),
        "uri": _quoted(uri),
    }
    offered = [one.strip().lower() for one in fields.get("qop", "").split(",")]
    if "auth" in offered:
        count = "00000001"
        parts["response"] = _quoted(hashed(f"{first}:{nonce}:{count}:{cnonce}:auth:{second}"))
        parts |= {"qop": "auth", "nc": count, "cnonce": _quoted(cnonce)}
    else:
        parts["response"] = _quoted(hashed(f"{first}:{nonce}:{second}"))
        if algorithm.endswith("-SESS"):
            parts["cnonce"] = _quoted(cnonce)
    if "algorithm" in fields:
        parts["algorithm"] = fields["algorithm"]
    if "opaque" in fields:
        parts["opaque"] = _quoted(fields["opaque"])
    return "Digest " + ", ".join(f"{key}={value}" for key, value in parts.items())
