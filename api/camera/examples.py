"""Examples for the API's description: a camera's picture."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from api.camera.schemas import NewestPicture
from api.examples import AT

__all__ = ["NEWEST"]

NEWEST: Final = NewestPicture(
    site_id="north",
    camera_id="gate",
    tag="1772489641213-1772489647451",
    captured_at=AT,
    received_at=AT + timedelta(milliseconds=51),
    live=True,
    age_s=2.6,
    width=640,
    height=360,
    location="/v1/cameras/gate/snapshot?site_id=north",
)
