"""Rank: 0 to 100, with its reasons as parts that add up."""
