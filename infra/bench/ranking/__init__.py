"""Simulated sites with a month of history and ground truth, to measure the rank on."""
