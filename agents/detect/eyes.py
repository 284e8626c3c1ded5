"""What a detect worker looks with: the model that is set, or motion and what OpenCV ships."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agents.detect.engine import Eye, ModelEye, MotionEye
from agents.detect.turns import Turns

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Eyes", "model_path"]

log = logging.getLogger("watchfloor.detect")


def model_path(settings: Settings) -> Path | None:
    """The file of the model that is set: a path, or a catalogue name under the cache.

    None where none is set. Raises ModelError where it is not there.
    """
    if settings.model is None:
        return None
    named = Path(settings.model).expanduser()
    if named.is_file():
        return named
    from agents.detect.shelf import find

    return find(settings.model, settings.cache_dir / "models")


@dataclass(frozen=True)
class Eyes:
    """The model, shared by all cameras, or none. note: what a person should know."""

    model: ModelEye | None
    sha256: str | None
    note: str

    @classmethod
    def open(cls, settings: Settings, turns: Turns | None = None) -> Eyes:
        """Open what the settings name. turns: who runs the model when.

        Raises ModelError where it cannot be used.
        """
        path = model_path(settings)
        if path is None:
            note = "no model: motion, and the people detector that OpenCV ships"
            log.warning("%s", note)
            return cls(None, None, note)
        from agents.detect.models import open_model
        from agents.detect.session import warm

        opened = open_model(path, settings.providers or None)
        opened.detector.turns = turns
        warm(opened.detector)
        log.info("model %s by %s", opened.detector.name, opened.detector.provider)
        return cls(ModelEye(opened.detector), opened.detector.graph.sha256, opened.note)

    @property
    def name(self) -> str:
        """The model's name; `motion` without one."""
        return "motion" if self.model is None else self.model.name

    def for_camera(self) -> Eye:
        """The eye for one more camera; without a model each has its own memory."""
        return self.model if self.model is not None else MotionEye()
