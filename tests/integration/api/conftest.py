"""One façade for the folder: real broker, real database, real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from argon2 import Parameters, Type

from api.account import passwords
from infra.settings import Settings
from tests.integration.api.people import Clock, knows_accounts
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


@pytest.fixture(scope="session")
def desk_clock() -> Clock:
    """The clock of the façade that people sign in to."""
    return Clock()


@pytest.fixture(scope="session")
def cheap_passwords() -> Iterator[None]:
    """A hundred sign-ins at 64 MiB each would be most of the tests' time."""
    cheap = Parameters(
        type=Type.ID,
        version=19,
        salt_len=16,
        hash_len=32,
        time_cost=1,
        memory_cost=64,
        parallelism=1,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "RFC_9106_LOW_MEMORY", cheap)
        yield


@pytest.fixture(scope="session")
def desk(api_settings: Settings, desk_clock: Clock, cheap_passwords: None) -> Iterator[Stack]:
    """A façade whose accounts are read, and whose clock a test moves."""
    with serving(api_settings, now=desk_clock) as found:
        wait_until(lambda: knows_accounts(found), "the accounts are read", 60)
        yield found


@pytest.fixture
def clock(desk_clock: Clock) -> Iterator[Clock]:
    """All tests come from one address: what one has tried, the next one need not wait for."""
    desk_clock.stop()
    yield desk_clock
    desk_clock.pass_(hours=2)


@pytest.fixture
def client(desk: Stack, clock: Clock) -> Iterator[httpx.Client]:
    """Requests to it, with a jar of cookies."""
    with desk.client() as found:
        yield found
