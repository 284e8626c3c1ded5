"""The whole OpenAPI document against the server, by schemathesis: right and wrong requests.

No answer is out of the document: not its status, its type, its headers or its body; and none is a
defect. `WATCHFLOOR_TEST_EXAMPLES=500` does it for as long as that takes.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.account.identity import ROLE_SCOPES, Role
from infra.settings import Settings
from tests.integration.api.callers import signed, user
from tests.integration.api.support import Stack, is_ready, serving, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

EXAMPLES: Final = int(os.environ.get("WATCHFLOOR_TEST_EXAMPLES", "12"))
LONG: Final = "WATCHFLOOR_TEST_EXAMPLES" in os.environ

WHO: Final[Mapping[str, Role | None]] = {"nobody": None, **{role.value: role for role in Role}}
"""Who asks."""

CHECKS: Final = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def server(api_settings: Settings, stack: Stack) -> Iterator[Stack]:
    """A façade that waits for nobody, and may ask no device: whatever is asked for is refused."""
    from dataclasses import replace

    alone = replace(
        api_settings,
        device_networks=("192.0.2.0/30",),
        rate_limits=("read=0", "write=0", "events=0", "costly=0", "export=0", "sign-in=0"),
    )
    with serving(alone, decision_wait_s=0.05) as found:
        wait_until(lambda: is_ready(found), "the façade is ready", 120)
        yield found


@pytest.fixture(scope="module")
def document(server: Stack) -> Any:
    with server.client() as client:
        return schemathesis.openapi.from_dict(client.get("/openapi.json").json())


def spare(answer: Any) -> bool:
    """A 503 that says when to come again is an answer, and no defect."""
    return answer.status_code == 503 and "retry-after" in answer.headers


def asker(server: Stack, who: str, path: str) -> dict[str, str]:
    """A token of a role, which nothing that is asked can take away; of oneself, a person asks."""
    role = WHO[who]
    if role is None:
        return {}
    if path.startswith("/v1/me"):
        name = f"generated-{who}-{uuid.uuid4().hex[:8]}"
        return user(server.settings, server.url, name, role)
    return signed(server.settings, server.url, f"generated-{who}", ROLE_SCOPES[role])


def ask(operation: Any, url: str, headers: Mapping[str, str]) -> None:
    """Right and wrong requests of one operation."""
    strategy = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @given(case=strategy)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=not LONG,
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Case[Any]) -> None:
        answer = case.call(base_url=url, headers=dict(headers), timeout=60)
        assert answer.status_code < 500 or spare(answer) or ready(case), answer.text
        case.validate_response(answer, checks=CHECKS)

    check()


@pytest.mark.parametrize("who", WHO)
def test_every_operation_answers_as_it_is_described(server: Stack, document: Any, who: str) -> None:
    asked: set[str] = set()
    wrong: list[str] = []
    for found in document.get_all_operations():
        operation = found.ok()
        try:
            ask(operation, server.url, asker(server, who, operation.path))
        except Exception as error:
            # One says nothing of the others: all of them are told.
            wrong.append(f"{operation.label}: {error}")
        asked.add(operation.label)
    assert wrong == []
    with server.client() as client:
        described = client.get("/openapi.json").json()["paths"]
        assert client.get("/health/ready").status_code == 200
    assert len(asked) == sum(len(operations) for operations in described.values())


def ready(case: Case[Any]) -> bool:
    """The one whose 503 is what it is for."""
    return case.path == "/health/ready"
