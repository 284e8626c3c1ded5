"""The vendors' words and ours. What is not listed keeps its own name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from schemas.base import Severity

__all__ = [
    "DEVICE_TYPES",
    "INPUT",
    "INPUT_SEVERITY",
    "event_type",
    "input_type",
    "label_of",
    "target_of_kind",
]

INPUT: Final = "alarm_input"
INPUT_SEVERITY: Final = Severity.MEDIUM
"""Nobody but its owner knows what an input is: routes and zones say how bad."""

_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # Hikvision, ISAPI's eventType.
        "vmd": "motion",
        "pir": "motion",
        "linedetection": "line_crossing",
        "fielddetection": "intrusion",
        "regionentrance": "region_entrance",
        "regionexiting": "region_exit",
        "loitering": "loitering",
        "group": "crowding",
        "peopledetection": "crowding",
        "unattendedbaggage": "unattended_object",
        "attendedbaggage": "removed_object",
        "facedetection": "face",
        "anpr": "license_plate",
        "io": INPUT,
        "tamperdetection": "covered_lens",
        "shelteralarm": "covered_lens",
        "scenechangedetection": "moved_camera",
        "videoloss": "video_loss",
        "diskfull": "disk_full",
        "diskerror": "disk_error",
        "nicbroken": "network_broken",
        "ipconflict": "address_conflict",
        "illaccess": "illegal_login",
        # Dahua and Intelbras, the event manager's Code.
        "videomotion": "motion",
        "smartmotionhuman": "motion",
        "smartmotionvehicle": "motion",
        "crosslinedetection": "line_crossing",
        "crossregiondetection": "intrusion",
        "wanderdetection": "loitering",
        "staydetection": "loitering",
        "crowddetection": "crowding",
        "rioterdetection": "crowding",
        "leftdetection": "unattended_object",
        "takenawaydetection": "removed_object",
        "trafficjunction": "license_plate",
        "alarmlocal": INPUT,
        "videoblind": "covered_lens",
        "scenechange": "moved_camera",
        "storagenotexist": "disk_error",
        "storagefailure": "disk_error",
        "storagelowspace": "disk_full",
        "netabort": "network_broken",
        "loginfailure": "illegal_login",
    }
)

DEVICE_TYPES: Final[Mapping[str, Severity]] = MappingProxyType(
    {
        "covered_lens": Severity.HIGH,
        "moved_camera": Severity.MEDIUM,
        "video_loss": Severity.HIGH,
        "disk_full": Severity.MEDIUM,
        "disk_error": Severity.HIGH,
        "network_broken": Severity.HIGH,
        "address_conflict": Severity.MEDIUM,
        "illegal_login": Severity.HIGH,
    }
)
"""What is about the device itself, whatever its zones are, and how bad."""

PEOPLE: Final = frozenset({"human", "person", "people", "pedestrian", "humanbody"})
VEHICLES: Final = frozenset({"vehicle", "car", "motor", "motorvehicle", "nonmotor"})
VEHICLE_LABELS: Final = ("car", "truck", "bus", "motorcycle", "bicycle", "vehicle")


def event_type(kind: str) -> str:
    """Ours, or the vendor's own, cut to what a type may have."""
    return _TYPES.get(kind.lower(), kind)[:63]


def input_type(number: int | None) -> str:
    """The type of an input's event. Each input has one of its own: a device, and a type, is one
    situation, and a door that is shut must not end the alert about another one."""
    return INPUT if number is None else f"{INPUT}_{number}"


def target_of_kind(kind: str) -> str | None:
    """What a kind says of its target by its name."""
    return {"smartmotionhuman": "human", "smartmotionvehicle": "vehicle"}.get(kind.lower())


def label_of(target: str | None, zone_labels: Collection[str]) -> str | None:
    """What was seen, in the detector's words; None where the vendor's word says nothing.

    A vendor's `vehicle` is whichever vehicle the zone asks for: a doubt sends rather than drops.
    """
    word = (target or "").lower().replace("_", "")
    if word in PEOPLE:
        return "person"
    if word in VEHICLES:
        return next((label for label in VEHICLE_LABELS if label in zone_labels), "car")
    if not word or word in {"others", "other", "unknown", "all", "none"}:
        return None
    return (target or "")[:63]
