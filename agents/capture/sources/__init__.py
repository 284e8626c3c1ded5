"""Where frames come from: RTSP, HTTP MJPEG, files, folders of images, the simulator."""

from agents.capture.sources.address import Address, Credentials, SourceKind, parse_address
from agents.capture.sources.base import (
    BrokenSourceError,
    CorruptFrameError,
    CredentialsError,
    Image,
    Limits,
    Source,
    SourceError,
    SourceFrame,
    UnreachableError,
)
from agents.capture.sources.opening import open_source

__all__ = [
    "Address",
    "BrokenSourceError",
    "CorruptFrameError",
    "Credentials",
    "CredentialsError",
    "Image",
    "Limits",
    "Source",
    "SourceError",
    "SourceFrame",
    "SourceKind",
    "UnreachableError",
    "open_source",
    "parse_address",
]
