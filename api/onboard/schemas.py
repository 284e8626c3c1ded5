"""What is asked to take a device on, and what is answered."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from infra.onboard.described import Stream
from schemas.base import CameraId, DeviceId, Name, SiteId

__all__ = [
    "CameraBody",
    "CameraTaken",
    "DescribedView",
    "LogIn",
    "PictureView",
    "RecorderBody",
    "RecorderTaken",
]

Address = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=300,
        pattern=r"^[^\x00-\x20\x7f]+$(?!\n)",
        description="a host, host:port or http(s) URL, without a user",
    ),
]
Username = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=r"^[^:\x00-\x1f\x7f]+$(?!\n)",
        description="a name of 1 to 128 characters without a colon",
    ),
]
Password = Annotated[
    str,
    Meta(
        max_length=512,
        pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)",
        description="a password of 512 characters at most",
    ),
]


class LogIn(Struct, frozen=True, kw_only=True):
    """A name and a password. They go into the vault, and come back in no answer."""

    username: Username
    password: Password = ""

    def __repr__(self) -> str:
        return "LogIn(***)"


class CameraBody(Struct, frozen=True, kw_only=True):
    """Which camera to take on, for which site.

    camera_id: the id of a new one; none: made of its name, its serial number or its address. name:
    for people.
    """

    site_id: SiteId
    address: Address
    credentials: LogIn | None = None
    camera_id: CameraId | None = None
    name: Name | None = None


class RecorderBody(Struct, frozen=True, kw_only=True):
    """Which recorder to take on, for which site.

    driver: how it is asked; `hikvision` is isapi, `intelbras` is dahua. channels: which of them
    become cameras, as the recorder numbers them; none: all.
    """

    site_id: SiteId
    address: Address
    driver: Literal["isapi", "hikvision", "dahua", "intelbras", "onvif"]
    credentials: LogIn | None = None
    device_id: DeviceId | None = None
    name: Name | None = None
    channels: (
        Annotated[
            tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...],
            Meta(min_length=1, max_length=256),
        ]
        | None
    ) = None


class DescribedView(Struct, frozen=True, kw_only=True):
    """What a device says of itself."""

    manufacturer: str | None
    model: str | None
    firmware: str | None
    serial: str | None


class PictureView(Struct, frozen=True, kw_only=True):
    """A picture. data: JPEG in base64; width, height: pixels of the stream that it is of."""

    data: bytes
    width: int
    height: int
    content_type: str = "image/jpeg"


class CameraTaken(Struct, frozen=True, kw_only=True):
    """A camera that was taken on. created: false where the site had it, and it was updated.

    revision: of the site's document that has it. main, sub: its streams, without credentials.
    """

    site_id: str
    camera_id: str
    name: str
    created: bool
    revision: int
    device: DescribedView
    main: Stream
    sub: Stream | None
    picture: PictureView


class RecorderTaken(Struct, frozen=True, kw_only=True):
    """A recorder that was taken on. camera_ids: of its channels, in order; new_camera_ids: of
    those that the site had not."""

    site_id: str
    device_id: str
    name: str
    created: bool
    revision: int
    device: DescribedView
    camera_ids: tuple[str, ...]
    new_camera_ids: tuple[str, ...]
