"""How often one may ask: who is counted as whom, what is left, and what memory it takes."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from limits import RateLimitItemPerMinute
from limits.aio.strategies import MovingWindowRateLimiter

from api.address import client_address, networks
from api.main import create_app
from api.rates import DEFAULTS, SHARED, Kind, Memory, classify, identity_of, parse_limits
from infra.errors import SettingsError
from infra.secrets import Secret
from infra.settings import Settings

PROXIES = networks(("10.0.0.0/8", "::1/128"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),  # a client's own word
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.7, 203.0.113.9"], "203.0.113.9"),  # the first is only said
        ("10.0.0.1", ["198.51.100.7", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),  # nobody else is known
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", [], "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", [], "192.0.2.1"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("", [], "unknown"),
    ],
)
def test_addresses(peer: str, forwarded: list[str], address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/v1/auth/token", Kind.SIGN_IN),
        ("GET", "/v1/auth/methods", Kind.READ),
        ("GET", "/v1/auth/oidc/callback", Kind.SIGN_IN),
        ("GET", "/sign-in/abc", Kind.SIGN_IN),
        ("GET", "/health/live", None),
        ("GET", "/v1/alerts", Kind.READ),
        ("POST", "/v1/alerts/commands", Kind.WRITE),
        ("PATCH", "/v1/me", Kind.WRITE),
        ("POST", "/v1/events/cv", Kind.EVENTS),
        ("GET", "/v1/exports/events", Kind.EXPORT),
        ("POST", "/v1/backtests", Kind.COSTLY),
        ("GET", "/v1/backtests", Kind.READ),
        ("POST", "/v1/cameras/onboard", Kind.COSTLY),
    ],
)
def test_classes(method: str, path: str, kind: Kind | None) -> None:
    assert classify(method, path) is kind


def test_sign_in_is_the_strictest() -> None:
    assert DEFAULTS[Kind.SIGN_IN] == min(DEFAULTS.values())
    assert parse_limits(("sign-in=5", "read=0")) == {**DEFAULTS, Kind.SIGN_IN: 5, Kind.READ: 0}


@pytest.mark.parametrize("word", ["nothing=1", "read", "read=-1", "read=many", "read=99999999"])
def test_limits_that_are_none(word: str) -> None:
    with pytest.raises(SettingsError, match="rate_limits"):
        parse_limits((word,))


def test_a_credential_is_known_by_its_hash() -> None:
    def of(*headers: tuple[bytes, bytes]) -> str | None:
        return identity_of({"type": "http", "headers": list(headers)})

    token = of((b"authorization", b"Bearer secret-token"))
    assert token is not None
    assert "secret" not in token
    assert of((b"Authorization", b"Bearer secret-token")) == token
    assert of((b"authorization", b"Bearer other")) != token
    cookie = of((b"cookie", b"a=b; watchfloor_access=jwt"))
    assert cookie == of((b"cookie", b"watchfloor_access=jwt"))
    assert of((b"cookie", b"a=b")) is None
    assert of() is None


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


async def test_the_window_moves() -> None:
    clock = Clock()
    limiter = MovingWindowRateLimiter(Memory(now=clock))
    item = RateLimitItemPerMinute(3)
    allowed = []
    for at in (0, 20, 40, 59.9, 60, 60.1, 79.9, 80):
        clock.at = 1000 + at
        allowed.append(await limiter.hit(item, "k"))
    # The fourth is let in as the first leaves, and not at the turn of a minute.
    assert allowed == [True, True, True, False, True, False, False, True]
    assert (await limiter.get_window_stats(item, "k")) == (1100.0, 0)
    assert await limiter.hit(item, "other")


async def test_many_addresses_take_bounded_memory_and_nobodys_limit() -> None:
    clock = Clock()
    memory = Memory(max_keys=100, now=clock)
    limiter = MovingWindowRateLimiter(memory)
    item = RateLimitItemPerMinute(2)
    assert [await limiter.hit(item, "first") for _ in range(3)] == [True, True, False]
    for number in range(5_000):
        await limiter.hit(item, f"address-{number}")
    assert len(memory) <= 100 + SHARED
    # Who was counted before the storm still is, and newcomers are held as well.
    assert not await limiter.hit(item, "first")
    assert [await limiter.hit(item, "late") for _ in range(4)].count(True) <= 2
    clock.at += 61
    assert await limiter.hit(item, "after the storm")
    assert await limiter.hit(item, "first")
    assert len(memory) <= 2


def client_of(tmp_path: Path, **settings: object) -> httpx.AsyncClient:
    app = create_app(
        Settings(
            state_dir=tmp_path,
            kafka_url="127.0.0.1:1",
            postgres_url="postgresql://nobody@127.0.0.1:1/nothing",
            **settings,  # type: ignore[arg-type]
        )
    )
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")


async def test_too_many_requests_are_a_problem_that_says_when(tmp_path: Path) -> None:
    async with client_of(tmp_path, rate_limits=("read=3", "write=2")) as client:
        token = {"Authorization": "Bearer one"}
        answers = [await client.get("/openapi.json", headers=token) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"read";q=3;w=60'
        assert answers[0].headers["ratelimit"].startswith('"read";r=2;t=')
        refused = answers[3]
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "/v1/problems/too-many-requests"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit"].startswith('"read";r=0;t=')
        assert refused.headers["x-content-type-options"] == "nosniff"
        # Another token from there, another class, and whether it lives, are counted apart.
        assert (await client.get("/openapi.json", headers={"Authorization": "x"})).is_success
        assert (await client.post("/v1/alerts/commands", headers=token)).status_code == 503
        assert (await client.get("/health/live", headers=token)).is_success


async def test_an_address_with_a_new_token_each_time_is_held(tmp_path: Path) -> None:
    async with client_of(tmp_path, rate_limits=("read=3",)) as client:
        statuses = [
            (await client.get("/openapi.json", headers={"Authorization": f"t{n}"})).status_code
            for n in range(13)
        ]
    assert statuses == [200] * 12 + [429]


async def test_a_sign_in_is_counted_by_its_address_whatever_it_brings(tmp_path: Path) -> None:
    async with client_of(tmp_path, rate_limits=("sign-in=2",)) as client:
        statuses = [
            (await client.post("/v1/auth/x", headers={"Authorization": f"t{n}"})).status_code
            for n in range(3)
        ]
    assert statuses == [404, 404, 429]


async def test_no_limit_says_nothing(tmp_path: Path) -> None:
    async with client_of(tmp_path, rate_limits=("read=0",)) as client:
        assert "ratelimit" not in (await client.get("/openapi.json")).headers


def test_redis_without_its_client_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="rate_limit_url") as caught:
        client_of(tmp_path, rate_limit_url=Secret("redis://:hunter2@127.0.0.1:1/0"))
    assert "hunter2" not in str(caught.value)
