"""One façade for the folder: real broker, real database, real HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import cv2
import httpx
import msgspec
import numpy as np
import pytest

from api import examples
from api.account.identity import Role
from infra.blob.open import open_store
from infra.settings import Settings
from schemas.alert import Alert
from schemas.ids import snapshot_id
from tests.integration.api.access_table import ALERT, EVENT, MARK, SITE
from tests.integration.api.callers import user
from tests.integration.api.people import Clock, cheap_passwords, knows_accounts
from tests.integration.api.support import (
    NOW,
    Decider,
    Stack,
    is_ready,
    make_ready,
    serving,
    wait_until,
)


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
        # All tests come from one address, and more often than anybody.
        rate_limits=("read=0", "write=0", "events=0", "costly=0", "export=0", "sign-in=0"),
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
def floor(stack: Stack, decider: Decider) -> Stack:
    """The façade with something of each kind at `north`."""
    known = msgspec.structs.asdict(examples.ALERT)
    known.pop("snapshot_url")
    picture = cv2.imencode(".jpg", np.full((90, 160, 3), 80, np.uint8))[1].tobytes()
    open_store(stack.settings).put(f"snapshots/{EVENT}.jpg", picture)
    stack.archive(
        "alerts", [Alert(**{**known, "alert_id": ALERT, "site_id": SITE, "snapshot": EVENT})]
    )
    stack.archive(
        "events",
        [
            {
                "event_id": EVENT,
                "site_id": SITE,
                "event_type": "intrusion",
                "occurred_at": NOW.isoformat(),
                "recorded_at": NOW.isoformat(),
                "source": "external",
                "camera_id": "gate",
                "zone_id": "dock",
                "snapshots": 1,
                "labels": {},
            }
        ],
    )
    stack.archive(
        "snapshots",
        [
            {
                "event_id": EVENT,
                "site_id": SITE,
                "position": 0,
                "snapshot_id": snapshot_id(SITE, EVENT, 0),
                "camera_id": "gate",
                "captured_at": NOW.isoformat(),
                "width": 160,
                "height": 90,
                "content_type": "image/jpeg",
                "bytes": len(picture),
                "blob_key": f"snapshots/{EVENT}.jpg",
            }
        ],
    )
    return stack


@pytest.fixture(scope="session")
def roles(floor: Stack) -> dict[Role, dict[str, str]]:
    """A user of each role, signed in, who sees every site."""
    return {role: user(floor.settings, floor.url, f"{MARK}-{role}", role) for role in Role}


@pytest.fixture(scope="session")
def stranger(floor: Stack) -> dict[str, str]:
    """An administrator of another site."""
    return user(floor.settings, floor.url, f"{MARK}-stranger", Role.ADMIN, {"elsewhere"})


@pytest.fixture(scope="session")
def desk_clock() -> Clock:
    """The clock of the façade that people sign in to."""
    return Clock()


@pytest.fixture(scope="session")
def desk(api_settings: Settings, desk_clock: Clock) -> Iterator[Stack]:
    """A façade whose accounts are read, and whose clock a test moves.

    In a namespace of its own: days ahead, it takes away what has ended there.
    """
    place = api_settings.in_namespace("api-desk")
    make_ready(place)
    with contextlib.ExitStack() as open_:
        with cheap_passwords():
            found = open_.enter_context(serving(place, now=desk_clock))
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
    with desk.anonymous() as found:
        yield found
