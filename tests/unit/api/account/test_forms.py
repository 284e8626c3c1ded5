"""`POST /v1/auth/token` before it needs its servers."""

from __future__ import annotations

import httpx
import pytest

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{}", {"Content-Type": "application/json"}, 415, "unsupported-media-type"),
        (b"", FORM, 422, "invalid"),
        (b"grant_type=client_credentials", FORM, 422, "invalid"),
        (b"grant_type=password&username=kim", FORM, 422, "invalid"),
        (b"grant_type=password&username=&password=", FORM, 422, "invalid"),
        (b"grant_type=refresh_token", FORM, 422, "invalid"),
        (b"grant_type=refresh_token&cookies=true", FORM, 422, "invalid"),
        (b"grant_type=password&username=a&username=b&password=c", FORM, 400, "malformed-body"),
        (b"grant_type=password&username=%FF&password=c", FORM, 400, "malformed-body"),
        (b"grant_type=password\xff", FORM, 400, "malformed-body"),
        (b"&".join(b"a%d=1" % n for n in range(40)), FORM, 400, "malformed-body"),
        (b"grant_type=password&username=kim&password=" + b"x" * 9000, FORM, 413, "body-too-large"),
        (b"grant_type=password&username=kim&password=" + b"x" * 1500, FORM, 422, "invalid"),
        (b"grant_type=password&username=kim&password=x", FORM, 503, "database-unavailable"),
    ],
)
async def test_forms_that_are_none(
    client: httpx.AsyncClient, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await client.post("/v1/auth/token", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"/v1/problems/{code}"
    assert "set-cookie" not in answer.headers


async def test_a_page_of_another_origin_signs_nobody_in(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/auth/token",
        data={"grant_type": "password", "username": "kim", "password": "x", "cookies": "true"},
        headers={"Origin": "http://evil.example"},
    )
    assert answer.status_code == 403


async def test_nobody_is_known_before_accounts_are_read(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/me", headers={"Authorization": "Bearer a.b.c"})
    assert answer.status_code == 503
    answer = await client.get("/v1/me")
    assert answer.status_code == 401


async def test_signing_out_without_a_session_is_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/auth/logout")
    assert answer.status_code == 204
    assert "watchfloor_access=" in str(answer.headers.get_list("set-cookie"))


async def test_ways_to_sign_in(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/auth/methods")).json() == {"password": True, "oidc": None}
    assert (await client.get("/v1/auth/oidc/start")).status_code == 404
    assert (await client.get("/v1/auth/oidc/callback")).status_code == 404
