"""Enrich: names for ids, and what this camera's own history says."""
