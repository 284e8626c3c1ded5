"""Who asks the façade in these tests: service tokens, made by this machine's own."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx

from api.account.identity import Role, Scope
from infra.local_token import bearer
from infra.settings import Settings

__all__ = ["actor", "signed", "signed_in", "user"]

_made: dict[tuple[str, str, str], str] = {}
HOUR: Final = timedelta(hours=1)


def actor(name: str) -> str:
    """What is written down where that token acted."""
    return f"token/{name}"


def signed(
    settings: Settings,
    url: str,
    name: str,
    scopes: Collection[Scope] = tuple(Scope),
    sites: Collection[str] | None = None,
) -> dict[str, str]:
    """The header of the service token of that name; it is made when it is first asked for."""
    key = (str(settings.state_dir), settings.namespace, name)
    if key not in _made:
        body = {
            "name": name,
            "scopes": sorted(scopes),
            "sites": None if sites is None else sorted(sites),
            "expires_at": (datetime.now(UTC) + HOUR).isoformat(),
        }
        with httpx.Client(base_url=url, headers=bearer(settings), trust_env=False) as admin:
            answer = admin.post("/v1/tokens", json=body, timeout=60)
        assert answer.status_code == 201, answer.text
        _made[key] = answer.json()["token"]
    return {"Authorization": f"Bearer {_made[key]}"}


PASSWORD: Final = "not-the-first-one-7"


def user(
    settings: Settings, url: str, name: str, role: Role, sites: Collection[str] | None = None
) -> dict[str, str]:
    """The header of a new user of that name who has signed in, with a password of their own."""
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        body = {"name": name, "role": role, "sites": None if sites is None else sorted(sites)}
        made = client.post("/v1/users", json=body, headers=bearer(settings))
        assert made.status_code == 201, made.text
        first = made.json()["password"]
        headers = signed_in(client, name, first)
        change = {"old": first, "new": PASSWORD}
        changed = client.put("/v1/me/password", json=change, headers=headers)
        assert changed.status_code == 204, changed.text
    return headers


def signed_in(client: httpx.Client, name: str, password: str = PASSWORD) -> dict[str, str]:
    """The header of a session of its own."""
    form = {"grant_type": "password", "username": name, "password": password}
    answer = client.post("/v1/auth/token", data=form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
