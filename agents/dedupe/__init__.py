"""Dedupe: which events are admitted, and which repeat one that was."""
