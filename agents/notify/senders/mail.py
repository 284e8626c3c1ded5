"""E-mail by SMTP: STARTTLS or TLS from the first byte, the picture inside, a checked address."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import re
import socket
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Final

import aiosmtplib

from agents.notify.errors import ChannelError, ChannelTimeoutError
from agents.notify.senders.base import Job, Taken, Unconfirmed
from agents.notify.targets import resolve
from agents.notify.web import Web, trust
from schemas.notification import NotifyStatus

__all__ = ["EmailSender", "mail"]

PORTS: Final = {"starttls": 587, "implicit": 465, "none": 25}
MOST_PICTURE: Final = 5 * 1024 * 1024
_PICTURE_ID: Final = "snapshot"


def mail(job: Job, picture: bytes | None) -> EmailMessage:
    """The message: plain text, HTML beside it, and in that the picture, where there is one.

    The Message-ID is the notification's id, so that a server that folds copies folds ours. Raises
    ChannelError for addresses that are none.
    """
    said, request = job.said, job.request
    message = EmailMessage()
    try:
        message["From"] = job.options.text("from")
        message["To"] = ", ".join(job.options.words("to"))
        message["Subject"] = said.subject
        message["Date"] = format_datetime(job.now)
        message["Message-ID"] = f"<{job.key}@watchfloor.invalid>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Watchfloor-Notification"] = job.key
    except (ValueError, IndexError) as error:
        raise ChannelError(
            f"from, to or subject is no header: {type(error).__name__}", final=True
        ) from None
    message.set_content(said.text or said.subject)
    shown = (
        f'<p><img src="cid:{_PICTURE_ID}" alt="{escape(said.subject)}" width="640"></p>'
        if picture is not None
        else ""
    )
    message.add_alternative(f"<html><body>{said.html}{shown}</body></html>", subtype="html")
    if picture is not None:
        parts = message.get_payload()
        assert isinstance(parts, list)
        html = parts[1]
        assert isinstance(html, EmailMessage)
        html.add_related(
            picture,
            maintype="image",
            subtype="jpeg",
            cid=f"<{_PICTURE_ID}>",
            filename=f"{request.notification_id}.jpg",
            disposition="inline",
        )
    return message


def _own_name() -> str:
    """What we call ourselves in EHLO. Asking the name service for it can take seconds."""
    name = platform.node()
    return name if re.fullmatch(r"[A-Za-z0-9.-]{1,255}", name) else "localhost"


class EmailSender(Unconfirmed):
    """`host`, `port`, `tls` (`starttls` unless it says `implicit` or `none`), `from`, `to`.

    `credentials` (`user:password`) are never sent in the clear: without TLS they are refused.
    """

    async def send(self, job: Job, web: Web) -> Taken:
        """Return once the server took it for at least one of the addresses."""
        host = job.options.text("host")
        tls = job.options.text("tls", "starttls")
        if tls not in PORTS:
            raise ChannelError(f"tls is none of {', '.join(PORTS)}", final=True)
        port = job.options.number("port", PORTS[tls])
        target = f"smtp://{host}:{port}"
        login = job.options.pair("credentials") if job.options.has("credentials") else None
        if login is not None and tls == "none":
            raise ChannelError(f"{target}: credentials need tls", final=True)
        wanted = job.options.flag("picture", True) and job.request.status is NotifyStatus.FIRING
        picture = await job.picture() if wanted else None
        if picture is not None and len(picture) > MOST_PICTURE:
            picture = None
        message = mail(job, picture)
        try:
            async with asyncio.timeout(job.limit):
                await self._deliver(job, target, host, port, tls, login, message)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            raise ChannelTimeoutError(f"{target} did not answer in {job.limit:g} s") from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = sorted({refused.code for refused in error.recipients})
            raise ChannelError(
                f"{target} refused every recipient ({', '.join(map(str, codes))})",
                final=all(code >= 500 for code in codes),
            ) from None
        except aiosmtplib.SMTPResponseException as error:
            # Not what it said: servers quote what they were told, a password's name among it.
            raise ChannelError(
                f"{target} answered {error.code} ({type(error).__name__})",
                final=500 <= error.code < 600 and error.code not in (530, 535),
            ) from None
        except (aiosmtplib.SMTPException, OSError, UnicodeError, ValueError) as error:
            raise ChannelError(f"{target}: {type(error).__name__}", faulty=True) from None
        return Taken(reference=job.key)

    async def _deliver(
        self,
        job: Job,
        target: str,
        host: str,
        port: int,
        tls: str,
        login: tuple[str, str] | None,
        message: EmailMessage,
    ) -> None:
        sock = await _connect(host, port, await resolve(host, port, job.policy), target)
        client = aiosmtplib.SMTP(
            hostname=host,
            sock=sock,
            timeout=job.limit,
            use_tls=tls == "implicit",
            start_tls=tls == "starttls",
            tls_context=trust(job.ca_file),
            local_hostname=_own_name(),
        )
        try:
            await client.connect()
            if login is not None:
                await client.login(*login)
            await client.send_message(message)
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        finally:
            # It took the message, or never will: nobody waits for how it says goodbye.
            if isinstance(client.transport, asyncio.Transport):
                client.transport.abort()
            client.close()
            with contextlib.suppress(OSError):
                sock.close()


async def _connect(host: str, port: int, addresses: list[str], target: str) -> socket.socket:
    """A connection to the first address that answers."""
    loop = asyncio.get_running_loop()
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, (address, port))
        except OSError:
            sock.close()
            continue
        except BaseException:
            sock.close()
            raise
        return sock
    raise ChannelError(f"{target}: nobody answers", faulty=True)
