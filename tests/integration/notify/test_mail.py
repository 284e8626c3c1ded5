"""E-mail by a real SMTP server: TLS both ways, the picture inside, refusals, silence, lies."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from agents.notify.errors import ChannelError, ChannelTimeoutError
from agents.notify.senders.mail import EmailSender
from agents.notify.targets import NOWHERE_INTERNAL
from agents.notify.web import Web
from schemas.document import Template
from schemas.notification import NotifyStatus
from tests.integration.notify.servers import Authority, speaking
from tests.unit.agents.notify.parts import channel, job, line, request

JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
SECRETS = {"mail": "watch:pa55word"}


@dataclass
class Box:
    """What a server took. refuses: recipients, with the answer that each gets."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    users: list[bytes] = field(default_factory=list)
    tls: list[bool] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    data: str = "250 taken"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if not self.data.startswith("250"):
            return self.data
        content = envelope.content
        assert isinstance(content, bytes)
        parsed = message_from_bytes(content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.to.append(list(envelope.rcpt_tos))
        assert server.transport is not None
        self.tls.append(server.transport.get_extra_info("ssl_object") is not None)
        return self.data

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login)
        return AuthResult(success=data.password == b"pa55word", handled=False)


@asynccontextmanager
async def smtp(
    context: ssl.SSLContext | None = None, *, implicit: bool = False
) -> AsyncIterator[Box]:
    """A server on a free port. context: offers STARTTLS, or speaks TLS from the first byte."""
    box = Box()
    sessions: list[SMTP] = []

    def protocol() -> SMTP:
        one = SMTP(
            box,
            hostname="127.0.0.1",
            tls_context=None if implicit else context,
            authenticator=box.login,
            auth_required=False,
            auth_require_tls=not implicit,
            enable_SMTPUTF8=True,
        )
        sessions.append(one)
        return one

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if implicit else None
    )
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        for one in sessions:
            if isinstance(one.transport, asyncio.Transport):
                one.transport.abort()
        await asyncio.sleep(0)


def mailer(port: int, ca_file: str | None = None, **more: Any) -> Any:
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "from": "Watch <watch@example.org>",
        "to": ["kim@example.org", "lee@example.org"],
        **more,
    }
    if ca_file is not None:
        options["ca_file"] = ca_file
    return channel("email", **options)


async def send(one: Any, web: Web, **more: Any) -> Any:
    return await EmailSender().send(job(one, SECRETS, **more), web)


@pytest.mark.parametrize("implicit", [False, True])
async def test_by_starttls_and_by_tls_from_the_first_byte(
    web: Web, trusted: Authority, ca_file: str, implicit: bool
) -> None:
    async with smtp(trusted.server, implicit=implicit) as box:
        how = "implicit" if implicit else "starttls"
        one = mailer(box.port, ca_file, tls=how, credentials="mail")
        taken = await send(one, web)
    assert taken.reference == "n-1"
    (mail,) = box.mails
    assert box.to == [["kim@example.org", "lee@example.org"]]
    assert (box.users, box.tls) == ([b"watch"], [True])
    assert mail["Subject"] == "High: person at Gate (yard), North depot"
    assert mail["Message-ID"] == "<n-1@watchfloor.invalid>"
    assert mail["From"] == "Watch <watch@example.org>"
    assert mail["Date"] == "Mon, 02 Mar 2026 10:00:00 +0000"


async def test_text_html_and_the_picture_inside_it(web: Web, ca_file: str) -> None:
    async with smtp() as box:
        await send(mailer(box.port, tls="none"), web, picture=JPEG)
    (mail,) = box.mails
    assert mail.get_content_type() == "multipart/alternative"
    plain, related = mail.iter_parts()
    assert isinstance(plain, EmailMessage)
    assert isinstance(related, EmailMessage)
    assert "person at Gate" in plain.get_content()
    html, image = related.iter_parts()
    assert isinstance(html, EmailMessage)
    assert isinstance(image, EmailMessage)
    assert image.get_content_type() == "image/jpeg"
    assert image.get_content() == JPEG
    assert image["Content-Disposition"].startswith("inline")
    assert f'src="cid:{image["Content-ID"].strip("<>")}"' in html.get_content()
    assert "person at Gate" in html.get_content()


@pytest.mark.parametrize(
    ("options", "status", "picture"),
    [
        ({"picture": False}, NotifyStatus.FIRING, JPEG),
        ({}, NotifyStatus.RESOLVED, JPEG),
        ({}, NotifyStatus.FIRING, None),
        ({}, NotifyStatus.FIRING, b"\xff\xd8\xff" + b"x" * 6_000_000),
    ],
)
async def test_no_picture(
    web: Web, options: dict[str, Any], status: NotifyStatus, picture: bytes | None
) -> None:
    async with smtp() as box:
        one = mailer(box.port, tls="none", **options)
        await send(one, web, of=request(status=status), picture=picture)
    assert not [part for part in box.mails[0].walk() if part.get_content_maintype() == "image"]


async def test_a_server_without_tls_gets_neither_the_password_nor_the_mail(
    web: Web, ca_file: str
) -> None:
    async with smtp() as box:
        with pytest.raises(ChannelError):
            await send(mailer(box.port, ca_file, credentials="mail"), web)
        with pytest.raises(ChannelError, match="credentials need tls"):
            await send(mailer(box.port, tls="none", credentials="mail"), web)
    assert (box.mails, box.users) == ([], [])


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_certificate_that_nobody_knows_is_not_believed(
    web: Web, trusted: Authority, implicit: bool
) -> None:
    async with smtp(trusted.server, implicit=implicit) as box:
        with pytest.raises(ChannelError):
            await send(mailer(box.port, tls="implicit" if implicit else "starttls"), web)
    assert box.mails == []


async def test_a_wrong_password_is_no_reason_to_give_up_for_good(
    web: Web, trusted: Authority, ca_file: str
) -> None:
    async with smtp(trusted.server) as box:
        one = mailer(box.port, ca_file, credentials="mail")
        with pytest.raises(ChannelError, match="answered 535") as caught:
            await EmailSender().send(job(one, {"mail": "watch:wr0ng"}), web)
    assert not caught.value.final
    assert "wr0ng" not in str(caught.value)


async def test_one_address_that_is_refused_keeps_nobody_else_from_theirs(web: Web) -> None:
    async with smtp() as box:
        box.refuses["kim@example.org"] = "550 no such user"
        await send(mailer(box.port, tls="none"), web)
    assert box.to == [["lee@example.org"]]


@pytest.mark.parametrize(("answer", "final"), [("550 no such user", True), ("450 later", False)])
async def test_all_addresses_refused(web: Web, answer: str, final: bool) -> None:
    async with smtp() as box:
        box.refuses = dict.fromkeys(("kim@example.org", "lee@example.org"), answer)
        with pytest.raises(ChannelError, match="refused every recipient") as caught:
            await send(mailer(box.port, tls="none"), web)
    assert caught.value.final is final


@pytest.mark.parametrize(
    ("answer", "final"), [("554 spam", True), ("451 greylisted", False), ("421 busy", False)]
)
async def test_the_mail_refused(web: Web, answer: str, final: bool) -> None:
    async with smtp() as box:
        box.data = answer
        with pytest.raises(ChannelError, match=f"answered {answer[:3]}") as caught:
            await send(mailer(box.port, tls="none"), web)
    assert caught.value.final is final
    assert "spam" not in str(caught.value)


@pytest.mark.parametrize("greeting", [b"", b"220 hello\r\n"])
async def test_a_server_that_is_silent_is_given_up(web: Web, greeting: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        try:
            await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ChannelTimeoutError):
            await send(mailer(port, tls="none", timeout=0.3), web)
    finally:
        server.close()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad\r\n\r\n", b"\x00" * 5000, b"220-" + b"x" * 1_000_000, b"nonsense"]
)
async def test_a_server_that_talks_nonsense(web: Web, answer: bytes) -> None:
    async with speaking(answer) as base:
        one = mailer(int(base.rpartition(":")[2]), tls="none", timeout=0.5)
        with pytest.raises(ChannelError):
            await send(one, web)


async def test_nobody_listens(web: Web) -> None:
    with pytest.raises(ChannelError, match="nobody answers"):
        await send(mailer(1, tls="none"), web)


async def test_an_internal_server_is_refused_unless_it_is_allowed(web: Web) -> None:
    async with smtp() as box:
        with pytest.raises(ChannelError, match="allow_internal_targets"):
            await send(mailer(box.port, tls="none"), web, policy=NOWHERE_INTERNAL)
    assert box.mails == []


async def test_nothing_of_an_alert_becomes_a_header(web: Web) -> None:
    bad = request(alerts=(line(title="person\r\nBcc: everybody@example.org\r\n\r\nbody"),))
    async with smtp() as box:
        await send(mailer(box.port, tls="none"), web, of=bad)
        evil = mailer(box.port, tls="none", **{"from": "a@b.org\r\nBcc: c@d.org"})
        with pytest.raises(ChannelError, match="no header"):
            await send(evil, web)
    (mail,) = box.mails
    assert mail["Bcc"] is None
    assert box.to == [["kim@example.org", "lee@example.org"]]


async def test_templates_and_letters_of_all_kinds(web: Web) -> None:
    template = Template(
        channel="email", subject="Atenção: {{ total }}", html="<b>{{ alerts[0].title }}</b>"
    )
    async with smtp() as box:
        of = request(alerts=(line(title="Straße & 人 <b>"),))
        await send(mailer(box.port, tls="none"), web, of=of, templates=(template,))
    (mail,) = box.mails
    assert mail["Subject"] == "Atenção: 1"
    html = mail.get_body(("html",))
    assert html is not None
    assert "<b>Straße &amp; 人 &lt;b&gt;</b>" in html.get_content()
