"""Subscriptions of people's browsers, and the two functions by which act reads and marks them."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A new table of accounts; accounts' rows stay as they are."""
    run("v0012_push.sql")
