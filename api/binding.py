"""The address to listen on: loopback, or with TLS any of this machine's."""

from __future__ import annotations

import errno
import ipaddress
import resource
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from infra.errors import MachineError, SettingsError

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.tls import Tls

__all__ = ["allow_files", "answers_to", "listen", "require_address"]


def allow_files(count: int) -> bool:
    """Let this process have so many files open; False where its hard limit is below that.

    The soft limit is often 1024, for programs that use `select`; each connection is a file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= count:
        return True
    enough = hard == resource.RLIM_INFINITY or hard >= count
    resource.setrlimit(resource.RLIMIT_NOFILE, (count if enough else hard, hard))
    return enough


def require_address(host: str, *, tls: bool = False) -> str:
    """The host's first address. Raises SettingsError unless each of its addresses is loopback.

    tls: what goes over the network is encrypted, and any address will do.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"api_host: {host!r} is no address of this machine", hint="Use 127.0.0.1."
        ) from error
    addresses = [str(info[4][0]) for info in found]
    open_ones = [a for a in addresses if not ipaddress.ip_address(a.split("%")[0]).is_loopback]
    if (open_ones and not tls) or not addresses:
        raise SettingsError(
            f"api_host: {host!r} is reachable from outside ({', '.join(open_ones)}), where "
            "passwords and pictures would travel in the clear",
            hint="Set WATCHFLOOR_API_TLS_CERT and WATCHFLOOR_API_TLS_KEY ('watchfloor certificate' "
            "makes a pair to try), or use 127.0.0.1 and a tunnel (ssh -L).",
        )
    return addresses[0]


def answers_to(settings: Settings, tls: Tls | None) -> tuple[str, ...]:
    """The hosts that the server answers to beside loopback: those that are set, else those that
    its certificate is for; and where people are told that it is."""
    public = urlsplit(settings.api_public_url or "").hostname
    names = settings.api_allowed_hosts or (() if tls is None else tls.names)
    return (*names, public) if public else names


def listen(host: str, port: int, *, tls: bool = False) -> socket.socket:
    """A socket that listens there. Raises SettingsError for an open address without TLS,
    MachineError for a port that is taken or not allowed."""
    address = require_address(host, tls=tls)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is said: 40 ms an answer otherwise.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Without it a restart within a minute finds its own port taken.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address, port))
        found.listen(512)
    except OSError as error:
        found.close()
        raise _explain(address, port, error) from error
    found.set_inheritable(True)
    return found


def _explain(address: str, port: int, error: OSError) -> MachineError:
    if error.errno == errno.EADDRINUSE:
        return MachineError(
            f"api_port: {address}:{port} is in use by another program",
            hint="Set WATCHFLOOR_API_PORT to a free port, or stop that program.",
        )
    if error.errno == errno.EACCES:
        return MachineError(
            f"api_port: {address}:{port} may not be used by this user",
            hint="Set WATCHFLOOR_API_PORT to a port above 1023.",
        )
    return MachineError(f"api_port: {address}:{port}: {error.strerror}")
