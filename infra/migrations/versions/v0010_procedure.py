"""What of an alert's procedure was done."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The column first: the function writes it."""
    run("v0010_procedure.sql")
