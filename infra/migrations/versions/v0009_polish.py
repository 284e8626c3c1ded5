"""The API's memory of writes under a key, and the order in which exports read."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table, and indexes for exports."""
    run("v0009_polish.sql")
