"""WS-Discovery's messages: the question, and what an answer says. Pure.

Web Services Dynamic Discovery (April 2005), sections 5.2 and 5.3, with ONVIF's types and scopes
(ONVIF Core Specification, section 7.3). Anybody on the network can answer anything: an answer is
read like everything from outside, and a wrong one is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from agents.watch.drivers.base import DriverError, Limits
from agents.watch.drivers.facts import text
from agents.watch.drivers.markup import Element, parse

__all__ = ["MOST_BYTES", "Found", "matches_in", "probe"]

MOST_BYTES: Final = 16_384
"""Of one answer; a device with many scopes takes some 4,000."""
MOST_MATCHES: Final = 8
"""In one answer: a device speaks for itself, a proxy for some."""
_ENVELOPE: Final = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING: Final = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_DISCOVERY: Final = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_NETWORK: Final = "http://www.onvif.org/ver10/network/wsdl"
_SCOPE: Final = "onvif://www.onvif.org/"
_TYPE: Final = "NetworkVideoTransmitter"


class Found(Struct, frozen=True, kw_only=True):
    """A device that answered. endpoint: its own name, the same for ever (`urn:uuid:…`).

    address: where it was heard from, with the scheme and the port that it names; never another
    host. name, hardware, location: its own words.
    """

    endpoint: str
    address: str
    name: str | None = None
    hardware: str | None = None
    location: str | None = None


def probe(message_id: str) -> bytes:
    """The question for ONVIF devices. message_id: a URI that comes back with each answer."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<e:Envelope xmlns:e="{_ENVELOPE}" xmlns:w="{_ADDRESSING}" xmlns:d="{_DISCOVERY}" '
        f'xmlns:dn="{_NETWORK}"><e:Header><w:MessageID>{message_id}</w:MessageID>'
        "<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>"
        f"<w:Action>{_DISCOVERY}/Probe</w:Action></e:Header>"
        f"<e:Body><d:Probe><d:Types>dn:{_TYPE}</d:Types></d:Probe></e:Body></e:Envelope>"
    ).encode()


def matches_in(data: bytes, sender: str, message_id: str) -> list[Found]:
    """The devices that an answer tells of; none where it is no answer to that question.

    sender: the address that it came from.
    """
    try:
        root = parse(data, Limits(body=MOST_BYTES))
    except DriverError:
        return []
    if root.name != "Envelope" or root.said("Header", "RelatesTo") != message_id:
        return []
    body = root.child("Body")
    if body is None:
        return []
    # Some answer with the one match alone, without the list around it.
    matches = body.child("ProbeMatches") or body
    listed = [one for one in matches.children if one.name == "ProbeMatch"][:MOST_MATCHES]
    return [found for one in listed if (found := _found(one, sender)) is not None]


def _found(match: Element, sender: str) -> Found | None:
    if _TYPE not in {one.rpartition(":")[2] for one in match.said("Types").split()}:
        return None
    address = _address(match.said("XAddrs").split(), sender)
    endpoint = str(text("it", match.said("EndpointReference", "Address")).get("it", ""))
    if address is None or not endpoint:
        return None
    scopes = _scopes(match.said("Scopes").split())
    return Found(
        endpoint=endpoint,
        address=address,
        name=scopes.get("name"),
        hardware=scopes.get("hardware"),
        location=scopes.get("location"),
    )


def _address(named: list[str], sender: str) -> str | None:
    """Scheme and port of the address that it names with its own host, else of its first one.

    The host is always who answered: a device does not send us to another.
    """
    places: list[tuple[bool, str, int]] = []
    for one in named[:MOST_MATCHES]:
        try:
            parts = urlsplit(one)
            port = parts.port
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.hostname and port != 0:
            default = 443 if parts.scheme == "https" else 80
            places.append((parts.hostname != sender, parts.scheme, port or default))
    if not places:
        return None
    _, scheme, port = min(places, key=lambda place: place[0])
    host = f"[{sender}]" if ":" in sender else sender
    return f"{scheme}://{host}:{port}"


def _scopes(said: list[str]) -> Mapping[str, str]:
    """`name`, `hardware` and `location`, the first of each."""
    found: dict[str, str] = {}
    for one in said:
        if one.startswith(_SCOPE):
            kind, _, value = one.removeprefix(_SCOPE).partition("/")
            clean = text("it", unquote(value, errors="replace"))
            if kind in ("name", "hardware", "location") and kind not in found and clean:
                found[kind] = str(clean["it"])
    return found
