"""What was decided about an event, in the index that finds it."""

from __future__ import annotations

from infra.migrations.script import run

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The key is made anew, and archive waits for as long as that takes."""
    run("v0013_search.sql")
