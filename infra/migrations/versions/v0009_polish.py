"""The API's memory of writes that were asked for under a key."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0009"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table."""
    run("v0009_polish.sql")
