"""Examples for the API's description: a floor with a camera."""

from __future__ import annotations

from typing import Final

from api.device.schemas import DeviceKind
from api.examples import AT
from api.place.schemas import PlacesView, PlaceView, PlanImage, PlanView
from schemas.document import OnPlan, Position

__all__ = ["IMAGE", "PLACES"]

IMAGE: Final = PlanImage(
    location="/v1/sites/north/plans/ground/image",
    content_type="image/png",
    width=1600,
    height=1200,
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    at=AT,
)
PLACES: Final = PlacesView(
    plans=(
        PlanView(
            site_id="north",
            plan_id="ground",
            name="Ground floor",
            width_m=42.5,
            north_deg=0.0,
            image=IMAGE,
        ),
    ),
    places=(
        PlaceView(
            site_id="north",
            device_id="gate",
            kind=DeviceKind.CAMERA,
            name="Main gate",
            position=Position(lat=52.5163, lon=13.3777),
            floor_plan=OnPlan(plan="ground", x=0.5, y=0.1),
            heading_deg=270.0,
            fov_deg=84.5,
            range_m=30.0,
        ),
    ),
    without=3,
)
