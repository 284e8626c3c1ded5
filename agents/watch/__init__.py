"""Watch: polls of devices, and what they say of a device's health."""
