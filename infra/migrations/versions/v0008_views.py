"""What the dashboard's pages read: a camera's newest picture, and the pictures of plans."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index and a table."""
    run("v0008_views.sql")
