"""What can go wrong with a model or a picture, told so that a person can act on it."""

from __future__ import annotations

__all__ = ["DetectError", "ModelError", "PictureError"]


class DetectError(Exception):
    """Base of what the detection core raises."""


class ModelError(DetectError):
    """A model that cannot be used.

    file: the file or model it is about. found, expected: what is wrong, in a few words.
    way_out: what the person can do.
    """

    def __init__(self, file: str, *, found: str, expected: str = "", way_out: str = "") -> None:
        self.file = file
        self.found = found
        self.expected = expected
        self.way_out = way_out
        text = f"{file}: {found}"
        if expected:
            text += f"; expected {expected}"
        text += "."
        if way_out:
            text += f" {way_out}"
        super().__init__(text)


class PictureError(DetectError, ValueError):
    """A picture that is refused: broken, no JPEG, or larger than what is allowed."""
