"""A request's id and trace: taken where they are right, said in the answer, put into records."""

from __future__ import annotations

import json
import logging
import re

import httpx
import pytest
from fastapi import FastAPI, Request

from api.correlation import carried, correlate
from infra.logs import JsonFormatter
from topics.catalogue import COMMANDS
from topics.record import OutRecord

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("a-request.1_x", "a-request.1_x"),
        ("x" * 64, "x" * 64),
        (None, "made"),
        ("", "made"),
        ("x" * 65, "made"),  # longer than a log's column
        ("-flag", "made"),
        ("a\nb", "made"),  # forges a line
        ("a b", "made"),
        ("ä", "made"),
    ],
)
def test_request_ids(given: str | None, known: str) -> None:
    assert correlate(given, None, "made").request_id == known


@pytest.mark.parametrize(
    ("parent", "taken"),
    [
        (PARENT, True),
        (PARENT[:-2] + "00", True),  # not sampled is no reason to lose it
        (f"cc-{TRACE}-00f067aa0ba902b7-01-later", True),  # a release to come
        (f"00-{TRACE}-00f067aa0ba902b7-01-more", False),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (PARENT.upper(), False),
        ("garbage", False),
        (None, False),
    ],
)
def test_traces(parent: str | None, taken: bool) -> None:
    found = correlate("r", parent, "made")
    assert (found.trace_id == TRACE) is taken
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", found.traceparent)
    # Who asks again with the same id goes on with the same trace; the span is this request's own.
    again = correlate("r", parent, "other")
    assert again.trace_id == found.trace_id
    assert again.span_id != found.span_id


async def test_an_answer_says_which_request_it_is(client: httpx.AsyncClient) -> None:
    given = {"X-Request-ID": "mine-1", "traceparent": PARENT}
    for path, status in (("/health/live", 200), ("/nothing", 404), ("/v1/sites", 503)):
        answer = await client.get(path, headers=given)
        assert answer.status_code == status
        assert answer.headers["x-request-id"] == "mine-1"
        assert answer.headers["traceparent"].split("-")[1] == TRACE
    refused = await client.get("/v1/sites", headers={**given, "Host": "example.com"})
    assert (refused.status_code, refused.headers["x-request-id"]) == (421, "mine-1")


async def test_without_ids_each_request_has_its_own(client: httpx.AsyncClient) -> None:
    first, second = [(await client.get("/health/live")).headers for _ in range(2)]
    assert first["x-request-id"] != second["x-request-id"]
    assert first["traceparent"].split("-")[1] != second["traceparent"].split("-")[1]


async def test_two_ids_are_none(client: httpx.AsyncClient) -> None:
    twice = [("X-Request-ID", "a"), ("X-Request-ID", "b")]
    answer = await client.get("/health/live", headers=twice)
    assert answer.headers["x-request-id"] not in ("a", "b", "a, b")


async def test_a_record_carries_the_requests_trace(app: FastAPI, client: httpx.AsyncClient) -> None:
    record = OutRecord(COMMANDS, b"k", b"{}", (("ce_id", b"c1"),))
    made: list[OutRecord] = []

    async def emit() -> None:
        made.append(carried(record))

    app.add_api_route("/emits", emit)
    await client.get("/emits", headers={"traceparent": PARENT})
    assert dict(made[0].headers)["traceparent"].decode().split("-")[1] == TRACE
    # Outside of a request there is nothing to carry.
    assert carried(record) is record


async def test_a_request_is_a_line_of_json_and_tells_no_path(
    app: FastAPI, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def sign_in(code: str) -> None:
        logging.getLogger("watchfloor.api").warning("the password=%s is wrong", code)

    app.add_api_route("/codes/{code}", sign_in)
    caplog.handler.setFormatter(JsonFormatter("api"))
    with caplog.at_level("INFO", "watchfloor.api"):
        await client.get(
            "/codes/hunter2", headers={"X-Request-ID": "mine-2", "traceparent": PARENT}
        )
    warned, ended = (json.loads(line) for line in caplog.text.splitlines())
    assert "hunter2" not in caplog.text
    assert (warned["level"], warned["message"]) == ("warning", "the password=*** is wrong")
    assert (ended["route"], ended["status"], ended["method"]) == ("/codes/{code}", 200, "GET")
    assert ended["duration_ms"] >= 0
    for line in (warned, ended):
        assert (line["request_id"], line["trace_id"], line["process"]) == ("mine-2", TRACE, "api")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])


async def test_whoever_asked_is_named(
    app: FastAPI, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    class Known:
        name = "kim"

    async def asks(request: Request) -> None:
        request.state.principal = Known()

    app.add_api_route("/asks", asks)
    caplog.handler.setFormatter(JsonFormatter("api"))
    with caplog.at_level("INFO", "watchfloor.api.request"):
        await client.get("/asks")
    assert json.loads(caplog.text)["principal"] == "kim"
