"""A provider of OpenID Connect on loopback, that can be told to misbehave."""

from __future__ import annotations

import base64
import contextlib
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec
import uvicorn
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jws, jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from api.binding import listen
from tests.integration.api.people import Clock
from tests.integration.api.support import wait_until

__all__ = ["CLIENT", "SECRET", "Provider", "providing"]

CLIENT: Final = "watchfloor-desk"
SECRET: Final = "of the provider's client"


def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)


@dataclass
class Provider:
    """issuer: as it calls itself. who: the claims of whoever signs in.

    claims: put over what a token says; None takes one away; exp is seconds from now. sign: how a
    token is signed.
    """

    clock: Clock
    issuer: str = ""
    who: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    sign: str = "RS256"
    said_issuer: str | None = None
    down: bool = False
    huge: bool = False
    key: RSAKey = field(default_factory=new_key)
    public: KeySet | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def well(self, **who: Any) -> None:
        """Behave, and let somebody sign in."""
        self.who = {"sub": secrets.token_hex(8), "preferred_username": "kim", "groups": ["soc"]}
        self.who |= who
        self.claims, self.sign, self.said_issuer = {}, "RS256", None
        self.down = self.huge = False
        self.public = None

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.said_issuer or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
        }

    def id_token(self, nonce: str) -> str:
        now = int(self.clock().timestamp())
        said: dict[str, Any] = {"iss": self.issuer, "aud": CLIENT, "iat": now, "nonce": nonce}
        said |= {"exp": 300} | self.who | self.claims
        if said["exp"] is not None:
            said["exp"] += now
        said = {name: value for name, value in said.items() if value is not None}
        header = {"alg": self.sign, "kid": self.key.kid}
        if self.sign == "none":
            parts = (msgspec.json.encode(header), msgspec.json.encode(said), b"")
            return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts)
        if self.sign == "HS256":
            # The public key, which everybody has, as if it were a secret.
            pem = self.key.as_pem(private=False)
            secret = OctKey.import_key(base64.urlsafe_b64encode(pem).decode())
            return jws.serialize_compact(
                header, msgspec.json.encode(said), secret, algorithms=["HS256"]
            )
        return jwt.encode(header, said, self.key, algorithms=["RS256"])

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def discover() -> Response:
            if self.down:
                return Response(status_code=503)
            if self.huge:
                return Response(b"[" * 2_000_000, media_type="application/json")
            return JSONResponse(self.document())

        @app.get("/keys")
        def keys() -> Response:
            found = self.public or KeySet([self.key])
            return JSONResponse(found.as_dict(private=False))

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            self.asked.append(asked)
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"]})
            return RedirectResponse(f"{asked['redirect_uri']}?{back}", status_code=302)

        @app.post("/token")
        async def token(request: Request) -> Response:
            form = dict(parse_qsl((await request.body()).decode()))
            asked = self.codes.pop(form.get("code", ""), None)
            expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            if (
                asked is None
                or request.headers.get("authorization") != f"Basic {expected}"
                or form["grant_type"] != "authorization_code"
                or form["redirect_uri"] != asked["redirect_uri"]
                or create_s256_code_challenge(form["code_verifier"]) != asked["code_challenge"]
            ):
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
            return JSONResponse(
                {
                    "access_token": secrets.token_urlsafe(16),
                    "token_type": "Bearer",
                    "id_token": self.id_token(asked["nonce"]),
                }
            )

        return app


@contextlib.contextmanager
def providing(clock: Clock) -> Iterator[Provider]:
    """The provider on a free port, in a thread of its own."""
    provider = Provider(clock)
    socket = listen("127.0.0.1", 0)
    provider.issuer = f"http://127.0.0.1:{socket.getsockname()[1]}"
    provider.well()
    config = uvicorn.Config(provider.app(), log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[socket]), daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "the provider starts")
        assert thread.is_alive()
        yield provider
    finally:
        server.should_exit = True
        thread.join(15)
        socket.close()
        assert not thread.is_alive()
