"""Who asks the façade in these tests: service tokens, made by this machine's own."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx

from api.account.identity import Scope
from infra.local_token import bearer
from infra.settings import Settings

__all__ = ["actor", "signed"]

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
