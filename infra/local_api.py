"""The API of this state directory, asked by programs of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.errors import NotRunningError, WatchfloorError
from infra.local_token import bearer
from infra.tls import local_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from infra.settings import Settings

__all__ = ["ask", "client"]


def client(settings: Settings, timeout: float = 15) -> httpx.Client:
    """A client that is let in, and reads nothing from the environment. Raises NotRunningError."""
    import httpx

    return httpx.Client(
        base_url=settings.api_url,
        headers=bearer(settings),
        timeout=timeout,
        trust_env=False,
        verify=local_context(settings) or True,
    )


def ask(opened: httpx.Client, noun: str, params: Mapping[str, str]) -> dict[str, Any]:
    """The JSON that `GET /v1/NOUN` is answered with.

    Raises NotRunningError where nobody answers, and WatchfloorError with the API's own words.
    """
    import httpx

    try:
        reply = opened.get(f"/v1/{noun}", params=params)
        body: dict[str, Any] = reply.json()
    except (httpx.HTTPError, ValueError) as error:
        raise NotRunningError(
            f"the API at {opened.base_url} does not answer ({type(error).__name__})",
            hint="Start it with 'watchfloor up'.",
        ) from None
    if reply.status_code != 200:
        raise WatchfloorError(
            f"{noun}: {body.get('detail') or body.get('title')}",
            hint=f"watchfloor {noun} --help lists what can be asked.",
        )
    return body
