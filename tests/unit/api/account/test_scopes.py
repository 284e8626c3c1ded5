"""What a session may do, and what one may give to others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec import structs

from api.account.authority import scopes_of, token_principal
from api.account.identity import ROLE_SCOPES, Principal, Role, Scope
from api.account.records import Method, ServiceToken
from api.account.user.service import may_give

AT = datetime(2026, 3, 2, tzinfo=UTC)
ADMIN = Principal(
    id="u",
    name="kim",
    kind="user",
    role=Role.ADMIN,
    scopes=ROLE_SCOPES[Role.ADMIN],
    sites=None,
    session_id="s",
)
NORTH = structs.replace(ADMIN, sites=frozenset({"north"}))
CLERK = structs.replace(ADMIN, scopes=frozenset({Scope.USERS_ADMIN}))
"""May make users, and do nothing else."""


@pytest.mark.parametrize(
    ("method", "must_change", "some"),
    [
        (Method.PASSWORD, False, True),
        (Method.PASSWORD, True, False),
        (Method.FACTOR, True, False),
        (Method.LINK, True, True),  # nobody saw a password
        (Method.OIDC, True, True),
    ],
)
def test_a_password_that_others_saw_is_good_for_nothing_else(
    method: Method, must_change: bool, some: bool
) -> None:
    found = scopes_of(Role.OPERATOR, method, must_change)
    assert found == (ROLE_SCOPES[Role.OPERATOR] if some else frozenset())


@pytest.mark.parametrize(
    ("principal", "role", "sites", "expected"),
    [
        (ADMIN, Role.ADMIN, None, True),
        (ADMIN, Role.VIEWER, frozenset({"north"}), True),
        (NORTH, Role.ADMIN, frozenset({"north"}), True),
        (NORTH, Role.VIEWER, frozenset(), True),
        (NORTH, Role.VIEWER, None, False),
        (NORTH, Role.VIEWER, frozenset({"north", "south"}), False),
        (CLERK, Role.VIEWER, None, False),
    ],
)
def test_nobody_gives_more_than_they_have(
    principal: Principal, role: Role, sites: frozenset[str] | None, expected: bool
) -> None:
    assert may_give(principal, role, sites) is expected


def test_a_token_is_nobodys_name() -> None:
    token = ServiceToken(
        token_id="t",
        name="kim",
        scopes=frozenset({Scope.EVENTS_WRITE}),
        sites=frozenset({"north"}),
        created_by="lee",
        created_at=AT,
        expires_at=AT,
    )
    found = token_principal(token)
    assert found.name == "token/kim"
    assert (found.scopes, found.sites) == (token.scopes, token.sites)
    assert found.session_id is None
