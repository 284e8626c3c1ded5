"""One façade for the folder: real broker, real database, real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.settings import Settings
from tests.integration.api.support import Decider, Stack, is_ready, make_ready, serving, wait_until


@pytest.fixture(scope="session")
def api_settings(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A namespace of the folder's own, with topics, schema and two sites."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("api-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="api-tests",
    )
    make_ready(settings)
    return settings


@pytest.fixture(scope="session")
def stack(api_settings: Settings) -> Iterator[Stack]:
    """The façade, ready; posted events wait 10 s for their decision."""
    with serving(api_settings) as found:
        wait_until(lambda: is_ready(found), "the façade is ready", 120)
        yield found


@pytest.fixture(scope="session")
def decider(api_settings: Settings, stack: Stack) -> Iterator[Decider]:
    """Something that decides, for as long as the folder's tests run."""
    with Decider(api_settings) as found:
        yield found
