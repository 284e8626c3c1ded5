"""Devices' health: what polls and breakers say now, and a history of its changes."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns and the table first: the functions write them."""
    run("v0005_devices.sql")
