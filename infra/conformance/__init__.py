"""Conformance: recorded behaviour, driven through the pure stages or through all roles."""
