"""What people ask for and what came of it: incidents, outcomes of commands, ended events."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns first: the function writes them."""
    run("v0003_acts.sql")
