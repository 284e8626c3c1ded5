"""How often one may ask: a moving window of a minute, per token and per address, by class of route.

The `limits` library counts. In memory its moving window is `Memory`, which forgets nobody who is
still counted and yet cannot grow without an end; with a URL it counts in Redis, for all replicas
together, and goes on in memory while Redis is away.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from limits import RateLimitItemPerMinute
from limits.aio.storage import MovingWindowSupport, Storage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string
from msgspec import Struct
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.account.identity import ACCESS_COOKIE
from api.address import networks, of_request
from api.guard import SAFE_METHODS
from api.problems import TooManyRequests, respond
from infra.errors import SettingsError

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = [
    "DEFAULTS",
    "Kind",
    "Limited",
    "Memory",
    "Rates",
    "classify",
    "identity_of",
    "parse_limits",
]

log = logging.getLogger("watchfloor.api.rates")

WINDOW_S: Final = 60
MAX_KEYS: Final = 20_000
"""Whoever is counted apart in memory; beyond that, newcomers share counters."""
SHARED: Final = 1_024
MANY_BEHIND: Final = 4
"""An address may ask as often as so many tokens: an office has one, and a proxy."""
SAY_AGAIN_S: Final = 60.0


class Kind(StrEnum):
    """What a request costs, and to whom it matters."""

    SIGN_IN = "sign-in"
    """A guess at a password, a code or a token."""
    EVENTS = "events"
    """Cameras and relays that post."""
    EXPORT = "export"
    """Whole tables."""
    COSTLY = "costly"
    """Work of minutes: backtests, scans, taking devices on."""
    WRITE = "write"
    """Whatever else changes something."""
    READ = "read"
    """Everything else."""


DEFAULTS: Final[Mapping[Kind, int]] = {
    Kind.SIGN_IN: 30,
    Kind.EVENTS: 120_000,
    Kind.EXPORT: 60,
    Kind.COSTLY: 60,
    Kind.WRITE: 1_200,
    Kind.READ: 30_000,
}
"""Requests a minute. Generous: they keep a broken program from starving the others."""

_COSTLY: Final = ("/v1/backtests", "/v1/discovery/", "/v1/cameras/onboard", "/v1/nvrs/")
_SIGN_IN: Final = ("/v1/auth/oidc/", "/sign-in/")


def classify(method: str, path: str) -> Kind | None:
    """The class of a request; None for what is not counted: whether this process lives."""
    if path.startswith("/health/"):
        return None
    if path.startswith(_SIGN_IN) or (path.startswith("/v1/auth/") and method not in SAFE_METHODS):
        return Kind.SIGN_IN
    if path.startswith("/v1/exports/"):
        return Kind.EXPORT
    if method in SAFE_METHODS:
        return Kind.READ
    if path == "/v1/events/cv":
        return Kind.EVENTS
    return Kind.COSTLY if path.startswith(_COSTLY) else Kind.WRITE


def parse_limits(words: Sequence[str]) -> dict[Kind, int]:
    """Limits a minute, the defaults with what the settings say. Raises SettingsError.

    words: such as `sign-in=10`; 0 is no limit.
    """
    found = dict(DEFAULTS)
    for word in words:
        name, _, number = word.partition("=")
        if name not in list(Kind) or not number.isdecimal() or len(number) > 7:
            raise SettingsError(
                f"rate_limits: {word[:80]!r} is not such as write=1200",
                hint=f"The classes are {', '.join(Kind)}; 0 is no limit.",
            )
        found[Kind(name)] = int(number)
    return found


def identity_of(scope: Scope) -> str | None:
    """Whose credential a request brings, as a hash that says nothing about it; None: nobody's."""
    for name, value in scope["headers"]:
        if name.lower() == b"authorization":
            return hashlib.sha256(value).hexdigest()[:32]
    for name, value in scope["headers"]:
        if name.lower() == b"cookie":
            token = cookie_parser(value.decode("latin-1")).get(ACCESS_COOKIE)
            if token:
                return hashlib.sha256(token.encode("latin-1", "replace")).hexdigest()[:32]
    return None


class Memory(Storage, MovingWindowSupport):
    """The moving window in this process, for `limits`, bounded.

    The library's own looks at every counter again and again, in threads of its own. Here a counter
    is looked at when it is asked for, and all of them when there is no room; where that helps
    nothing, those who come then share one of `SHARED` counters by their hash, so that neither
    memory nor anybody's limit gives way to many addresses.
    """

    STORAGE_SCHEME = ["async+watchfloor"]  # noqa: RUF012 - the library changes its type

    def __init__(
        self, *, max_keys: int = MAX_KEYS, now: Callable[[], float] = time, window: int = WINDOW_S
    ) -> None:
        super().__init__()
        self._max_keys = max_keys
        self._now = now
        self._window = window
        self._hits: dict[str, deque[float]] = {}
        self._swept = -math.inf

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may go wrong: nothing."""
        return StorageError

    def __len__(self) -> int:
        return len(self._hits)

    def _counter(self, key: str, since: float) -> deque[float]:
        known = self._hits.get(key)
        if known is None:
            if len(self._hits) >= self._max_keys:
                self._sweep(since)
            if len(self._hits) >= self._max_keys:
                digest = hashlib.sha256(key.encode()).digest()
                key = f"shared/{int.from_bytes(digest[:4]) % SHARED}"
            known = self._hits.setdefault(key, deque())
        while known and known[0] <= since:
            known.popleft()
        return known

    def _sweep(self, since: float) -> None:
        # At most once a second: a storm of addresses must not have all looked at each time.
        if self._now() - self._swept >= 1.0:
            self._swept = self._now()
            self._hits = {
                key: hits for key, hits in self._hits.items() if hits and hits[-1] > since
            }

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount`, where it is within the limit."""
        now = self._now()
        hits = self._counter(key, now - expiry)
        if len(hits) + amount > limit:
            return False
        hits.extend([now] * amount)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the window began, and how many are in it."""
        now = self._now()
        hits = self._counter(key, now - expiry)
        return (hits[0], len(hits)) if hits else (now, 0)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Fixed windows are not counted here."""
        raise NotImplementedError

    async def get(self, key: str) -> int:
        """How many are in the window."""
        return len(self._counter(key, self._now() - self._window))

    async def get_expiry(self, key: str) -> float:
        """When the oldest leaves the window."""
        return (await self.get_moving_window(key, 0, self._window))[0] + self._window

    async def check(self) -> bool:
        """It works."""
        return True

    async def reset(self) -> int | None:
        """Forget everybody."""
        count = len(self._hits)
        self._hits.clear()
        return count

    async def clear(self, key: str) -> None:
        """Forget one."""
        self._hits.pop(key, None)


class Verdict(Struct, frozen=True):
    """Whether a request may go on, and what its answer says. reset_s: until there is room again,
    or all of it."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int


class Rates:
    """Counts requests, in memory or in Redis."""

    def __init__(self, settings: Settings, *, now: Callable[[], float] = time) -> None:
        self._limits = parse_limits(settings.rate_limits)
        self._trusted = networks(settings.api_trusted_proxies)
        self._now = now
        self._here = MovingWindowRateLimiter(Memory(now=now))
        self._shared = _redis(settings)
        self._said = -math.inf

    async def ask(self, scope: Scope) -> tuple[Kind, Verdict] | None:
        """The verdict over a request; None where it is not counted.

        A sign-in is counted by its address alone: whoever guesses brings no token, or another one
        each time.
        """
        method = scope.get("method", "GET")
        kind = classify(method, scope["path"])
        if kind is None or not self._limits[kind]:
            return None
        limit = self._limits[kind]
        address = of_request(scope, self._trusted)
        identity = None if kind is Kind.SIGN_IN else identity_of(scope)
        share = limit if kind is Kind.SIGN_IN else limit * MANY_BEHIND
        verdict = await self._hit(kind, share, f"address/{address}")
        if identity is not None and verdict.allowed:
            verdict = await self._hit(kind, limit, f"token/{identity}")
        return kind, verdict

    async def _hit(self, kind: Kind, limit: int, key: str) -> Verdict:
        item = RateLimitItemPerMinute(limit, namespace="watchfloor")
        if self._shared is not None:
            try:
                return await self._count(self._shared, item, kind, key)
            except StorageError as error:
                if monotonic() - self._said > SAY_AGAIN_S:
                    self._said = monotonic()
                    log.warning("rates are counted here, Redis is away: %s", type(error).__name__)
        return await self._count(self._here, item, kind, key)

    async def _count(
        self, limiter: MovingWindowRateLimiter, item: RateLimitItemPerMinute, kind: Kind, key: str
    ) -> Verdict:
        allowed = await limiter.hit(item, kind.value, key)
        stats = await limiter.get_window_stats(item, kind.value, key)
        reset = max(1, math.ceil(stats.reset_time - self._now()))
        return Verdict(allowed, item.amount, max(0, stats.remaining), min(reset, WINDOW_S))


def _redis(settings: Settings) -> MovingWindowRateLimiter | None:
    if settings.rate_limit_url is None:
        return None
    url = settings.rate_limit_url.reveal()
    try:
        storage = storage_from_string(
            f"async+{url}",
            wrap_exceptions=True,
            **({} if url.startswith("valkey") else {"implementation": "redispy"}),
        )
    except ConfigurationError as error:
        raise SettingsError(
            "rate_limit_url: it needs a client for Redis, and a URL such as redis://host:6379/0",
            hint="Install redis (or valkey) beside watchfloor, or leave it unset.",
        ) from error
    assert isinstance(storage, Storage)
    return MovingWindowRateLimiter(storage)


def _headers(kind: Kind, verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """As of draft-ietf-httpapi-ratelimit-headers-10."""
    policy = f'"{kind}";q={verdict.limit};w={WINDOW_S}'
    left = f'"{kind}";r={verdict.remaining};t={verdict.reset_s}'
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]


class Limited:
    """ASGI middleware: refuses what is too much, and says how much is left."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self.app = app
        self.rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count, and refuse or pass on."""
        found = None
        if scope["type"] in {"http", "websocket"}:
            found = await self.rates.ask(scope)
        if found is None:
            await self.app(scope, receive, send)
            return
        kind, verdict = found
        headers = _headers(kind, verdict)

        async def send_with_rates(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        if verdict.allowed:
            await self.app(scope, receive, send_with_rates)
        elif scope["type"] == "http":
            await respond(TooManyRequests(kind.value, verdict.reset_s))(
                scope, receive, send_with_rates
            )
        else:
            # Before it was accepted, a close is the handshake's 403.
            await receive()
            await send({"type": "websocket.close", "code": 1013, "reason": "too many requests"})
