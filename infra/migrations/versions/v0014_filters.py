"""Filters of the queue, kept with the account: they are there at every desk."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Browsers kept them before; what is in those stays there."""
    run("v0014_filters.sql")
