"""Acts in the database as well, where an administrator reads them."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table. What was done before is in the topic alone."""
    run("v0011_audit.sql")
