"""A server with a certificate of the test's own authority, one without, and a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.notify.web import Web
from tests.integration.notify.servers import Authority, Server, authority, serving


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority; its certificate is for 127.0.0.1 and hooks.example.org."""
    return authority(tmp_path_factory.mktemp("ca"), "hooks.example.org")


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    found = Web()
    yield found
    await found.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as found:
        yield found


@pytest.fixture
async def secure(trusted: Authority) -> AsyncIterator[Server]:
    async with serving(trusted.server) as found:
        yield found


@pytest.fixture
def ca_file(trusted: Authority) -> str:
    return str(Path(trusted.ca))
