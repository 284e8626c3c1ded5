"""Rates in a real Redis: two servers count together, and go on alone while it is away."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.rates import Kind, Rates
from infra.embedded.process import free_port
from infra.secrets import Secret
from infra.settings import Settings
from tests.integration.api.support import wait_until

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("redis") is None, reason="the extra 'redis' is not installed"
    ),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server"),
]

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/v1/alerts",
    "headers": [(b"authorization", b"Bearer one")],
    "client": ("192.0.2.1", 1),
}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    log = tmp_path / "redis.log"
    command = [
        *("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""),
        *("--appendonly", "no", "--logfile", str(log), "--dir", str(tmp_path)),
    ]
    with subprocess.Popen(command) as process:
        try:
            wait_until(
                lambda: log.exists() and "Ready to accept" in log.read_text(), "redis answers"
            )
            yield f"redis://127.0.0.1:{port}/0", process
        finally:
            process.kill()


async def allowed(rates: Rates) -> bool:
    found = await rates.ask(SCOPE)
    assert found is not None
    kind, verdict = found
    assert kind is Kind.READ
    assert 1 <= verdict.reset_s <= 60
    return verdict.allowed


async def test_servers_count_together_and_alone_while_it_is_away(
    redis: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    url, process = redis
    settings = Settings(state_dir=tmp_path, rate_limits=("read=3",), rate_limit_url=Secret(url))
    one, other = Rates(settings), Rates(settings)
    assert [await allowed(rates) for rates in (one, other, one, other)] == [True] * 3 + [False]
    process.kill()
    process.wait()
    assert [await allowed(one) for _ in range(4)] == [True] * 3 + [False]
