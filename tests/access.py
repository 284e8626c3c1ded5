"""Addresses that take no scope; whatever else has none is a mistake."""

from __future__ import annotations

from typing import Final

__all__ = ["OPEN", "OWN", "THEIRS"]

OPEN: Final = frozenset(
    {
        "/",
        "/.well-known/jwks.json",
        "/devices",
        "/favicon.ico",
        "/health/live",
        "/health/ready",
        "/live/app.js",
        "/live/devices.js",
        "/live/dom.js",
        "/live/session.js",
        "/live/sign-in.js",
        "/live/style.css",
        "/live/uptime.js",
        "/live/view.js",
        "/openapi.json",
        "/sign-in",
        "/sign-in/{code}",
        "/v1/auth/link",
        "/v1/auth/logout",
        "/v1/auth/methods",
        "/v1/auth/oidc/callback",
        "/v1/auth/oidc/start",
        "/v1/auth/token",
        "/v1/problems/{code}",
    }
)
"""For everybody: the pages' files, how this server is, what problems mean, and how to sign in."""

OWN: Final = frozenset({"/internal/notify"})
"""Looks at credentials itself: it takes a secret beside a service token."""

THEIRS: Final = frozenset(
    {
        "/v1/me",
        "/v1/me/password",
        "/v1/me/sessions",
        "/v1/me/sessions/{session_id}",
        "/v1/me/totp",
    }
)
"""For whoever is signed in, about themselves."""
