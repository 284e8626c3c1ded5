"""The process in which Apprise runs: one request on standard input, one answer, and gone.

An audit hook (PEP 578) sees every connect of Python's sockets with the address that is really
connected to, whatever name it came from and whatever redirect led there; what the policy refuses
is stopped there. Programs are not started, and sockets of this machine (D-Bus) are not opened.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import os
import resource
import sys
import tempfile
from typing import Any

from msgspec import Struct, json

from agents.notify.targets import Policy, refusal

MEMORY = 1_500 * 1024 * 1024


class Asked(Struct, frozen=True):
    """What to send where. picture: a JPEG, base64."""

    url: str
    title: str
    body: str
    kind: str
    internal: bool
    networks: list[str]
    picture: str | None
    seconds: float


class Refused(PermissionError):
    """The policy does not allow this."""


class Warden:
    """The hook. refused: what was stopped first, for the answer."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.refused = ""

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto"):
            self._address(args[1])
        elif event.startswith("syslog."):
            self._stop("it would write this machine's log")
        elif event in ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork"):
            self._stop("it would start a program")

    def _address(self, address: Any) -> None:
        if not isinstance(address, tuple) or not address:
            self._stop("it would open a socket of this machine")
            return
        try:
            found = ipaddress.ip_address(str(address[0]).partition("%")[0])
        except ValueError:
            self._stop("it would connect by a name that nobody checked")
            return
        reason = refusal(found, self._policy)
        if reason is not None:
            self._stop(f"{found} is {reason}")

    def _stop(self, reason: str) -> None:
        self.refused = self.refused or reason
        raise Refused(reason)


def run(asked: Asked) -> tuple[bool, str]:
    """Send it; whether it was taken, and what was refused."""
    import apprise

    warden = Warden(
        Policy(asked.internal, tuple(ipaddress.ip_network(text) for text in asked.networks))
    )
    asset = apprise.AppriseAsset(app_id="Watchfloor", async_mode=False, secure_logging=True)
    sender = apprise.Apprise(asset=asset)
    if not sender.add(asked.url):
        return False, "its URL is none that Apprise knows"
    sys.addaudithook(warden)
    with contextlib.ExitStack() as stack:
        attach = None
        if asked.picture is not None:
            file = stack.enter_context(tempfile.NamedTemporaryFile(suffix=".jpg"))
            file.write(base64.b64decode(asked.picture))
            file.flush()
            attach = file.name
        taken = sender.notify(
            body=asked.body, title=asked.title, notify_type=asked.kind, attach=attach
        )
    return bool(taken), warden.refused


def main() -> None:
    """Read, bound, send, answer."""
    asked = json.decode(sys.stdin.buffer.read(), type=Asked)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
    out = os.dup(1)
    # What a plugin prints is no part of the answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    taken, refused = run(asked)
    os.write(out, json.encode({"taken": taken, "refused": "" if taken else refused}))


if __name__ == "__main__":
    main()
