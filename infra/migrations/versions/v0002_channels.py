"""Deliveries by channel: `delivery.channels`, and a row a channel in `notification_log`."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns first: the view reads them."""
    run("v0002_channels.sql")
