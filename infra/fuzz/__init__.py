"""Fuzzing: every parser of bytes from outside, coverage-guided. `watchfloor fuzz`."""
