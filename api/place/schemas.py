"""What is answered about where things are."""

from __future__ import annotations

from msgspec import Struct

from api.device.schemas import DeviceKind
from schemas.base import UtcTime
from schemas.document import OnPlan, Position

__all__ = ["PlaceView", "PlacesView", "PlanImage", "PlanView"]


class PlanImage(Struct, frozen=True, kw_only=True):
    """The picture of a plan, which `GET` at `location` has. width, height: pixels."""

    location: str
    content_type: str
    width: int
    height: int
    sha256: str
    at: UtcTime


class PlanView(Struct, frozen=True, kw_only=True):
    """A plan of a site. width_m: metres from left to right, where the document says so.

    north_deg: where north is, clockwise from the top. image: null until one is uploaded.
    """

    site_id: str
    plan_id: str
    name: str
    width_m: float | None
    north_deg: float
    image: PlanImage | None


class PlaceView(Struct, frozen=True, kw_only=True):
    """A camera or device that has a place. position: on earth; floor_plan: on a plan.

    heading_deg: where a camera looks, clockwise from north; fov_deg: the angle that it sees;
    range_m: how far.
    """

    site_id: str
    device_id: str
    kind: DeviceKind
    name: str
    position: Position | None
    floor_plan: OnPlan | None
    heading_deg: float | None = None
    fov_deg: float | None = None
    range_m: float | None = None


class PlacesView(Struct, frozen=True, kw_only=True):
    """Plans, and what has a place; by site and id. without: how many have none.

    tiles: where pictures of the earth are, with {z}, {x} and {y}, where settings say so.
    """

    plans: tuple[PlanView, ...]
    places: tuple[PlaceView, ...]
    without: int
    tiles: str | None = None
