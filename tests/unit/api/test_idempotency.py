"""A key is one write of one sender: what is done again, what is refused, and who is who."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import Depends, FastAPI, Request

from api.account.identity import Role
from api.database import Database
from api.idempotency.front import MAX_BODY, ONCE
from api.idempotency.schemas import Known
from api.idempotency.service import RECENT, Keys, fingerprint, judge, name_of
from api.openapi import reply
from api.problems import AnswerNotKept, Forbidden, KeyInProgress, KeyReused, Problem
from infra.settings import Settings
from tests import people
from tests.people import person

SECRET = "/v1/tokens/one-more"
KIM = person(Role.ADMIN)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
DONE = Known(fingerprint="f", status=201, body=b"{}")


@pytest.mark.parametrize(
    ("known", "asked", "refused"),
    [
        (DONE, "f", None),
        (DONE, "g", KeyReused),
        (Known(fingerprint="f"), "f", KeyInProgress),
        (Known(fingerprint="f"), "g", KeyReused),  # whatever became of the first
        (Known(fingerprint="f", status=201), "f", AnswerNotKept),
    ],
)
def test_judge(known: Known, asked: str, refused: type[Problem] | None) -> None:
    if refused is None:
        assert judge(known, asked) is known
    else:
        with pytest.raises(refused):
            judge(known, asked)


def test_a_key_is_its_senders_at_one_address() -> None:
    names = {
        name_of("kim", "POST", "/a", "k"),
        name_of("lee", "POST", "/a", "k"),
        name_of("kim", "PUT", "/a", "k"),
        name_of("kim", "POST", "/b", "k"),
        name_of("kim", "POST", "/a", "l"),
        name_of("kim", "POST", "/ak", ""),  # what runs together is not the same
    }
    assert len(names) == 6


@pytest.fixture
async def client(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """By somebody whom the authority of these tests knows."""
    client.headers["Authorization"] = "Bearer kim"
    return client


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    """With a write that counts, and a database that is away: what is known is known here."""
    app.state.done = []
    app.state.go = asyncio.Event()
    app.state.go.set()

    async def write(request: Request) -> object:
        body = await request.body()
        app.state.done.append(body)
        await app.state.go.wait()
        if body == b"refuse":
            raise Forbidden("no")
        if body == b"defect":
            raise RuntimeError("a defect")
        headers = {"Location": f"/{len(app.state.done)}", "X-Other": "x"}
        return reply(len(app.state.done), status=201, headers=headers)

    for path in ("/write", SECRET):
        app.add_api_route(path, write, methods=["POST"], dependencies=[Depends(ONCE.dependency)])
    app.state.api.keys = Keys(Away(), lambda: NOW)
    app.state.api.authority = people.Known(
        {"kim": KIM, "kim-again": KIM, "lee": person(Role.ADMIN, name="lee")}
    )
    return app


class Away(Database):
    """A database that is away at once, and not after its wait."""

    def __init__(self) -> None:
        super().__init__(Settings(postgres_url="postgresql://nobody@127.0.0.1:1/nothing"))

    async def close(self) -> None:
        """Nothing is open."""


async def post(
    client: httpx.AsyncClient, body: bytes, key: str | None = "k", **headers: str
) -> httpx.Response:
    given = {**headers, **({} if key is None else {"Idempotency-Key": key})}
    return await client.post("/write", content=body, headers=given)


async def test_the_same_again_has_the_first_answer(app: FastAPI, client: httpx.AsyncClient) -> None:
    first = await post(client, b"a")
    again = await post(client, b"a", '"k"')  # in quotes, as the draft has it
    assert (first.status_code, first.json(), first.headers["location"]) == (201, 1, "/1")
    assert (again.status_code, again.json(), again.headers["location"]) == (201, 1, "/1")
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = await post(client, b"b")
    assert other.json()["type"] == "/v1/problems/idempotency-key-reused"
    assert (await post(client, b"a", "l")).json() == 2
    assert (await post(client, b"a", Authorization="Bearer lee")).json() == 3
    # The same person with another token is the same sender.
    assert (await post(client, b"a", Authorization="Bearer kim-again")).json() == 1
    assert (await post(client, b"a", Authorization="Bearer nobody")).status_code == 401
    assert [(await post(client, b"a", None)).json() for _ in range(2)] == [4, 5]
    assert app.state.done == [b"a"] * 5


async def test_of_two_at_once_one_is_done(app: FastAPI, client: httpx.AsyncClient) -> None:
    app.state.go.clear()
    first = asyncio.create_task(post(client, b"a"))
    while not app.state.done:
        await asyncio.sleep(0)
    second = await post(client, b"a")
    app.state.go.set()
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    assert (await first).json() == 1
    assert (await post(client, b"a")).json() == 1


@pytest.mark.parametrize(("body", "status"), [(b"refuse", 403), (b"defect", 500)])
async def test_what_was_not_done_gives_its_key_free(
    client: httpx.AsyncClient, body: bytes, status: int
) -> None:
    assert (await post(client, body)).status_code == status
    assert (await post(client, b"right")).status_code == 201


async def test_an_answer_with_a_secret_is_given_once(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "k"}
    first, again = [await client.post(SECRET, headers=headers) for _ in range(2)]
    assert first.status_code == 201
    assert (again.status_code, again.json()["type"]) == (
        409,
        "/v1/problems/idempotency-answer-not-kept",
    )
    assert len(app.state.done) == 1


@pytest.mark.parametrize("key", ["", "k" * 201, "ä", "a\tb"])
async def test_keys_that_are_none(client: httpx.AsyncClient, key: str) -> None:
    raw = [(b"Idempotency-Key", key.encode("latin-1"))]
    answer = await client.post("/write", content=b"a", headers=raw)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "header.Idempotency-Key"


async def test_two_keys_are_none(client: httpx.AsyncClient) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert (await client.post("/write", content=b"a", headers=headers)).status_code == 422


async def test_a_large_body_under_a_key_is_refused(client: httpx.AsyncClient) -> None:
    assert (await post(client, b"x" * (MAX_BODY + 1))).status_code == 413


async def test_what_is_remembered_is_bounded_and_ends() -> None:
    clock = [NOW]
    keys = Keys(Away(), lambda: clock[0], recent=3)
    for number in range(5):
        assert await keys.claim(str(number), "f") is None
        await keys.finish(str(number), DONE)
    assert len(keys) == 3
    assert await keys.claim("4", "f") == DONE
    with pytest.raises(KeyReused):
        keys.check("4", "g")
    clock[0] += timedelta(days=1, seconds=1)
    keys.check("4", "g")
    assert RECENT > 1_000


async def test_an_event_that_was_refused_gives_its_key_free(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    for body in (b'{"event_type": 1}', b'{"event_type": 2}'):
        answer = await client.post("/v1/events/cv", content=body, headers=headers)
        assert answer.json()["type"] == "/v1/problems/invalid"


async def test_an_event_by_key_with_another_body_is_refused_without_a_database(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    path = "/v1/events/cv"
    body = b'{"event_type": "x"}'
    app.state.api.keys.remember(name_of(f"user/{KIM.id}", "POST", path, "k"), fingerprint(body))
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    same = await client.post(path, content=body, headers=headers)
    other = await client.post(path, content=b'{"event_type": "y"}', headers=headers)
    assert same.json()["type"] == "/v1/problems/invalid"  # it went on, and lacks its camera
    assert other.json()["type"] == "/v1/problems/idempotency-key-reused"
