"""A simulated site: several cameras, people and vehicles, and the truth about every frame."""

from agents.capture.simulator.address import (
    SCHEME,
    SimulatorAddress,
    SimulatorAddressError,
    parse_address,
)
from agents.capture.simulator.document import SITE_ID, site_document
from agents.capture.simulator.oracle import ObservedEvent, Score, score, together
from agents.capture.simulator.scene import SCENES, Scene, UnknownSceneError
from agents.capture.simulator.site import (
    NoSignalError,
    SimulatedSite,
    UnknownCameraError,
    Zone,
)
from agents.capture.simulator.truth import FrameTruth, SceneObject, Signal, Stay

__all__ = [
    "SCENES",
    "SCHEME",
    "SITE_ID",
    "FrameTruth",
    "NoSignalError",
    "ObservedEvent",
    "Scene",
    "SceneObject",
    "Score",
    "Signal",
    "SimulatedSite",
    "SimulatorAddress",
    "SimulatorAddressError",
    "Stay",
    "UnknownCameraError",
    "UnknownSceneError",
    "Zone",
    "parse_address",
    "score",
    "site_document",
    "together",
]
