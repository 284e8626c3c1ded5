"""The capture role: sources become frames on `camera.frames.v1`."""
