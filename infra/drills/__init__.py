"""Fault drills: real processes and a real broker, under load, while something breaks."""
