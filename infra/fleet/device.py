"""A device of the fleet, as it was planned."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Kind", "SimDevice"]

Kind = str


@dataclass(frozen=True, kw_only=True)
class SimDevice:
    """A device of the fleet. kind: isapi, dahua or onvif. channels: 0 for a camera.

    rtsp_port: of its streams; 0: it names 554, where nobody is. names_host: the host that it names
    in its addresses where that is not its own, as behind a router, or as a hostile one does.
    """

    device_id: str
    kind: Kind
    port: int
    channels: int = 0
    username: str = "admin"
    password: str = "simulated"  # noqa: S105  printed for whoever tries the fleet
    rtsp_port: int = 0
    names_host: str = ""
