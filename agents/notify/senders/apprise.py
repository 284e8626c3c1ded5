"""The long tail through the Apprise library, in a process of its own.

Apprise talks to a hundred services and says yes or no. It follows redirects, reads whole answers
and blocks; in a process of its own it is ended when its time is over, its memory is bounded, and
what it connects to is checked at the moment of connecting (`agents.notify.apprise_child`).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from agents.notify.errors import ChannelError, ChannelTimeoutError
from agents.notify.senders.base import Job, Taken, Unconfirmed
from agents.notify.web import Web
from schemas.notification import NotifyStatus

__all__ = ["AppriseSender"]

ROOT: Final = Path(__file__).resolve().parents[3]
AT_ONCE: Final = 2
START_S: Final = 8.0
"""Beside the channel's own limit: the library takes a second or two to be imported."""

MOST_PICTURE: Final = 2 * 1024 * 1024
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "HOME", "TMPDIR")
"""Of the environment: no secrets of others, and no proxy past the check of addresses."""


class AppriseSender(Unconfirmed):
    """`credentials`: the whole Apprise URL, which holds tokens; or `url`, where it holds none."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def send(self, job: Job, web: Web) -> Taken:
        """Return once Apprise says yes."""
        url = job.options.url()
        picture = None
        if job.options.flag("picture", False) and job.request.status is NotifyStatus.FIRING:
            picture = await job.picture()
        asked: dict[str, Any] = {
            "url": url,
            "title": job.said.subject,
            "body": job.said.text or job.said.subject,
            "kind": "success" if job.request.status is NotifyStatus.RESOLVED else "warning",
            "internal": job.policy.internal,
            "networks": [str(network) for network in job.policy.networks],
            "picture": base64.b64encode(picture).decode()
            if picture is not None and len(picture) <= MOST_PICTURE
            else None,
            "seconds": job.limit,
        }
        async with self._slots:
            await self._run(job, msgspec.json.encode(asked))
        return Taken()

    async def _run(self, job: Job, asked: bytes) -> None:
        name = job.options.name
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "agents.notify.apprise_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # It logs what it was given.
            stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT,
            env={key: os.environ[key] for key in _KEPT if key in os.environ},
        )
        try:
            async with asyncio.timeout(job.limit + START_S):
                out, _ = await process.communicate(asked)
        except TimeoutError:
            raise ChannelTimeoutError(f"{name} did not answer in {job.limit:g} s") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        try:
            answer = msgspec.json.decode(out[:4096])
            taken, refused = bool(answer["taken"]), str(answer["refused"])
        except (msgspec.DecodeError, TypeError, KeyError):
            raise ChannelError(
                f"{name}: Apprise ended with {process.returncode}", faulty=True
            ) from None
        if refused:
            raise ChannelError(f"{name}: {refused}", final=True)
        if not taken:
            raise ChannelError(f"{name}: Apprise says no", faulty=True)
