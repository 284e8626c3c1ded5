"""Drivers: how devices are asked. Each module has one; the registry finds them by name."""
