"""Each parser of bytes from outside, as a function of one input.

A target lets out nothing but what it says that it raises; whatever else comes out of it, and an
input that takes it more than a second of this thread's own time, is a finding.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from time import thread_time
from types import ModuleType
from typing import Final

from joserfc import jws
from joserfc.jwk import RSAKey

from agents.capture.sources.base import BrokenSourceError, CorruptFrameError
from agents.capture.sources.headers import picture_size
from agents.capture.sources.multipart import Multipart, boundary_of
from agents.runtime.configuration import SiteConfig
from agents.watch.drivers import challenge, dahua, isapi, onvif
from agents.watch.drivers.asking import Reply
from agents.watch.drivers.base import Driver, DriverError, Limits, Target
from api.account import access
from api.address import client_address, networks
from api.alert.commands import wait_of
from api.alert.repository import ActivityKey, RankKey, TimeKey
from api.body import convert, parse
from api.caching import matches
from api.correlation import correlate
from api.event.intake import Fresh, check, event_key, find_site, occurred_at, to_event
from api.event.repository import EventKey
from api.event.schemas import CvEvent
from api.event.vendors.place import Named
from api.event.vendors.reading import is_json, is_vendor_json, limit_of, messages, of_json, to_cv
from api.export.schemas import ExportKind
from api.export.service import parse_after
from api.export.writing import accepts_gzip
from api.paging import Cursor
from api.problems import Problem
from infra.fuzz import seeds
from infra.onboard import onvif as onboard_onvif
from infra.onboard import recorders
from infra.onboard.described import OnboardError
from infra.onboard.discovery import matches_in
from schemas.base import Message, SchemaError, decode, encode
from schemas.document import Camera, Device, Site, Zone
from schemas.document_reader import dump, examine
from schemas.matchers import parse_matcher
from schemas.reading.templates import problem_of

__all__ = ["SECONDS", "TARGETS", "Finding", "FuzzTarget", "probe"]

SECONDS: Final = 1.0
LONG: Final = 16_384
NOW: Final = datetime(2026, 3, 2, 22, 14, 7, tzinfo=UTC)
LIMITS: Final = Limits()

SITES: Final = {
    "north": SiteConfig(
        Site(
            site_id="north",
            timezone="Europe/Berlin",
            devices=(Device(device_id="nvr-1", kind="nvr", address="http://192.0.2.10"),),
            cameras=(
                Camera(camera_id="gate", name="Gate", nvr_id="nvr-1", stream="rtsp://192.0.2.10/a"),
                Camera(camera_id="fence", stream="rtsp://192.0.2.10/Streaming/Channels/201"),
            ),
            zones=(Zone(zone_id="yard", camera_ids=("gate", "fence")),),
        ),
        1,
    )
}


class Finding(Exception):
    """An input that does what it must not. what: for a person."""

    def __init__(self, target: str, what: str, data: bytes) -> None:
        super().__init__(f"{target}: {what}")
        self.target = target
        self.what = what
        self.data = data


@dataclass(frozen=True)
class FuzzTarget:
    """A parser. raises: what it may raise. longest: bytes of an input."""

    name: str
    what: str
    run: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    raises: tuple[type[Exception], ...]
    longest: int = 8_192


def probe(target: FuzzTarget, data: bytes, *, seconds: float = SECONDS) -> None:
    """Run one input. Raises Finding, and what the target's code raises beyond what it may.

    Time is this thread's own, so that a busy machine makes no findings.
    """
    begun = thread_time()
    with contextlib.suppress(*target.raises):
        target.run(data)
    took = thread_time() - begun
    if took > seconds:
        raise Finding(target.name, f"takes {took:.2f} s of the processor", data)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _again(message: Message) -> None:
    """What was taken can be written, and read again: it reaches Kafka."""
    assert decode(encode(message), type(message)) == message


def _document(data: bytes) -> None:
    reading = examine(data)
    assert (reading.document is None) == bool(reading.problems)
    if reading.document is not None:
        assert examine(dump(reading.document)).document is not None


def _cv(data: bytes) -> None:
    raw = parse(data)
    event = convert(raw, CvEvent)
    check(event)
    site = find_site(event, SITES)
    at = occurred_at(event, NOW)
    with contextlib.suppress(Fresh):
        event_key(site, event, raw, None)
    _again(to_event(event, event_id="x", site=site, at=at))


def _events(data: bytes) -> None:
    """As `POST /v1/events/cv` tells the forms apart, by a type that fits the first byte."""
    head = data.lstrip()[:2]
    kind = {b"--": "multipart/mixed; boundary=boundary", b"<": "application/xml"}.get(
        head if head == b"--" else head[:1], "text/plain"
    )
    if head[:1] == b"{":
        raw = parse(data)
        found = of_json(raw) if is_vendor_json(raw) else []
    else:
        found = list(messages(data, kind).messages)
    for message in found:
        for named in (Named(), Named(site_id="north", camera_id="gate", zone_id="yard")):
            with contextlib.suppress(Problem):
                event = to_cv(message, named, SITES)
                if event is not None:
                    check(event)
                    at = occurred_at(event, NOW)
                    site = find_site(event, SITES)
                    _again(to_event(event, event_id="x", site=site, at=at))


class _Answering:
    """A device that answers with the parts of an input, one after the other."""

    refused = False
    latency_ms = 1.0

    def __init__(self, data: bytes) -> None:
        self._parts = data.split(seeds.SEPARATOR)[:16]
        self._asked = 0

    async def get(self, path: str) -> Reply:
        """The next part; the last one again and again. Some refuse with a body of their own."""
        body = self._parts[min(self._asked, len(self._parts) - 1)]
        self._asked += 1
        status = 500 if body.startswith(b"!") else 200
        return Reply(status=status, body=body.removeprefix(b"!"))

    async def post(self, path: str, content: bytes, content_type: str) -> Reply:
        """As for `get`."""
        return await self.get(path)


@contextlib.contextmanager
def _answers(module: ModuleType, data: bytes) -> Iterator[None]:
    """While it lasts, whom `module` asks answers with `data`."""

    @contextlib.asynccontextmanager
    async def asking(target: Target, limits: Limits) -> AsyncIterator[_Answering]:
        yield _Answering(data)

    before = module.asking
    module.asking = asking  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.asking = before  # type: ignore[attr-defined]


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _poll(module: ModuleType, drivers: tuple[Driver, ...]) -> Callable[[bytes], None]:
    target = Target(site_id="north", device_id="nvr-1", kind="nvr", address="192.0.2.10")

    def run(data: bytes) -> None:
        for driver in drivers:
            with _answers(module, data), contextlib.suppress(DriverError):
                _loop().run_until_complete(driver.poll(target, LIMITS))

    return run


def _onboard(data: bytes) -> None:
    target = Target(site_id="north", device_id="nvr-1", kind="nvr", address="192.0.2.10")
    for name in ("isapi", "dahua"):
        with _answers(recorders, data), contextlib.suppress(OnboardError):
            _loop().run_until_complete(recorders.read_recorder(target, name, "192.0.2.10"))


def _onboard_onvif(data: bytes) -> object:
    target = Target(site_id="north", device_id="nvr-1", kind="nvr", address="192.0.2.10")
    with _answers(onboard_onvif, data):
        return _loop().run_until_complete(onboard_onvif.read_onvif(target, "192.0.2.10"))


def _discovery(data: bytes) -> None:
    for found in matches_in(data, "192.0.2.10", seeds.MESSAGE):
        assert "192.0.2.10" in found.address


def _template(data: bytes) -> None:
    text = _text(data)
    for html in (False, True):
        problem_of(text, html=html)


def _matcher(data: bytes) -> None:
    matcher = parse_matcher(_text(data))
    for value in ("", "gate", "x" * 200):
        matcher.matches({matcher.name: value})


def _cursor(data: bytes) -> None:
    text = _text(data)
    for key in (EventKey, RankKey, TimeKey, ActivityKey):
        with contextlib.suppress(Problem):
            Cursor.decode(text, key, "0123456789abcdef")
    for kind in ExportKind:
        with contextlib.suppress(Problem):
            parse_after(text, kind)
    with contextlib.suppress(Problem):
        wait_of(text)


def _headers(data: bytes) -> None:
    text = data.decode("latin-1")
    correlate(text, text, "made")
    matches(text, '"abc"')
    accepts_gzip(text)
    is_json(text)
    limit_of(text)
    client_address("10.0.0.1", [text], networks(("10.0.0.0/8",)))
    challenge.answer([text], "GET", "/", "user", "password", "cnonce")


@cache
def _key() -> RSAKey:
    return access.new_key()


def _token(data: bytes) -> None:
    """As a token, and as what a token of ours says."""
    key = _key()
    keys = {str(key.kid): key}
    text = data.decode("latin-1")
    with contextlib.suppress(access.NoTokenError):
        access.read(text, keys, issuer="watchfloor", now=NOW)
    header = {"alg": "RS256", "typ": "at+jwt", "kid": key.kid}
    signed = jws.serialize_compact(header, data, key, algorithms=["RS256"])
    with contextlib.suppress(access.NoTokenError):
        access.read(signed, keys, issuer="watchfloor", now=NOW)


def _picture(data: bytes) -> None:
    with contextlib.suppress(CorruptFrameError):
        picture_size(data)
    for cut in (7, 512):
        stream = Multipart(boundary_of("multipart/x-mixed-replace; boundary=boundary"), 65_536)
        with contextlib.suppress(BrokenSourceError):
            for start in range(0, len(data), cut):
                stream.feed(data[start : start + cut])


TARGETS: Final[Mapping[str, FuzzTarget]] = {
    target.name: target
    for target in (
        FuzzTarget("document", "site documents", _document, seeds.documents, (), 16_384),
        FuzzTarget("cv", "posted events, our own JSON", _cv, seeds.cv, (Problem,)),
        FuzzTarget("events", "devices' own events", _events, seeds.events, (Problem,), 16_384),
        FuzzTarget(
            "isapi", "answers to ISAPI polls", _poll(isapi, isapi.DRIVERS), seeds.answers, (), LONG
        ),
        FuzzTarget(
            "dahua", "answers to Dahua polls", _poll(dahua, dahua.DRIVERS), seeds.answers, (), LONG
        ),
        FuzzTarget(
            "onvif", "answers to ONVIF polls", _poll(onvif, onvif.DRIVERS), seeds.answers, (), LONG
        ),
        FuzzTarget("recorders", "recorders that are taken on", _onboard, seeds.answers, (), LONG),
        FuzzTarget(
            "cameras",
            "cameras that are taken on",
            _onboard_onvif,
            seeds.answers,
            (OnboardError,),
            LONG,
        ),
        FuzzTarget("discovery", "answers to WS-Discovery", _discovery, seeds.answers, (), LONG),
        FuzzTarget("templates", "templates", _template, seeds.templates, (), 8_000),
        FuzzTarget("matchers", "matchers", _matcher, seeds.matchers, (SchemaError,), 2_048),
        FuzzTarget("cursors", "cursors", _cursor, seeds.cursors, (), 1_024),
        FuzzTarget("headers", "headers", _headers, seeds.headers, (), 2_048),
        FuzzTarget("tokens", "access tokens (JWT)", _token, seeds.tokens, (), 4_096),
        FuzzTarget("pictures", "pictures and MJPEG", _picture, seeds.events, ()),
    )
}
"""By name."""
