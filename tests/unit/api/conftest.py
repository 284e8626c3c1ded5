"""The application without its servers: what it refuses before it needs them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.main import create_app
from infra.local_token import bearer, ensure_local_token
from infra.settings import Settings


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Not started: no lifespan, nothing connects."""
    settings = Settings(
        state_dir=tmp_path,
        kafka_url="127.0.0.1:1",
        postgres_url="postgresql://nobody@127.0.0.1:1/nothing",
        # Of one address, many more than anybody asks for in a minute.
        rate_limits=("costly=0", "sign-in=0"),
    )
    return create_app(settings)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Requests straight into the application, by this machine's token."""
    settings = app.state.api.settings
    ensure_local_token(settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers=bearer(settings)
    ) as found:
        yield found
