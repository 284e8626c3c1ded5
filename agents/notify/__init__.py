"""Notify: the only way out to people."""
