"""The first tables, their row-level security, and the functions by which archive writes."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables and views first: the policies are made over them."""
    run("v0001_tables.sql")
    run("v0001_isolation.sql")
