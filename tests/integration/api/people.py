"""People for the façade's tests: made at the console, signed in over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from argon2 import Parameters, Type

from agents.runtime.follower import Follower
from api.account import passwords
from api.account.console import Console
from api.account.identity import Role
from api.account.user.schemas import UserBody
from infra.settings import Settings
from schemas.audit import Audit
from tests.integration.api.support import Stack, run_in_thread
from topics.catalogue import AUDIT

PASSWORD = "a sentence of the night shift"


@dataclass
class Clock:
    """The time, and as much later as a test needs it; it may stand still but for that."""

    ahead: timedelta = field(default=timedelta(0))
    stands_at: datetime | None = None

    def __call__(self) -> datetime:
        return (self.stands_at or datetime.now(UTC)) + self.ahead

    def stop(self) -> None:
        """Stand still: a slow machine is not to use up seconds that a test counts."""
        self.stands_at = datetime.now(UTC)

    def pass_(self, **more: float) -> None:
        """So much time has passed."""
        self.ahead += timedelta(**more)


@contextlib.contextmanager
def cheap_passwords() -> Iterator[None]:
    """For a façade that is made within.

    A hundred sign-ins at 64 MiB each would be most of the tests' time.
    """
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


def fresh_name(prefix: str = "kim") -> str:
    """A name that nobody has had."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def at_console(work: Callable[[], Any]) -> Any:
    """What a coroutine function of the console gives."""
    found: list[Any] = []

    async def run() -> None:
        found.append(await work())

    run_in_thread(run)
    return found[0]


def form(name: str, password: str, **more: str) -> dict[str, str]:
    return {"grant_type": "password", "username": name, "password": password, **more}


def sign_in(client: httpx.Client, name: str, password: str, **more: str) -> dict[str, Any]:
    """The answer of a sign-in that is granted."""
    answer = client.post("/v1/auth/token", data=form(name, password, **more))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def bearer(access_token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token}"}


def person(
    stack: Stack,
    role: Role = Role.OPERATOR,
    sites: tuple[str, ...] | None = None,
    name: str | None = None,
) -> str:
    """Somebody with the password PASSWORD, who has changed the first one; the name."""
    name = name or fresh_name()
    console = Console(stack.settings)
    first = at_console(lambda: console.add(UserBody(name=name, role=role, sites=sites)))
    with stack.anonymous() as client:
        headers = bearer(sign_in(client, name, first)["access_token"])
        answer = client.put(
            "/v1/me/password", json={"old": first, "new": PASSWORD}, headers=headers
        )
        assert answer.status_code == 204, answer.text
    return name


def audits(settings: Settings, until: Callable[[list[Audit]], bool]) -> list[Audit]:
    """What `audit.v1` holds, once that is enough. Fails after 30 s."""
    seen: list[Audit] = []

    async def read() -> None:
        async with (
            asyncio.timeout(30),
            Follower(settings, [AUDIT], start="earliest", client_id="audit-test") as follower,
        ):
            async for chunk in follower.chunks(timeout=0.1):
                seen.extend(record.message() for record in chunk)
                if until(seen):
                    return

    run_in_thread(read)
    return seen


def problem(answer: httpx.Response) -> str:
    """The code of the problem that an answer is."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).rpartition("/")[2]


def me(client: httpx.Client, access_token: str) -> httpx.Response:
    return client.get("/v1/me", headers=bearer(access_token))


def refresh(client: httpx.Client, token: str) -> httpx.Response:
    data = {"grant_type": "refresh_token", "refresh_token": token}
    return client.post("/v1/auth/token", data=data)


def knows_accounts(stack: Stack) -> bool:
    """Whether a façade has read the accounts, and has a key to sign with."""
    with stack.anonymous() as client:
        answer = client.get("/.well-known/jwks.json")
        return answer.status_code == 200 and bool(answer.json()["keys"])
