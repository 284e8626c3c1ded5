"""Taking devices on, before there is a device: what is refused, remembered, and never shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.runtime.configuration import Configuration
from agents.watch.drivers.base import Fault
from api.onboard.schemas import CameraBody, LogIn, RecorderBody
from api.onboard.service import AT_ONCE, MOST_REFUSED, REFUSED_FOR, Onboarding
from api.problems import Invalid, NotOnboarded, TooManyOnboardings
from infra.errors import WatchfloorError
from infra.onboard.described import OnboardError, Step
from infra.onboard.document import IdTakenError
from infra.onboard.taking import Asked
from infra.secrets import Secret
from infra.settings import Settings
from schemas.document import Camera, ConfigRecord, Site

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PASSWORD = "hunter2-secret"


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def asked(address: str = "10.0.0.9", password: str = PASSWORD, user: str | None = "kim") -> Asked:
    return Asked(
        site_id="north",
        address=address,
        username=user,
        password=Secret(password),
        author="lee",
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def onboarding(tmp_path: Path, clock: Clock) -> Onboarding:
    return Onboarding(Settings(state_dir=tmp_path), Configuration(), clock)


async def attempt(onboarding: Onboarding, what: Asked, error: Exception | None = None) -> bool:
    """Whether it got as far as the device."""
    reached = False
    try:
        async with onboarding._turn(what, "camera_id"):
            reached = True
            if error is not None:
                raise error
    except NotOnboarded:
        pass
    return reached


REFUSED = OnboardError("10.0.0.9", Step.INFORMATION, Fault.CREDENTIALS)


async def test_a_refused_log_in_is_sent_again_by_no_one_for_a_while(
    onboarding: Onboarding, clock: Clock
) -> None:
    assert await attempt(onboarding, asked(), REFUSED)
    assert not await attempt(onboarding, asked())
    # However the address is written; another password, user or device is another log-in.
    assert not await attempt(onboarding, asked(" 10.0.0.9"))
    assert await attempt(onboarding, asked(password="other"))
    assert await attempt(onboarding, asked(user="lee"))
    assert await attempt(onboarding, asked("10.0.0.10"))
    clock.at += REFUSED_FOR - timedelta(microseconds=1)
    assert not await attempt(onboarding, asked())
    clock.at += timedelta(microseconds=1)
    assert await attempt(onboarding, asked())


@pytest.mark.parametrize("fault", [one for one in Fault if one is not Fault.CREDENTIALS])
async def test_what_failed_otherwise_may_be_tried_again(
    onboarding: Onboarding, fault: Fault
) -> None:
    assert await attempt(onboarding, asked(), OnboardError("a", Step.STREAM, fault))
    assert await attempt(onboarding, asked())


async def test_refusals_are_bounded_and_hold_no_password(onboarding: Onboarding) -> None:
    for number in range(MOST_REFUSED + 5):
        await attempt(onboarding, asked(f"10.0.0.{number}"), REFUSED)
    assert len(onboarding._refused) == MOST_REFUSED
    assert not await attempt(onboarding, asked(f"10.0.0.{MOST_REFUSED + 4}"))
    assert await attempt(onboarding, asked("10.0.0.0"))
    assert not any(PASSWORD.encode() in key for key in onboarding._refused)


async def test_few_at_a_time(onboarding: Onboarding) -> None:
    async def nest(depth: int) -> None:
        async with onboarding._turn(asked(f"10.0.0.{depth}"), "camera_id"):
            await nest(depth + 1)

    with pytest.raises(TooManyOnboardings):
        await nest(0)
    # Each of them gave its turn back.
    assert onboarding._under_way == 0
    assert AT_ONCE > 1


async def test_what_a_client_is_told(onboarding: Onboarding) -> None:
    with pytest.raises(NotOnboarded) as caught:
        async with onboarding._turn(asked(), "camera_id"):
            raise OnboardError("10.0.0.9", Step.STREAM, Fault.TIMEOUT, "no picture")
    said = caught.value.document
    assert (said.status, said.step, said.fault) == (400, "stream", "timeout")
    assert said.detail == "stream: timeout: no picture"
    with pytest.raises(Invalid) as invalid:
        async with onboarding._turn(asked(), "camera_id"):
            raise IdTakenError("yard", "zone")
    assert invalid.value.document.errors[0].field == "body.camera_id"
    with pytest.raises(NotOnboarded) as refused:
        async with onboarding._turn(asked(), "camera_id"):
            raise WatchfloorError("site 'north': it has too many cameras")
    assert (refused.value.document.step, refused.value.document.fault) == ("document", "refused")


def test_no_body_shows_its_password() -> None:
    log_in = LogIn(username="kim", password=PASSWORD)
    camera = CameraBody(site_id="north", address="10.0.0.9", credentials=log_in)
    recorder = RecorderBody(site_id="north", address="10.0.0.9", driver="isapi", credentials=log_in)
    assert PASSWORD not in repr(camera) + repr(recorder) + repr(asked())


async def test_no_body_whatever_is_a_defect_or_is_echoed(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    """A known site, and a database that is away: right bodies are 503, wrong ones 4xx."""
    site = Site(site_id="north", cameras=(Camera(camera_id="gate"),))
    record = ConfigRecord(revision=1, author="t", at=NOON, site=site)
    app.state.api.configuration.apply("north", record)
    app.state.api.configuration.loaded.set()
    fields = [*msgspec.structs.fields(RecorderBody), *msgspec.structs.fields(CameraBody)]
    names = sorted({field.encode_name for field in fields})
    leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
    values = leaves | st.sampled_from(["north", "10.0.0.9", "isapi", "gate"])
    inner = st.dictionaries(st.sampled_from(["username", "password"]), values | st.just(PASSWORD))
    bodies: list[dict[str, Any]] = []

    @given(st.dictionaries(st.sampled_from(names), values | inner | st.lists(values, max_size=3)))
    @settings(max_examples=80, deadline=None)
    def collect(body: dict[str, Any]) -> None:
        bodies.append(body)

    collect()
    log_in = {"username": "kim", "password": PASSWORD}
    right = {"site_id": "north", "address": "10.0.0.9", "driver": "isapi", "credentials": log_in}
    bodies += [right, {**right, "credentials": PASSWORD}]
    bodies += [{**right, "credentials": {"username": PASSWORD + ":"}}]
    statuses = set()
    for body in bodies:
        for path in ("/v1/cameras/onboard", "/v1/nvrs/connect"):
            content = msgspec.json.encode(body)
            headers = {"Content-Type": "application/json"}
            answer = await client.post(path, content=content, headers=headers)
            assert answer.status_code in {400, 404, 422, 503}, body
            assert PASSWORD not in answer.text
            statuses.add(answer.status_code)
    assert {422, 503} <= statuses
