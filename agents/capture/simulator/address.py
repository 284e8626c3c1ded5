"""The address of a simulated camera: `sim:day?seed=1&camera=gate`."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote

from msgspec import Struct

from agents.capture.simulator.scene import SCENES
from agents.capture.simulator.site import SimulatedSite

__all__ = ["SCHEME", "SimulatorAddress", "SimulatorAddressError", "parse_address"]

SCHEME = "sim:"
_LONGEST = 200
_SEEDS = 2**31


class SimulatorAddressError(ValueError):
    """The text is no address of a simulated camera; the message says why, for a person."""


class SimulatorAddress(Struct, frozen=True, kw_only=True):
    """One camera of a simulated site. cameras: how many the site has; 0 for the scene's own."""

    scene: str
    seed: int
    camera_id: str
    cameras: int = 0

    def text(self) -> str:
        """The address as it is written."""
        more = f"&cameras={self.cameras}" if self.cameras else ""
        return f"{SCHEME}{self.scene}?seed={self.seed}&camera={quote(self.camera_id)}{more}"

    def site(self) -> SimulatedSite:
        """The site that the camera belongs to."""
        return SimulatedSite(self.scene, self.seed, cameras=self.cameras or None)


def parse_address(text: str) -> SimulatorAddress:
    """Read an address.

    `seed` is 1 and `camera` the scene's first unless they are given. Raises
    SimulatorAddressError on anything that names no simulated camera.
    """
    if len(text) > _LONGEST or not text.startswith(SCHEME):
        raise SimulatorAddressError(f"a simulated camera's address begins with {SCHEME!r}")
    scene, _, query = text.removeprefix(SCHEME).partition("?")
    if scene not in SCENES:
        known = ", ".join(SCENES)
        raise SimulatorAddressError(f"no scene is called {scene[:40]!r}. Scenes: {known}")
    fields: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True, max_num_fields=8):
        if key not in ("seed", "camera", "cameras") or key in fields:
            raise SimulatorAddressError(
                f"{key[:40]!r} is unknown or given twice. Known: seed, camera, cameras"
            )
        fields[key] = value
    seed = _number(fields.get("seed", "1"), "seed", _SEEDS)
    cameras = _number(fields.get("cameras", "0"), "cameras", 64)
    site = SimulatedSite(scene, seed, cameras=cameras or None)
    camera = fields.get("camera", site.cameras[0])
    if camera not in site.cameras:
        known = ", ".join(site.cameras)
        raise SimulatorAddressError(f"no camera is called {camera[:40]!r}. Cameras: {known}")
    return SimulatorAddress(scene=scene, seed=seed, camera_id=camera, cameras=cameras)


def _number(text: str, name: str, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > most:
        raise SimulatorAddressError(f"{name} is a whole number from 0 to {most}, not {text[:20]!r}")
    return int(text)
