"""Addresses that take no scope; whatever else has none is a mistake."""

from __future__ import annotations

from typing import Final

from api.dashboard.serve import ROUTES, TOP

__all__ = ["OPEN", "OWN", "THEIRS"]

OPEN: Final = frozenset(
    {
        "/.well-known/jwks.json",
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/sign-in/{code}",
        "/v1/auth/link",
        "/v1/auth/logout",
        "/v1/auth/methods",
        "/v1/auth/oidc/callback",
        "/v1/auth/oidc/start",
        "/v1/auth/token",
        "/v1/problems/{code}",
        "/assets/{name}",
        *ROUTES,
        *TOP,
    }
)
"""For everybody: the pages' files, how this server is, what problems mean, and how to sign in."""

OWN: Final = frozenset({"/internal/notify"})
"""Looks at credentials itself: it takes a secret beside a service token."""

THEIRS: Final = frozenset(
    {
        "/v1/me",
        "/v1/me/password",
        "/v1/me/push",
        "/v1/me/push/{push_id}",
        "/v1/me/push/{push_id}/test",
        "/v1/me/sessions",
        "/v1/me/sessions/{session_id}",
        "/v1/me/totp",
    }
)
"""For whoever is signed in, about themselves."""
