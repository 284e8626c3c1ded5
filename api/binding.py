"""The address to listen on: loopback only, until there are accounts."""

from __future__ import annotations

import errno
import ipaddress
import resource
import socket

from infra.errors import MachineError, SettingsError

__all__ = ["allow_files", "listen", "require_loopback"]


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


def require_loopback(host: str) -> str:
    """The host's first address. Raises SettingsError unless each of its addresses is loopback."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"api_host: {host!r} is no address of this machine", hint="Use 127.0.0.1."
        ) from error
    addresses = [str(info[4][0]) for info in found]
    open_ones = [a for a in addresses if not ipaddress.ip_address(a.split("%")[0]).is_loopback]
    if open_ones or not addresses:
        raise SettingsError(
            f"api_host: {host!r} is reachable from outside ({', '.join(open_ones)}), and the API "
            "has no accounts yet",
            hint="Use 127.0.0.1, and a tunnel (ssh -L) to reach it from another machine.",
        )
    return addresses[0]


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises SettingsError for an open address, MachineError for a
    port that is taken or not allowed."""
    address = require_loopback(host)
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
