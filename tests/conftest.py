"""What all tests share: one real broker and one real database a session, started when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from infra.settings import Settings

# A machine that is slow is no defect: Hypothesis' own limits of time are off.
hypothesis.settings.register_profile(
    "watchfloor",
    hypothesis.settings.default,
    deadline=None,
    suppress_health_check=(hypothesis.HealthCheck.too_slow,),
)
hypothesis.settings.load_profile("watchfloor")


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of a broker that all tests of the session share: use topics of your own."""
    from infra.embedded.kafka import embedded_kafka

    with embedded_kafka(tmp_path_factory.mktemp("kafka")) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The superuser's URL of a server that all tests share: use a database of your own."""
    from infra.embedded.postgres import embedded_postgres

    with embedded_postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a state directory of the test's own, with no servers in them."""
    return Settings(state_dir=tmp_path / "state")
