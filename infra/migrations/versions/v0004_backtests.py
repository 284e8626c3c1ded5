"""Backtests that the API was asked for, and what came of them."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table that the API writes itself."""
    run("v0004_backtests.sql")
