"""`POST /internal/notify` and the preview: who may, what is taken, what is shown."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.account.identity import Principal, Role, Scope
from api.account.local import Local
from api.notify.outcomes import Outcomes
from api.problems import Overloaded
from infra.secrets import write_secret
from schemas.document import (
    Channel,
    ConfigRecord,
    Receiver,
    Route,
    Routing,
    Site,
    SiteNotifications,
    Template,
)
from schemas.notification import NotifyResult, Outcome
from tests.people import Known, person, service

TOKEN = "a-token-of-some-length"
BODY = {"site_id": "north", "title": "Backup failed"}
AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def loaded(app: FastAPI) -> FastAPI:
    """The application with a document, and with the token's secret."""
    api = app.state.api
    site = Site(
        site_id="north",
        name="North depot",
        notifications=SiteNotifications(mode="cards", language="pt"),
    )
    chat = Channel(kind="gchat", options={"credentials": "chat", "mode": "links"})
    routing = Routing(
        route=Route(receiver="desk"),
        receivers=(Receiver(name="desk", channels=(chat, Channel(kind="log"))),),
        templates=(Template(channel="log", text="{{ severity }} {{ total }}"),),
    )
    for key, parts in (("north", {"site": site}), ("routing", {"routing": routing})):
        record = ConfigRecord(revision=1, author="t", at=AT, **parts)
        api.configuration.apply(key, record)
    api.configuration.loaded.set()
    write_secret(api.settings.state_dir / "secrets", "internal-notify", TOKEN)
    api.authority = Local(api.settings, Known({}))
    return app


def near(app: FastAPI, host: str = "127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(host, 5))
    return httpx.AsyncClient(
        transport=transport,
        base_url="http://127.0.0.1:8080",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", TOKEN, f"bearer {TOKEN}", f"Bearer {TOKEN} "],
)
async def test_only_with_the_token(loaded: FastAPI, authorization: str | None) -> None:
    async with near(loaded) as client:
        del client.headers["Authorization"]
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = await client.post("/internal/notify", json=BODY, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text


@pytest.mark.parametrize("host", ["10.0.0.7", "8.8.8.8", "2001:db8::1", "testclient", ""])
async def test_only_from_this_machine(loaded: FastAPI, host: str) -> None:
    async with near(loaded, host) as client:
        answer = await client.post("/internal/notify", json=BODY)
    assert answer.status_code == 403
    assert "on this machine" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
async def test_a_proxy_on_this_machine_is_not_this_machine(loaded: FastAPI, name: str) -> None:
    async with near(loaded) as client:
        answer = await client.post("/internal/notify", json=BODY, headers={name: "127.0.0.1"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("principal", "status"),
    [
        (service(Scope.NOTIFY_WRITE), 422),  # let in: the receiver is none
        (service(Scope.NOTIFY_WRITE, sites={"north"}), 422),
        (service(Scope.NOTIFY_WRITE, sites={"south"}), 404),
        (service(Scope.ALERTS_READ), 403),
        (person(Role.OPERATOR), 403),
    ],
)
async def test_from_elsewhere_with_a_service_token(
    loaded: FastAPI, principal: Principal, status: int
) -> None:
    loaded.state.api.authority = Known({"one": principal})
    async with near(loaded, "10.0.0.7") as client:
        client.headers["Authorization"] = "Bearer one"
        answer = await client.post("/internal/notify", json={**BODY, "receiver": "nobody"})
    assert answer.status_code == status


@pytest.mark.parametrize("token", [None, "short"])
async def test_without_a_secret_nobody_is_let_in(loaded: FastAPI, token: str | None) -> None:
    secrets = loaded.state.api.settings.state_dir / "secrets"
    (secrets / "internal-notify").unlink()
    if token is not None:
        write_secret(secrets, "internal-notify", token)
    async with near(loaded) as client:
        headers = {"Authorization": f"Bearer {token or ''}"}
        answer = await client.post("/internal/notify", json=BODY, headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"title": None}, 422, "body.title"),
        ({"title": ""}, 422, "body.title"),
        ({"title": "x" * 201}, 422, "body.title"),
        ({"title": "a\nb"}, 422, "body.title"),
        ({"text": "x" * 2001}, 422, "body.text"),
        ({"severity": "worst"}, 422, "body.severity"),
        ({"link": "javascript:alert(1)"}, 422, "body.link"),
        ({"receiver": "nobody"}, 422, "body.receiver"),
        ({"site_id": "nowhere"}, 404, None),
        ({"site_id": "a/b"}, 422, "body.site_id"),
    ],
)
async def test_what_is_wrong_is_named(
    loaded: FastAPI, change: dict[str, Any], status: int, field: str | None
) -> None:
    async with near(loaded) as client:
        answer = await client.post("/internal/notify", json={**BODY, **change})
    assert answer.status_code == status
    if field is not None:
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        if field == "body.receiver":
            assert error["detail"].endswith("exists: desk")


async def test_a_body_that_is_too_large(loaded: FastAPI) -> None:
    async with near(loaded) as client:
        answer = await client.post("/internal/notify", json={**BODY, "text": "x" * 70_000})
    assert answer.status_code == 413


async def test_preview_shows_each_channel_by_the_documents_templates(
    loaded: FastAPI, client: httpx.AsyncClient
) -> None:
    answer = await client.post(
        "/v1/notifications/preview",
        json={"receiver": "desk", "site_id": "north", "severity": "critical", "alerts": 13},
    )
    assert answer.status_code == 200
    chat, log = answer.json()
    assert (chat["channel"], chat["language"]) == ("gchat", "pt")
    assert chat["subject"].startswith("Crítico: 13 alertas")
    assert [len(message["cardsV2"]) for message in chat["messages"]] == [3]
    assert (log["channel"], log["text"], log["messages"]) == ("log", "critical 13", [])


async def test_preview_tries_a_template_and_names_what_is_wrong(
    loaded: FastAPI, client: httpx.AsyncClient
) -> None:
    wrong = await client.post(
        "/v1/notifications/preview",
        json={"receiver": "desk", "subject": "{{ nope }}", "text": "{% set x = 1 %}"},
    )
    right = await client.post(
        "/v1/notifications/preview",
        json={"receiver": "desk", "channel": "log", "text": "{{ alerts[0].title }}"},
    )
    assert wrong.status_code == 422
    assert [error["field"] for error in wrong.json()["errors"]] == ["body.subject", "body.text"]
    assert "'nope' is undefined" in wrong.json()["errors"][0]["detail"]
    (log,) = right.json()
    assert log["text"].startswith("person at Gate")


def result(name: str, **more: Any) -> NotifyResult:
    fields: dict[str, Any] = {
        "result_id": f"r-{name}",
        "notification_id": name,
        "site_id": "north",
        "receiver": "desk",
        "outcome": Outcome.DELIVERED,
        "attempt": 1,
        "at": AT,
        "kind": "internal",
    }
    return NotifyResult(**{**fields, **more})


async def test_outcomes_find_who_waits_and_the_first_one_stands() -> None:
    outcomes = Outcomes()
    with outcomes.wait("n-1") as one, outcomes.wait("n-1") as two, outcomes.wait("n-2") as other:
        outcomes.told(result("n-1", attempt=2))
        outcomes.told(result("n-1", attempt=0))
        outcomes.told(result("n-1", kind="alert"))
        assert not one.done()
        outcomes.told(result("n-1"))
        outcomes.told(result("n-1", outcome=Outcome.FAILED))
        assert one.result() is two.result()
        assert one.result().outcome is Outcome.DELIVERED
        assert not other.done()
    with outcomes.wait("n-1") as again:
        assert again.done()


async def test_outcomes_are_bounded() -> None:
    outcomes = Outcomes(recent=2, waiting=1)
    for number in range(5):
        outcomes.told(result(f"n-{number}"))
    with outcomes.wait("n-0") as forgotten:
        assert not forgotten.done()
        with pytest.raises(Overloaded), outcomes.wait("n-9"):
            pass
    with outcomes.wait("n-4") as known:
        assert known.done()
    await asyncio.sleep(0)
