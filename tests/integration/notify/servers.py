"""Real servers on loopback: vendors that answer, fail, hang and lie; a certificate authority."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own. ca: its PEM file, for `ca_file`."""

    ca: Path
    server: ssl.SSLContext


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> Any:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
    )


def authority(folder: Path, *names: str) -> Authority:
    """A CA, and a server's certificate for 127.0.0.1 and those names."""
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    ca = (
        _builder("test authority", "test authority", root)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(usage, critical=True)
        .sign(root, hashes.SHA256())
    )
    alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    alternatives += [x509.DNSName(name) for name in names]
    certificate = (
        _builder("test server", "test authority", leaf)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .sign(root, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "server.pem").write_bytes(
        certificate.public_bytes(pem)
        + leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return Authority(folder / "ca.pem", context)


@dataclass
class Seen:
    """A request that a server got."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


Handler = Callable[[Seen, web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """base: its URL. handler: what it does with a request; seen: what it got."""

    base: str = ""
    handler: Handler | None = None
    seen: list[Seen] = field(default_factory=list)
    hanging: int = 0

    def answers(self, status: int, body: Any = None, **headers: str) -> None:
        """Answer so from now on. body: JSON, or bytes as they are."""

        async def handle(seen: Seen, request: web.Request) -> web.StreamResponse:
            raw = (
                body
                if isinstance(body, bytes)
                else msgspec.json.encode({} if body is None else body)
            )
            plain = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, body=raw, headers=plain)

        self.handler = handle

    def hangs(self) -> None:
        """Never answer."""

        async def handle(seen: Seen, request: web.Request) -> web.StreamResponse:
            self.hanging += 1
            await asyncio.sleep(3600)
            return web.Response()

        self.handler = handle

    def floods(self, status: int = 200, megabytes: int = 200) -> None:
        """Answer with far too much."""

        async def handle(seen: Seen, request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(status=status)
            await response.prepare(request)
            try:
                for _ in range(megabytes * 16):
                    await response.write(b"x" * 65_536)
            except ConnectionError:
                pass
            return response

        self.handler = handle


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server on a free port; 204 to everything until it is told otherwise."""
    found = Server()

    async def handle(request: web.Request) -> web.StreamResponse:
        seen = Seen(
            request.method,
            request.path,
            dict(request.query),
            dict(request.headers),
            await request.read(),
        )
        found.seen.append(seen)
        if found.handler is None:
            return web.Response(status=204)
        return await found.handler(seen, request)

    app = web.Application(client_max_size=32 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    scheme = "http" if context is None else "https"
    found.base = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


@asynccontextmanager
async def speaking(answer: bytes, *, pause: float = 0.0, close: bool = True) -> AsyncIterator[str]:
    """Something that listens, and says `answer` to whatever it is told: a byte at a time where
    there is a pause; close: and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(65_536)
            if not pause:
                writer.write(answer)
            for byte in answer if pause else b"":
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(pause)
            await writer.drain()
            if not close:
                await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
